"""Who sent a request, and what they rate: pages and the API reach the database through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request

from matinee.web.cinema.films import Film
from matinee.web.cinema.showing import Showing
from matinee.web.metrics import RATINGS
from matinee.web.security.cookies import change_cookie, cookie_of, keep_visitor
from matinee.web.security.csrf import token_for
from matinee.web.services import Services
from matinee.web.store import film_lists, ratings_log, sessions
from matinee.web.store.accounts import Account
from matinee.web.store.film_lists import FilmList
from matinee.web.store.ratings_log import GivenRating
from matinee.web.store.tables import UnseenRow, WatchRow
from matinee.web.store.visitors import add_visitor, erase_visitor, visitor_id_of

# A transaction of so many ratings takes some tenths of a second.
N_AT_ONCE = 200


@dataclass(frozen=True)
class Visitor:
    """Who sent a request.

    Attributes
    ----------
    id : int or None
        None until they rate or dismiss something.
    account : Account or None
        None unless they are logged in.
    """

    id: int | None = None
    account: Account | None = None


def listed_film(showing: Showing, item: str) -> Film:
    """The film of an item.

    Raises
    ------
    HTTPException
        404, if there is none.
    """
    film = showing.catalogue.get(item)
    if film is None:
        raise HTTPException(404, f"There is no film {item[:80]!r}.")
    return film


class Visit:
    """One request of one visitor. Every method reads or changes only this visitor's own ratings.

    Parameters
    ----------
    request : Request
    services : Services
    visitor : Visitor, optional
        The visitor, if something other than the cookie identifies them.
    """

    def __init__(self, request: Request, services: Services, visitor: Visitor | None = None) -> None:
        self.request, self.services = request, services
        self.showing: Showing = services.showing
        if visitor is not None:
            self.visitor = visitor

    @cached_property
    def visitor(self) -> Visitor:
        """The visitor whom the cookie identifies; looked up on first use."""
        cookie = self.request.state.cookie
        if cookie is None or (cookie.session is None and cookie.visitor is None):
            return Visitor()
        with self.services.store.reading() as session:
            account = None if cookie.session is None else sessions.account_of(session, cookie.session)
            if account is not None:
                return Visitor(account.visitor_id, account)
            return Visitor(None if cookie.visitor is None else visitor_id_of(session, cookie.visitor))

    @property
    def account(self) -> Account | None:
        """The account, if they are logged in."""
        return self.visitor.account

    @property
    def csrf_token(self) -> str:
        """The token in the forms of this visitor's pages and in the header of their scripts' requests."""
        return token_for(cookie_of(self.request), self.services.secret)

    @property
    def ratings(self) -> dict[str, GivenRating]:
        """Their present ratings by item, the latest first."""
        return self._kept[0]

    @property
    def stars(self) -> dict[str, float]:
        """Their present ratings as numbers by item, which is what the recommendations take."""
        return {item: given.rating for item, given in self.ratings.items()}

    @property
    def dismissed(self) -> list[str]:
        """The items that they are not interested in, the latest first."""
        return self._kept[1]

    @cached_property
    def unseen(self) -> list[str]:
        """The items that they say they have not seen, the latest first."""
        return self._listed(UnseenRow)

    @cached_property
    def watchlist(self) -> list[str]:
        """The items that they want to see, the latest first."""
        return self._listed(WatchRow)

    @cached_property
    def _kept(self) -> tuple[dict[str, GivenRating], list[str]]:
        """Ratings and dismissals, read over one connection."""
        if self.visitor.id is None:
            return {}, []
        with self.services.store.reading() as session:
            ratings = {given.item: given for given in ratings_log.ratings_of(session, self.visitor.id)}
            return ratings, ratings_log.dismissed_by(session, self.visitor.id)

    def rate(self, film: Film, stars: float) -> GivenRating:
        """Set a rating. The first one makes a row for the visitor.

        Raises
        ------
        DataError
            If the rating is not half or whole stars from 0.5 to 5, or there are too many ratings.
        """
        with self.services.store.writing() as session:
            given = ratings_log.rate(session, writer := self._writer(session), film.item, stars)
            film_lists.remove_from_all(session, writer, film.item)
        RATINGS.labels("set").inc()
        self._forget()
        return given

    def rate_many(self, ratings: Sequence[tuple[Film, float, int | None]]) -> None:
        """Set many ratings, some at a time, so that others can write in between.

        Parameters
        ----------
        ratings : list of (Film, float, int or None)
            Film, stars, and when they were given in Unix milliseconds; None for now.

        Raises
        ------
        DataError
            If there are too many ratings.
        """
        for begin in range(0, len(ratings), N_AT_ONCE):
            part = ratings[begin : begin + N_AT_ONCE]
            with self.services.store.writing() as session:
                writer = self._writer(session)
                for film, stars, rated_at in part:
                    ratings_log.rate(session, writer, film.item, stars, at=rated_at)
                    film_lists.remove_from_all(session, writer, film.item)
            RATINGS.labels("set").inc(len(part))
        self._forget()

    def take_back(self, item: str) -> bool:
        """Remove a rating, even of a film that is no longer listed. Returns whether there was one."""
        if self.visitor.id is None:
            return False
        with self.services.store.writing() as session:
            was_there = ratings_log.take_back(session, self.visitor.id, item)
        RATINGS.labels("taken back").inc(was_there)
        self._forget()
        return was_there

    def dismiss(self, film: Film) -> None:
        """Note that they are not interested in a film."""
        with self.services.store.writing() as session:
            ratings_log.dismiss(session, self._writer(session), film.item)
        self._forget()

    def undismiss(self, film: Film) -> bool:
        """Forget that they are not interested in a film. Returns whether this was noted before."""
        if self.visitor.id is None:
            return False
        with self.services.store.writing() as session:
            was_there = ratings_log.undismiss(session, self.visitor.id, film.item)
        self._forget()
        return was_there

    def note_unseen(self, films: list[Film]) -> None:
        """Note that they have not seen some films, so that they are not asked about them again."""
        self._add(UnseenRow, films)

    def forget_unseen(self, film: Film) -> bool:
        """Forget that they have not seen a film. Returns whether this was noted before."""
        return self._remove(UnseenRow, film)

    def want_to_see(self, film: Film) -> None:
        """Put a film on their watchlist."""
        self._add(WatchRow, [film])

    def want_no_more(self, film: Film) -> bool:
        """Take a film off their watchlist. Returns whether it was on it."""
        return self._remove(WatchRow, film)

    def forget_everything(self) -> None:
        """Erase all that somebody without an account has left here, and their cookie."""
        if self.visitor.id is not None:
            with self.services.store.writing() as session:
                erase_visitor(session, self.visitor.id)
        change_cookie(self.request, visitor=None, session=None)
        self.become(Visitor())

    def become(self, visitor: Visitor) -> None:
        """Continue as somebody else, after they have logged in or out."""
        self.visitor = visitor
        self._forget()

    def film(self, item: str) -> Film:
        """The film of an item.

        Raises
        ------
        HTTPException
            404, if there is none.
        """
        return listed_film(self.showing, item)

    def _listed(self, films: FilmList) -> list[str]:
        if self.visitor.id is None:
            return []
        with self.services.store.reading() as session:
            return film_lists.items_in(session, films, self.visitor.id)

    def _add(self, films: FilmList, added: list[Film]) -> None:
        if not added:
            return
        with self.services.store.writing() as session:
            film_lists.add(session, films, self._writer(session), [film.item for film in added])
        self._forget()

    def _remove(self, films: FilmList, film: Film) -> bool:
        if self.visitor.id is None:
            return False
        with self.services.store.writing() as session:
            was_there = film_lists.remove(session, films, self.visitor.id, film.item)
        self._forget()
        return was_there

    def _writer(self, session: Session) -> int:
        """The visitor's number. Whoever has none gets one, and the browser keeps its key."""
        if self.visitor.id is None:
            row = add_visitor(session)
            keep_visitor(self.request, row.key)
            self.visitor = Visitor(row.id)
        assert self.visitor.id is not None
        return self.visitor.id

    def _forget(self) -> None:
        for known in ("_kept", "unseen", "watchlist"):
            self.__dict__.pop(known, None)
