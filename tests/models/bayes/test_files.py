"""Files of BayesianALS: the samples and the features come back as they went in, and nothing else gets in."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from matinee.errors import MatineeError, ModelFileError
from matinee.models import BayesianALS, load
from matinee.ratings import Ratings, Rows

from ...conftest import random_ratings
from .test_answers import frames, known_features

KINDS = ["plain", "implicit", "features", "noise", "item noise", "contexts", "all"]


def fit(kind: str) -> BayesianALS:
    ratings, validation = random_ratings(), random_ratings(seed=1)
    if kind in ("contexts", "all"):
        ratings, validation = map(in_contexts, (ratings, validation))
    model = BayesianALS(
        n_factors=3,
        n_samples=6,
        n_burn_in=2,
        n_kept=4,
        tolerance=1e-3,
        implicit=kind in ("implicit", "all"),
        user_noise=kind in ("noise", "all"),
        item_noise=kind in ("item noise", "all"),
    )
    given = frames(ratings) if kind in ("features", "all") else {}
    return model.fit(ratings, validation, **given)


def in_contexts(ratings: Ratings) -> Ratings:
    """The ratings, each on a device and in a place, some of which are not known."""
    places = np.arange(len(ratings))
    frame = ratings.to_frame().with_columns(
        device=pl.Series(np.array(["phone", "tv", ""])[places % 3]), place=pl.Series(places % 7 % 4)
    )
    return Ratings.from_frame(frame, contexts=["device", "place"])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[BayesianALS, Path]]:
    folder, found = tmp_path_factory.mktemp("models"), {}
    for kind in KINDS:
        found[kind] = fit(kind), folder / kind
        found[kind][0].save(folder / kind)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_saving_and_loading_is_the_identity(files: dict, kind: str) -> None:
    model, path = files[kind]
    loaded = load(path)
    assert type(loaded) is BayesianALS
    assert loaded.get_params() == model.get_params()
    assert loaded.history_ == model.history_
    assert loaded.effective_samples_ == model.effective_samples_
    for name in model.posterior_.names():
        ours, theirs = getattr(loaded.posterior_, name), getattr(model.posterior_, name)
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)
    for name in ("user_factors_", "item_factors_", "user_biases_", "item_biases_"):
        assert np.array_equal(getattr(loaded, name), getattr(model, name))
    user, items = model.user_index_.id_at(5), model.item_index_.ids
    for ask in (
        lambda each: each.predict(user, items, return_std=True, interval=0.9),
        lambda each: each.predict(-1, items, return_std=True),
        lambda each: each.fold_in({items[3]: 4}, features=known_features(model, 8)).predict(
            items, interval=0.5
        ),
        lambda each: each.recommend_all(n=3)["score"].to_numpy(),
        lambda each: each.predict(user, items, context={"device": "tv"} if each.contexts_ else None),
    ):
        assert np.array_equal(ask(loaded), ask(model))
    item = model.recommend(user, 1)[0].item
    assert loaded.recommend(user, optimism=1.0) == model.recommend(user, optimism=1.0)
    assert loaded.explain(user, item) == model.explain(user, item)


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_model_saves_to_the_same_bytes(files: dict, kind: str, tmp_path: Path) -> None:
    load(files[kind][1]).save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == files[kind][1].read_bytes()


def test_every_truncation_is_refused(files: dict, tmp_path: Path) -> None:
    data = files["all"][1].read_bytes()
    for length in [*range(1, len(data), 397), len(data) - 1]:
        (tmp_path / "cut").write_bytes(data[:length])
        with pytest.raises(ModelFileError, match="truncated|not a model file"):
            load(tmp_path / "cut")


def changed(path: Path, to: Path, arrays: dict | None = None, header: dict | None = None) -> Path:
    """A copy of a model file with other arrays (None takes one out) and entries of the header."""
    data = path.read_bytes()
    entries = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    old = json.loads(entries["__metadata__"]["matinee"])
    new = {**load_file(path), **(arrays or {})}
    tensors = {name: np.ascontiguousarray(array) for name, array in new.items() if array is not None}
    save_file(tensors, to, metadata={"matinee": json.dumps({**old, **(header or {})})})
    return to


def test_a_file_written_again_unchanged_is_read(files: dict, tmp_path: Path) -> None:
    """So that what is refused below is refused for the change alone."""
    model, path = files["all"]
    again = load(changed(path, tmp_path / "same"))
    assert np.array_equal(again.posterior_.user_samples, model.posterior_.user_samples)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "name", [*fit("plain").posterior_.names(), *(f"user_features_{part}" for part in Rows._fields[:3])]
)
def test_an_array_that_is_gone_or_of_another_kind_is_refused(files: dict, tmp_path: Path, name: str) -> None:
    path = files["all"][1]
    array = load_file(path)[name]
    for other in (
        None,
        array[:-1],
        np.concatenate([array, array]),
        array[None],
        array.astype(np.float64 if array.dtype == np.float32 else np.float32),
    ):
        with pytest.raises(ModelFileError):
            load(changed(path, tmp_path / "changed", {name: other}))


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan])
def test_a_noise_that_cannot_be_is_refused(files: dict, tmp_path: Path, bad: float) -> None:
    other = {"noise_precisions": np.array([1.0, bad, 1.0, 1.0])}
    path = changed(files["plain"][1], tmp_path / "changed", other)
    with pytest.raises(ModelFileError, match="precision of its noise"):
        load(path, check=False)
    with pytest.raises(ModelFileError, match="noise"):
        load(path)


@pytest.mark.parametrize(
    ("name", "bad", "said"),
    [
        ("noise_degrees", 2.0, "the noise of its users has a variance without bound"),
        ("item_noise_degrees", 2.0, "the noise of its items has a variance without bound"),
        ("item_precisions", 0.0, "the precision of an item's ratings is not above 0"),
        ("item_precisions", -1.0, "the precision of an item's ratings is not above 0"),
    ],
)
def test_a_noise_of_ones_own_that_cannot_be_is_refused(
    files: dict, tmp_path: Path, name: str, bad: float, said: str
) -> None:
    path = files["all"][1]
    array = load_file(path)[name].copy()
    array[-1] = bad
    with pytest.raises(ModelFileError, match=said):
        load(changed(path, tmp_path / "changed", {name: array}))


def test_a_noise_beside_which_the_prior_is_infinite_is_refused(files: dict, tmp_path: Path) -> None:
    other = {"noise_precisions": np.array([1.0, 1e-320, 1.0, 1.0])}
    with pytest.raises(ModelFileError, match="nothing beside that of its prior"):
        load(changed(files["plain"][1], tmp_path / "changed", other))


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_a_prior_that_is_no_precision_is_refused(files: dict, tmp_path: Path, bad: float) -> None:
    path = files["plain"][1]
    precisions = load_file(path)["prior_precisions"].copy()
    precisions[1] = bad * np.eye(4) if np.isfinite(bad) else bad
    with pytest.raises(ModelFileError, match="prior"):
        load(changed(path, tmp_path / "changed", {"prior_precisions": precisions}))


@pytest.mark.parametrize("value", [-1, 2**31 - 1])
@pytest.mark.parametrize("name", ["user_features_columns", "user_features_indptr"])
def test_features_that_would_lead_the_kernels_astray_are_refused(
    files: dict, tmp_path: Path, name: str, value: int
) -> None:
    path = files["features"][1]
    array = load_file(path)[name].copy()
    array[len(array) // 2] = value
    with pytest.raises(ModelFileError, match="features"):
        load(changed(path, tmp_path / "changed", {name: array}))


@pytest.mark.parametrize(
    "header",
    [
        {"user_columns": None},
        {"user_columns": []},
        {"user_columns": 7},
        {"user_columns": [{"name": "age"}]},
        {
            "user_columns": [
                {"name": "age", "mean": 0.0, "deviation": 0.0},
                {"name": "trade", "categories": ["a"] * 3},
            ]
        },
        {"effective_samples": "many"},
        {"model": "ALS"},
        {"contexts": {}},
    ],
)
def test_a_header_that_does_not_fit_the_arrays_is_refused(files: dict, tmp_path: Path, header: dict) -> None:
    with pytest.raises(ModelFileError):
        load(changed(files["features"][1], tmp_path / "changed", header=header))


@pytest.mark.parametrize(
    "contexts",
    [
        None,
        {},
        ["device", "place"],
        {"device": ["phone", "tv"], "place": ["0", "1", "2", "3"]},
        {"device": ["", "phone", "tv"]},
        {"device": ["tv", "phone", ""], "place": ["0", "1", "2", "3"]},
        {"device": ["", "phone", "tv"], "place": [0, 1, 2, 3]},
        {name: [str(value) for value in range(100, 999)] for name in "abcdefghijkl"},
    ],
)
def test_contexts_that_do_not_fit_the_arrays_are_refused(
    files: dict, tmp_path: Path, contexts: object
) -> None:
    with pytest.raises(ModelFileError):
        load(changed(files["contexts"][1], tmp_path / "changed", header={"contexts": contexts}))


@pytest.mark.parametrize("change", [lambda codes: codes - 99, lambda codes: codes[:-1], lambda codes: None])
def test_codes_of_contexts_that_are_none_are_refused(files: dict, tmp_path: Path, change: Callable) -> None:
    path = files["contexts"][1]
    codes = change(load_file(path)["rated_contexts"])
    with pytest.raises(ModelFileError, match="contexts"):
        load(changed(path, tmp_path / "changed", {"rated_contexts": codes}))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_fails_or_answers_but_never_crashes(
    files: dict, tmp_path: Path, data: st.DataObject
) -> None:
    original = bytearray(files["all"][1].read_bytes())
    limit = data.draw(st.sampled_from([8 + int.from_bytes(original[:8], "little"), len(original)]))
    for place, byte in data.draw(
        st.lists(st.tuples(st.integers(0, limit - 1), st.integers(0, 255)), min_size=1)
    ):
        original[place] = byte
    path = tmp_path / "damaged"
    path.write_bytes(original)
    try:
        # Numbers that are not finite may be answered with such, which numpy warns of.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = load(path)
            user, item = model.user_index_.id_at(0), model.item_index_.id_at(0)
            model.recommend(user, n=3)
            model.predict(user, item, return_std=True)  # type: ignore[call-arg]
            model.fold_in({item: 3}).recommend(3)
            model.explain(user, item)
    except MatineeError:
        pass


def test_users_without_a_single_feature_are_loaded(tmp_path: Path) -> None:
    ratings = random_ratings()
    tags = [[] if place % 3 else ["a"] for place in range(ratings.n_users)]
    features = pl.DataFrame({"user": ratings.users, "tags": pl.Series(tags, dtype=pl.List(pl.String))})
    model = BayesianALS(n_factors=2, n_samples=3, n_burn_in=1).fit(ratings, user_features=features)
    model.save(tmp_path / "model")
    user, items = ratings.users[1].item(), ratings.items
    assert np.array_equal(load(tmp_path / "model").predict(user, items), model.predict(user, items))
