"""Films that a visitor has not seen."""

import sqlalchemy as sa
from alembic import op

# A copy of tables.Number as it was at this step, which later changes must not affect.
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0005_unseen_films"
down_revision = "0004_events"


def upgrade() -> None:
    op.create_table(
        "unseen",
        sa.Column("visitor_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("item", sa.String(length=256), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["visitor_id"], ["visitor.id"], name=op.f("fk_unseen_visitor_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("visitor_id", "item", name=op.f("pk_unseen")),
    )
