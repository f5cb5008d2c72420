"""Recovery codes, and names that look alike."""

import sqlalchemy as sa
from alembic import op

from matinee.web.store.names import lookalike

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("lookalike", sa.String(length=256), nullable=True))
        batch_op.add_column(sa.Column("recovery_digest", sa.String(length=64), nullable=True))
    account = sa.table("account", sa.column("id"), sa.column("name"), sa.column("lookalike"))
    connection, taken = op.get_bind(), set()
    for number, name in connection.execute(sa.select(account.c.id, account.c.name).order_by(account.c.id)):
        found = lookalike(name)
        if found not in taken:
            taken.add(found)
            connection.execute(sa.update(account).where(account.c.id == number).values(lookalike=found))
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.create_unique_constraint(batch_op.f("uq_account_lookalike"), ["lookalike"])
