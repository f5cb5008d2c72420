"""Tokens of the operator's programs."""

import sqlalchemy as sa
from alembic import op

# A copy of tables.Number as it was at this step, which later changes must not affect.
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0002_operator_tokens"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "operator_token",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("rights", sa.String(length=256), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_operator_token_digest")),
        sa.UniqueConstraint("name", name=op.f("uq_operator_token_name")),
    )
