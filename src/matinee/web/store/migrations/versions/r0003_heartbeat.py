"""The row by which a server finds out whether it can write."""

import sqlalchemy as sa
from alembic import op

revision = "0003_heartbeat"
down_revision = "0002_operator_tokens"


def upgrade() -> None:
    heartbeat = op.create_table(
        "heartbeat",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heartbeat")),
    )
    op.bulk_insert(heartbeat, [{"id": 1, "at": 0}])
