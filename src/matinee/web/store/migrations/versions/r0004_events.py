"""One log of ratings, dismissals and accounts, in place of one of ratings."""

import sqlalchemy as sa
from alembic import op

# A copy of tables.Number as it was at this step, which later changes must not affect.
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0004_events"
down_revision = "0003_heartbeat"


def upgrade() -> None:
    op.create_table(
        "event",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("visitor", sa.BigInteger(), nullable=False),
        sa.Column("visitor_id", NUMBER, nullable=True),
        sa.Column("item", sa.String(length=256), nullable=True),
        sa.Column("rating", sa.Float(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["visitor_id"], ["visitor.id"], name=op.f("fk_event_visitor_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sqlite_autoincrement=True,
    )
    op.execute(
        "INSERT INTO event (id, kind, visitor, visitor_id, item, rating, at) "
        "SELECT id, CASE WHEN rating IS NULL THEN 'unrated' ELSE 'rated' END, visitor_id, visitor_id, item, "
        "rating, at FROM rating_event ORDER BY id"
    )
    # Numbers go on where those of the old table, also of rows that are gone, ended.
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "SELECT setval(pg_get_serial_sequence('event', 'id'), last_value, is_called) "
            "FROM rating_event_id_seq"
        )
    else:
        op.execute(
            "UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'rating_event') "
            "WHERE name = 'event' AND EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'rating_event')"
        )
    # What is known of dismissals and accounts that were made before, at the time when they were.
    op.execute(
        "INSERT INTO event (kind, visitor, visitor_id, item, at) "
        "SELECT 'dismissed', visitor_id, visitor_id, item, at FROM dismissal ORDER BY at"
    )
    op.execute(
        "INSERT INTO event (kind, visitor, visitor_id, at) "
        "SELECT 'registered', visitor_id, visitor_id, created_at FROM account ORDER BY id"
    )
    op.drop_table("rating_event")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index("ix_event_at", ["at"], unique=False)
        batch_op.create_index("ix_event_visitor_id", ["visitor_id"], unique=False)
