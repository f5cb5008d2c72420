"""The tables of the database. Times are Unix milliseconds; items are the text of their ids."""

from __future__ import annotations

import time

from sqlalchemy import BigInteger, Float, ForeignKey, Index, Integer, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# SQLite numbers rows by itself only in a column of its own type INTEGER.
Number = BigInteger().with_variant(Integer(), "sqlite")
# As long as an id may be (see matinee.ratings.ids), and a SHA-256 in hex.
ITEM_LENGTH, DIGEST_LENGTH = 256, 64


def now() -> int:
    """This moment, in Unix milliseconds."""
    return time.time_ns() // 1_000_000


class Table(DeclarativeBase):
    """The base of all tables; constraints have names, so that a migration can speak of them."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_name)s",
        }
    )


class VisitorRow(Table):
    """Somebody who has rated something, with an account or without. ``key`` is what their cookie holds.

    Whoever logged in has gone over into the visitor ``merged_into`` of the account, and writes no more.
    """

    __tablename__ = "visitor"
    # A number is never given again: an old cookie or token must not become somebody else's.
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012  SQLAlchemy's own name and form

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[int] = mapped_column(BigInteger)
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("visitor.id", ondelete="CASCADE"), index=True)


class AccountRow(Table):
    """A visitor who can log in. ``folded_name`` is the name as it is looked up."""

    __tablename__ = "account"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    visitor_id: Mapped[int] = mapped_column(ForeignKey("visitor.id", ondelete="CASCADE"), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    folded_name: Mapped[str] = mapped_column(String(256), unique=True)
    password_hash: Mapped[str] = mapped_column(String(256))
    created_at: Mapped[int] = mapped_column(BigInteger)


class SessionRow(Table):
    """A browser that is logged in. Only a digest of what its cookie holds is kept."""

    __tablename__ = "session"

    digest: Mapped[str] = mapped_column(String(DIGEST_LENGTH), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True)


class RatingRow(Table):
    """What a visitor thinks of a film at present: the last event of the two."""

    __tablename__ = "rating"

    visitor_id: Mapped[int] = mapped_column(
        ForeignKey("visitor.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    item: Mapped[str] = mapped_column(String(ITEM_LENGTH), primary_key=True)
    rating: Mapped[float] = mapped_column(Float)
    rated_at: Mapped[int] = mapped_column(BigInteger)


class RatingEventRow(Table):
    """One line of the log of ratings, which is only ever added to; no rating: the rating was taken back."""

    __tablename__ = "rating_event"
    __table_args__ = (
        Index("ix_rating_event_visitor_id", "visitor_id"),
        Index("ix_rating_event_at", "at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    visitor_id: Mapped[int] = mapped_column(ForeignKey("visitor.id", ondelete="CASCADE"))
    item: Mapped[str] = mapped_column(String(ITEM_LENGTH))
    rating: Mapped[float | None] = mapped_column(Float)
    at: Mapped[int] = mapped_column(BigInteger)


class DismissalRow(Table):
    """A film that a visitor is not interested in."""

    __tablename__ = "dismissal"

    visitor_id: Mapped[int] = mapped_column(
        ForeignKey("visitor.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    item: Mapped[str] = mapped_column(String(ITEM_LENGTH), primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger)


class TokenRow(Table):
    """What a program of an account's owner authenticates with; only a digest of it is kept."""

    __tablename__ = "token"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(DIGEST_LENGTH), unique=True)
    created_at: Mapped[int] = mapped_column(BigInteger)


class LoginAttemptRow(Table):
    """An attempt to log in that has not succeeded, under the digest of a name, of an address, or of both."""

    __tablename__ = "login_attempt"
    __table_args__ = (
        Index("ix_login_attempt_subject_at", "subject", "at"),
        Index("ix_login_attempt_at", "at"),
    )

    id: Mapped[int] = mapped_column(Number, primary_key=True)
    subject: Mapped[str] = mapped_column(String(DIGEST_LENGTH))
    at: Mapped[int] = mapped_column(BigInteger)
