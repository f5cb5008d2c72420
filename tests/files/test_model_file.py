"""Model files: what goes in comes out, and nothing else ever happens."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matinee.errors import MatineeError, ModelFileError
from matinee.files.model_file import FORMAT_VERSION
from matinee.models import ALS, ImplicitALS, load
from matinee.ratings import Ratings

from ..conftest import random_ratings


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[ALS, Path]:
    model = ALS(n_factors=3, regularization=0.07, weighting=0.5, random_state=9)
    model.fit(random_ratings(), validation=random_ratings(seed=1))
    path = tmp_path_factory.mktemp("models") / "model.safetensors"
    model.save(path)
    return model, path


def parts(path: Path) -> tuple[dict, bytes]:
    """The header's entries and the data of a model file."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def write_parts(path: Path, entries: dict, data: bytes) -> Path:
    header = json.dumps(entries).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    return path


@pytest.fixture(scope="module")
def saved_implicit(tmp_path_factory: pytest.TempPathFactory) -> tuple[ImplicitALS, Path]:
    model = ImplicitALS(n_factors=3, regularization=0.07, alpha=2.5, solver="cg", threshold=3, random_state=9)
    model.fit(random_ratings(), validation=random_ratings(seed=1))
    path = tmp_path_factory.mktemp("models") / "implicit.safetensors"
    model.save(path)
    return model, path


@pytest.mark.parametrize("kind", ["saved", "saved_implicit"])
def test_saving_and_loading_is_the_identity(kind: str, request: pytest.FixtureRequest) -> None:
    model, path = request.getfixturevalue(kind)
    loaded = load(path)
    assert type(loaded) is type(model)
    assert loaded.get_params() == model.get_params()
    assert loaded.history_ == model.history_
    assert (loaded.mean_, loaded.rating_range_) == (model.mean_, model.rating_range_)
    for name in ("user_factors_", "item_factors_", "user_biases_", "item_biases_"):
        assert np.array_equal(getattr(loaded, name), getattr(model, name))
    assert loaded.user_index_ == model.user_index_
    assert loaded.item_index_ == model.item_index_
    user = model.user_index_.id_at(5)
    item = model.recommend(user, 1)[0].item
    assert loaded.recommend(user) == model.recommend(user)
    assert loaded.explain(user, item) == model.explain(user, item)
    assert loaded.fold_in({item: 4}).recommend() == model.fold_in({item: 4}).recommend()


@pytest.mark.parametrize("kind", ["saved", "saved_implicit"])
def test_a_loaded_model_saves_to_the_same_bytes(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    _, path = request.getfixturevalue(kind)
    load(path).save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alpha": -1.0}, "alpha=-1.0"),
        ({"solver": "lu"}, "solver='lu'"),
        ({"solver": ["cg"]}, "solver="),
        ({"threshold": "3"}, "threshold='3'"),
        ({"nu": None}, "nu=None"),
        ({"unobserved_weight": float("nan")}, "unobserved_weight=nan"),
    ],
)
def test_a_parameter_out_of_range_in_a_file_is_refused(
    saved_implicit: tuple[ImplicitALS, Path], tmp_path: Path, change: dict, message: str
) -> None:
    entries, data = parts(saved_implicit[1])
    header = json.loads(entries["__metadata__"]["matinee"])
    header["parameters"].update(change)
    entries["__metadata__"]["matinee"] = json.dumps(header)
    with pytest.raises(ModelFileError, match=message):
        load(write_parts(tmp_path / "changed", entries, data))


def test_a_loaded_model_can_be_saved_over_its_own_file_and_fitted_again(
    saved: tuple[ALS, Path], tmp_path: Path
) -> None:
    path = tmp_path / "model"
    saved[0].save(path)
    loaded = load(path)
    loaded.save(path)
    user = saved[0].user_index_.id_at(0)
    assert loaded.recommend(user) == load(path).recommend(user)
    assert loaded.fit(random_ratings()).recommend(user)


def test_arrays_are_mapped_and_not_copied(saved: tuple[ALS, Path]) -> None:
    loaded = load(saved[1])
    assert not loaded.item_factors_.flags.writeable
    assert not loaded.item_factors_.flags.owndata


@pytest.mark.parametrize(
    "ids", [[-(2**63), 0, 2**63 - 1], [1, 2**64 - 1, 7], ["b", "a", "Amélie 🎬"], ["", "x" * 200, " "]]
)
def test_ids_of_any_kind_survive(ids: list, tmp_path: Path) -> None:
    ratings = Ratings.from_arrays(ids * 2, [ids[0]] * 3 + [ids[1]] * 3, [1, 2, 3, 4, 5, 1])
    model = ALS(n_factors=1).fit(ratings)
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.user_index_.ids.tolist() == sorted(ids)
    assert loaded.user_index_.ids.dtype == model.user_index_.ids.dtype
    for user in ids:
        assert loaded.predict(user, ids[0]) == model.predict(user, ids[0])


def test_the_file_is_readable_without_matinee(saved: tuple[ALS, Path]) -> None:
    from safetensors.numpy import load_file

    assert np.array_equal(load_file(saved[1])["item_factors"], saved[0].item_factors_)
    header = json.loads(parts(saved[1])[0]["__metadata__"]["matinee"])
    assert header["format_version"] == FORMAT_VERSION
    assert header["model"] == "ALS"
    assert header["parameters"]["regularization"] == 0.07


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="gone.safetensors cannot be read: .*No such file"):
        load(tmp_path / "gone.safetensors")
    with pytest.raises(ModelFileError, match="cannot be read"):
        load(tmp_path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(ModelFileError, match="empty is empty; expected a model file"):
        load(tmp_path / "empty")


def test_every_truncation_is_refused(saved: tuple[ALS, Path], tmp_path: Path) -> None:
    data = saved[1].read_bytes()
    for length in [*range(1, 40), *range(40, len(data), 97), len(data) - 1]:
        (tmp_path / "cut").write_bytes(data[:length])
        with pytest.raises(ModelFileError, match="truncated|not a model file"):
            load(tmp_path / "cut")


def test_a_newer_version_is_refused_with_the_remedy(saved: tuple[ALS, Path], tmp_path: Path) -> None:
    entries, data = parts(saved[1])
    header = json.loads(entries["__metadata__"]["matinee"])
    entries["__metadata__"]["matinee"] = json.dumps({**header, "format_version": FORMAT_VERSION + 1})
    with pytest.raises(
        ModelFileError, match=f"version {FORMAT_VERSION + 1}; this Matinee reads up to .*install a newer"
    ):
        load(write_parts(tmp_path / "new", entries, data))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "os.system"}, "os.system"),
        ({"parameters": {"n_factors": 3, "evil": 1}}, "evil"),
        ({"parameters": {"evil": 1}}, "the parameters of ALS are evil"),
        ({"parameters": {"grading": 0.2}}, "the parameters of ALS are grading"),
        ({"parameters": []}, "damaged"),
        ({"mean": float("nan")}, "mean=nan"),
        ({"mean": 1e300}, "mean="),
        ({"rating_range": [5, 1]}, "the ratings range from 5 to 1"),
        ({"history": [{"iteration": 1, "objective": "low", "seconds": 1}]}, "objective of an iteration"),
        ({"format_version": True}, "format version True"),
        ({"format_version": -1}, "format version -1"),
        ({"history": [{"iteration": 1}]}, "damaged"),
        ({"history": 7}, "damaged"),
        ({"rating_range": [1]}, "damaged"),
        ({"mean": "high"}, "damaged"),
    ],
)
def test_a_header_that_asks_for_something_else_is_refused(
    saved: tuple[ALS, Path], tmp_path: Path, change: dict, message: str
) -> None:
    entries, data = parts(saved[1])
    header = json.loads(entries["__metadata__"]["matinee"])
    entries["__metadata__"]["matinee"] = json.dumps({**header, **change})
    with pytest.raises(ModelFileError, match=message):
        load(write_parts(tmp_path / "changed", entries, data))


@pytest.mark.parametrize(
    ("kind", "lacking", "defaults"),
    [
        ("saved", ("weighting",), {"weighting": ALS().weighting}),
        ("saved_implicit", ("grading", "momentum"), {"grading": 0.0, "momentum": 0.0}),
    ],
)
def test_a_parameter_that_an_older_version_did_not_have_gets_its_default(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, lacking: tuple[str, ...], defaults: dict
) -> None:
    model, path = request.getfixturevalue(kind)
    entries, data = parts(path)
    header = json.loads(entries["__metadata__"]["matinee"])
    for name in lacking:
        del header["parameters"][name]
    entries["__metadata__"]["matinee"] = json.dumps(header)
    loaded = load(write_parts(tmp_path / "older", entries, data))
    assert loaded.get_params() == model.get_params() | defaults
    user = model.user_index_.id_at(5)
    assert loaded.recommend(user) == model.recommend(user)


@pytest.mark.parametrize("shape", [[2**62, 0], [2**40] * 30 + [0], [-1, 1], [1.5], "ab", [2**70]])
def test_an_impossible_shape_is_refused(saved: tuple[ALS, Path], tmp_path: Path, shape: object) -> None:
    entries, data = parts(saved[1])
    entries["user_factors"]["shape"] = shape
    entries["user_factors"]["data_offsets"] = [0, 0]
    with pytest.raises(ModelFileError, match="is damaged"):
        load(write_parts(tmp_path / "shaped", entries, data))


def test_a_parameter_out_of_range_is_refused(saved: tuple[ALS, Path], tmp_path: Path) -> None:
    entries, data = parts(saved[1])
    header = json.loads(entries["__metadata__"]["matinee"])
    header["parameters"]["regularization"] = "lots"
    entries["__metadata__"]["matinee"] = json.dumps(header)
    with pytest.raises(ModelFileError, match="regularization='lots'"):
        load(write_parts(tmp_path / "changed", entries, data))


@pytest.mark.skipif(os.name != "posix", reason="makes a link")
def test_saving_to_a_link_keeps_the_link(saved: tuple[ALS, Path], tmp_path: Path) -> None:
    (tmp_path / "now").symlink_to(tmp_path / "model-1")
    saved[0].save(tmp_path / "now")
    assert (tmp_path / "now").is_symlink()
    assert load(tmp_path / "model-1").get_params() == saved[0].get_params()


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_fails_or_answers_but_never_crashes(
    saved: tuple[ALS, Path], tmp_path: Path, data: st.DataObject
) -> None:
    original = bytearray(saved[1].read_bytes())
    header_end = 8 + int.from_bytes(original[:8], "little")
    # Half of the damage goes to the header, where it does most.
    limit = data.draw(st.sampled_from([header_end, len(original)]))
    for place, byte in data.draw(
        st.lists(st.tuples(st.integers(0, limit - 1), st.integers(0, 255)), min_size=1)
    ):
        original[place] = byte
    path = tmp_path / "damaged"
    path.write_bytes(original)
    try:
        model = load(path)
        user = model.user_index_.id_at(0)
        model.recommend(user, n=3)
        model.fold_in({model.item_index_.id_at(0): 3}).recommend(3)
    except MatineeError:
        pass


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bytes").write_bytes(content)
    with pytest.raises(ModelFileError):
        load(tmp_path / "bytes")


def test_a_failed_save_leaves_the_old_file_whole(
    saved: tuple[ALS, Path], tmp_path: Path, monkeypatch
) -> None:
    path = tmp_path / "model"
    saved[0].save(path)
    before = path.read_bytes()

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ModelFileError, match="model cannot be written: .*No space left"):
        ALS(n_factors=1).fit(random_ratings()).save(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["model"]


def test_a_folder_that_is_not_there_is_named(saved: tuple[ALS, Path], tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="missing/model cannot be written: No such file"):
        saved[0].save(tmp_path / "missing" / "model")
