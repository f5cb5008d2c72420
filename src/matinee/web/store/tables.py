"""The tables of the database. Times are Unix milliseconds; items are the text of their ids."""

from __future__ import annotations

import time

from sqlalchemy import BigInteger, Float, ForeignKey, Index, Integer, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# SQLite numbers rows automatically only in a column of its own type INTEGER.
Number = BigInteger().with_variant(Integer(), "sqlite")
# The longest id (see matinee.ratings.ids), and a SHA-256 in hex.
ITEM_LENGTH, DIGEST_LENGTH = 256, 64


def now() -> int:
    """The present time in Unix milliseconds."""
    return time.time_ns() // 1_000_000


class Table(DeclarativeBase):
    """The base of all tables. Constraints have names, so that a migration can name them."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_name)s",
        }
    )


class VisitorRow(Table):
    """Somebody who has rated something, with or without an account. Their cookie holds ``key``.

    After a login, ``merged_into`` is the account's visitor, and this one can write no more.
    """

    __tablename__ = "visitor"
    # A number is never used again: an old cookie or token must not become somebody else's.
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012  SQLAlchemy demands this name and form

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[int] = mapped_column(BigInteger)
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("visitor.id", ondelete="CASCADE"), index=True)


class AccountRow(Table):
    """A visitor who can log in. ``folded_name`` is the name as it is looked up.

    ``lookalike`` is what names that look alike have in common; null for an account from before the column if
    its name looks like another's. ``recovery_digest`` is that of the recovery code; null if there is none.
    """

    __tablename__ = "account"
    __table_args__ = (
        Index("ix_account_lookalike", "lookalike", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    visitor_id: Mapped[int] = mapped_column(ForeignKey("visitor.id", ondelete="CASCADE"), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    folded_name: Mapped[str] = mapped_column(String(256), unique=True)
    lookalike: Mapped[str | None] = mapped_column(String(256))
    password_hash: Mapped[str] = mapped_column(String(256))
    recovery_digest: Mapped[str | None] = mapped_column(String(DIGEST_LENGTH))
    created_at: Mapped[int] = mapped_column(BigInteger)


class SessionRow(Table):
    """A browser that is logged in. Only a digest of the secret in its cookie is stored."""

    __tablename__ = "session"

    digest: Mapped[str] = mapped_column(String(DIGEST_LENGTH), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True)


class RatingRow(Table):
    """A visitor's present rating of a film, which is the last event of the two in the log."""

    __tablename__ = "rating"

    visitor_id: Mapped[int] = mapped_column(
        ForeignKey("visitor.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    item: Mapped[str] = mapped_column(String(ITEM_LENGTH), primary_key=True)
    rating: Mapped[float] = mapped_column(Float)
    rated_at: Mapped[int] = mapped_column(BigInteger)


class EventRow(Table):
    """A line of the append-only log (see `matinee.web.store.events`).

    ``visitor_id`` is ``visitor``, or None in the line that says that the visitor is deleted. The database
    erases the other lines of the visitor.
    """

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_visitor_id", "visitor_id"),
        Index("ix_event_at", "at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    visitor: Mapped[int] = mapped_column(BigInteger)
    visitor_id: Mapped[int | None] = mapped_column(ForeignKey("visitor.id", ondelete="CASCADE"))
    item: Mapped[str | None] = mapped_column(String(ITEM_LENGTH))
    rating: Mapped[float | None] = mapped_column(Float)
    at: Mapped[int] = mapped_column(BigInteger)


class FilmOfVisitor(Table):
    """A film in a list of a visitor's; each list is a table."""

    __abstract__ = True

    visitor_id: Mapped[int] = mapped_column(
        ForeignKey("visitor.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    item: Mapped[str] = mapped_column(String(ITEM_LENGTH), primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger)


class DismissalRow(FilmOfVisitor):
    """A film that a visitor is not interested in."""

    __tablename__ = "dismissal"


class UnseenRow(FilmOfVisitor):
    """A film that a visitor has not seen, and is not asked about again. It may be suggested."""

    __tablename__ = "unseen"


class WatchRow(FilmOfVisitor):
    """A film that a visitor wants to see."""

    __tablename__ = "watchlist"


class TokenRow(Table):
    """A token with which a program of the account's owner authenticates. Only a digest of it is stored."""

    __tablename__ = "token"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(DIGEST_LENGTH), unique=True)
    created_at: Mapped[int] = mapped_column(BigInteger)


class OperatorTokenRow(Table):
    """A token of the operator's programs. Its rights are words with spaces between them."""

    __tablename__ = "operator_token"

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    digest: Mapped[str] = mapped_column(String(DIGEST_LENGTH), unique=True)
    rights: Mapped[str] = mapped_column(String(256))
    created_at: Mapped[int] = mapped_column(BigInteger)


class LoginAttemptRow(Table):
    """An attempt to log in that has not succeeded, under a digest of the name, of the address, or of both."""

    __tablename__ = "login_attempt"
    __table_args__ = (
        Index("ix_login_attempt_subject_at", "subject", "at"),
        Index("ix_login_attempt_at", "at"),
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    subject: Mapped[str] = mapped_column(String(DIGEST_LENGTH))
    at: Mapped[int] = mapped_column(BigInteger)


class HeartbeatRow(Table):
    """The only row, which a server writes to find out whether it can."""

    __tablename__ = "heartbeat"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(BigInteger)
