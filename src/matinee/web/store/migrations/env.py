"""Alembic runs this file: it applies the missing steps on the connection that it is given."""

from alembic import context

from matinee.web.store.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    # SQLite cannot change a table's columns, so a step copies the table instead.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
