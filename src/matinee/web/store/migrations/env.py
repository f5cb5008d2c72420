"""What Alembic runs: the steps that are missing, on the connection that it is given."""

from alembic import context

from matinee.web.store.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    # SQLite cannot change a table's columns, so that a step builds the table anew.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
