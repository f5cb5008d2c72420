"""What is fuzzed: the corpus of each kind of input, its changes, and all that is asked of what is taken."""

from __future__ import annotations

import json
import tempfile
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import polars as pl

import matinee
from matinee.errors import MatineeError

from ..conftest import random_ratings
from . import mutation

CORPUS = Path(__file__).with_name("corpus")


class Target(ABC):
    """A kind of input."""

    name: str

    def seeds(self) -> list[tuple[str, bytes]]:
        """The names and contents of the inputs that others are made from."""
        folder = CORPUS / self.name
        return [(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]

    @abstractmethod
    def mutated(self, rng: Random, data: bytes) -> bytes:
        """The input, changed a little."""

    @abstractmethod
    def run(self, path: Path) -> bool:
        """Take the input in a file; whether it was accepted. Anything but a MatineeError is a finding."""


# ---- model files ----------------------------------------------------------------------------------


class Models(Target):
    """Model files. One that loads must answer every question, and be the same once saved and loaded."""

    name = "models"

    def mutated(self, rng: Random, data: bytes) -> bytes:
        return mutation.mutated_model(rng, data)

    def run(self, path: Path) -> bool:
        try:
            model = matinee.load(path)
        except matinee.ModelFileError as error:
            assert len(str(error)) < 2000, "a message that repeats the file"
            return False
        ask_everything(model)
        again = path.with_name("again")
        model.save(again)
        matinee.load(again)
        return True


def ask_everything(model: Any) -> None:
    """Every question that a model answers, of its first and its last user and item."""
    users, items = model.user_index_.ids.tolist(), model.item_index_.ids.tolist()
    for question in questions(model, users, items):
        # A model may refuse a question, such as that for a user whom it does not have, but in our words.
        try:
            question()
        except MatineeError as error:
            assert not isinstance(error, matinee.NotFittedError), "a model that loaded is not fitted"


def questions(model: Any, users: list[Any], items: list[Any]) -> list[Callable[[], Any]]:
    """What can be asked of a model, with users and items of its own and of nobody's."""
    rated = {items[0]: 3.0, items[-1]: 0.0} if items else {}
    asked: list[Callable[[], Any]] = [
        lambda: well_formed(model.recommend_all(n=3, exclude_seen=False)),
        lambda: model.recommend_all(n=2),
        lambda: model.predict("nobody", "nothing"),
        lambda: ask_person(model.fold_in(rated), items),
        lambda: ask_person(model.fold_in({}), items),
        lambda: repr(model),
        lambda: [record.to_dict() for record in model.history_],
    ]
    for user, item in zip({*users[:1], *users[-1:]}, [*items[:1], *items[-1:]], strict=False):
        asked += [
            lambda user=user: model.recommend(user, n=3),  # type: ignore[misc]
            lambda user=user, item=item: model.predict([user, -5], [item, item]),  # type: ignore[misc]
            lambda user=user, item=item: model.explain(user, item),  # type: ignore[misc]
            lambda user=user: model.similar_users(user, n=2),  # type: ignore[misc]
            lambda item=item: model.similar_items(item, n=2),  # type: ignore[misc]
        ]
        if model.has_intervals:
            asked += [
                lambda user=user, item=item: model.predict(user, item, return_std=True, interval=0.9),  # type: ignore[misc]
                lambda user=user: model.recommend(user, n=2, optimism=1.0),  # type: ignore[misc]
            ]
        if isinstance(model, matinee.Recommender):
            asked.append(lambda user=user: model.recommend(user, n=2, blend=0.9))  # type: ignore[misc]
    if getattr(model, "user_columns_", None) is not None:
        asked.append(lambda: model.fold_in(rated, features={"age": 30, "trade": "none"}).recommend(2))
    return asked


def ask_person(person: Any, items: list[Any]) -> None:
    person.recommend(n=2)
    if items:
        person.predict(items[:2])
        person.explain(items[0])


def well_formed(lists: pl.DataFrame) -> None:
    """Lists have distinct items of the model, in the order of their scores."""
    assert lists.select("user", "item").is_unique().all(), "a list has an item twice"
    scores = lists["score"].to_numpy()
    same = (lists["user"] == lists["user"].shift()).fill_null(False).to_numpy()
    steps = scores[1:][same[1:]] > scores[:-1][same[1:]]
    assert not steps.any(), "a list is not in order"


# ---- tables in text ---------------------------------------------------------------------------------


class Ratings(Target):
    """Files of ratings. What is read must be described, split and fitted."""

    name = "ratings"

    def mutated(self, rng: Random, data: bytes) -> bytes:
        return mutation.mutated_text(rng, data)

    def run(self, path: Path) -> bool:
        try:
            ratings = matinee.read_ratings(path)
        except MatineeError:
            return False
        ratings.describe()
        assert len(ratings.to_frame()) == len(ratings)
        assert np.isfinite(ratings.values).all()
        try:
            matinee.ALS(n_factors=2, n_iterations=1, n_threads=1).fit(ratings, progress=False)
        except MatineeError:
            return False
        return True


class Movies(Target):
    """Files of films."""

    name = "movies"

    def mutated(self, rng: Random, data: bytes) -> bytes:
        return mutation.mutated_text(rng, data)

    def run(self, path: Path) -> bool:
        try:
            movies = matinee.read_movies(path)
            for movie in movies.values():
                assert isinstance(movie.title, str) and isinstance(movie.year, int | None)
            movies.features()
        except MatineeError:
            return False
        return True


class Users(Target):
    """Files of users, which become features."""

    name = "users"

    def mutated(self, rng: Random, data: bytes) -> bytes:
        return mutation.mutated_text(rng, data)

    def run(self, path: Path) -> bool:
        from matinee.models.features.features import FeatureColumns, FeatureTable

        try:
            table = FeatureTable.read(matinee.read_users(path), "user")
            FeatureColumns.from_frame(table.frame).encode_frame(table.frame)
        except MatineeError:
            return False
        return True


# ---- study files ----------------------------------------------------------------------------------


class Studies(Target):
    """Study files, from which a search goes on by one trial."""

    name = "studies"
    n_trials = 9

    def __init__(self) -> None:
        self.ratings = random_ratings(12, 8, share=0.6)
        self.model = matinee.ALS(n_factors=2, n_iterations=2, n_threads=1)

    def seeds(self) -> list[tuple[str, bytes]]:
        """Studies of this version: those of another have other settings, and are refused for them."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "study.log"
            found = []
            for n in (1, self.n_trials):
                self._tune(path, n)
                found.append((f"{n} trials", path.read_bytes()))
            return found

    def mutated(self, rng: Random, data: bytes) -> bytes:
        return mutation.mutated_study(rng, data)

    def run(self, path: Path) -> bool:
        try:
            found = self._tune(path, 2)
        except MatineeError:
            return False
        assert found.best_model.recommend(found.best_model.user_index_.id_at(0)) is not None
        return True

    def _tune(self, path: Path, n_trials: int) -> Any:
        return matinee.tune(
            self.ratings, self.model, n_trials=n_trials, max_factors=4, study=path, progress=False
        )


# ---- bodies of requests -----------------------------------------------------------------------------


class Bodies(Target):
    """Requests to the API: a method, a path, and a body of JSON. An answer of 500 or more is a finding."""

    name = "bodies"

    def __init__(self) -> None:
        self._browser: Any = None

    def mutated(self, rng: Random, data: bytes) -> bytes:
        return mutation.mutated_json_text(rng, data)

    @property
    def browser(self) -> Any:
        """A browser with an account, on a site that is made at the first request."""
        if self._browser is None:
            from ..web.conftest import migrate
            from ..web.site import Settings, Site

            folder = Path(tempfile.mkdtemp(prefix="matinee-fuzz-"))
            path = folder / "model"
            matinee.ALS(n_factors=4, n_iterations=2).fit(matinee.load_dataset("demo"), progress=False).save(
                path
            )
            settings = Settings(model=str(path), movies="demo", folder=str(folder), rate_limit="")
            migrate(f"sqlite:///{folder / 'matinee.sqlite3'}")
            self._browser = Site(settings).logged_in()
            self._token = self._browser.csrf_token
        return self._browser

    def run(self, path: Path) -> bool:
        content = path.read_bytes()
        method, address, body = "POST", "/recommendations", content
        try:
            asked = json.loads(content)
            if isinstance(asked, dict) and asked.get("method") in ("GET", "POST", "PUT", "DELETE"):
                method, address = asked["method"], str(asked.get("path", "/"))
                body = json.dumps(asked.get("body")).encode()
        except (ValueError, RecursionError):
            pass
        headers = {"X-CSRF-Token": self.browser and self._token, "Content-Type": "application/json"}
        try:
            answer = self.browser.client.request(
                method, f"/api/v1{quoted(address)}", content=body, headers=headers
            )
        finally:
            self.browser.client.cookies.jar.clear_expired_cookies()
        assert answer.status_code < 500, f"{method} {address!r} has the status {answer.status_code}"
        return bool(answer.status_code < 400)


def quoted(address: str) -> str:
    from urllib.parse import quote

    return quote(address, safe="/?=&%", errors="replace")


TARGETS: dict[str, Callable[[], Target]] = {
    each.name: each for each in (Models, Ratings, Movies, Users, Studies, Bodies)
}


def outcome(target: Target, path: Path) -> bool:
    """Whether the input was accepted. Warnings are no findings: whoever loads a strange file is warned."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return target.run(path)
