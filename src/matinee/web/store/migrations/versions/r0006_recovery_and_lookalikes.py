"""Recovery codes, and names that look alike."""

import sqlalchemy as sa
from alembic import op

from matinee.web.store.names import lookalike

revision = "0006_recovery_and_lookalikes"
down_revision = "0005_unseen_films"


def upgrade() -> None:
    op.add_column("account", sa.Column("lookalike", sa.String(length=256), nullable=True))
    op.add_column("account", sa.Column("recovery_digest", sa.String(length=64), nullable=True))
    account = sa.table("account", sa.column("id"), sa.column("name"), sa.column("lookalike"))
    connection, taken = op.get_bind(), set()
    for number, name in connection.execute(sa.select(account.c.id, account.c.name).order_by(account.c.id)):
        found = lookalike(name)
        if found not in taken:
            taken.add(found)
            connection.execute(sa.update(account).where(account.c.id == number).values(lookalike=found))
    # No constraint: for that, SQLite would make the table anew, and would forget the numbers it has given.
    op.create_index("ix_account_lookalike", "account", ["lookalike"], unique=True)
