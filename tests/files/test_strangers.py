"""Model files that others made: whatever could lead an answer astray is refused when the file is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file, save_file

from matinee.errors import ModelFileError
from matinee.files import model_file
from matinee.models import ALS, BayesianALS, ImplicitALS, ItemRidge, Model, load
from matinee.ratings import Ratings

from ..conftest import random_ratings
from .test_model_file import parts, write_parts

MODELS: dict[str, Model] = {
    "ALS": ALS(n_factors=3),
    "ImplicitALS": ImplicitALS(n_factors=3),
    "BayesianALS": BayesianALS(n_factors=3, n_samples=4, n_burn_in=1, n_kept=3, implicit=True),
    "ItemRidge": ItemRidge(),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file of each model, and of ALS one with words as ids and one with contexts."""
    folder = tmp_path_factory.mktemp("models")
    for name, model in MODELS.items():
        model.fit(random_ratings()).save(folder / name)
    words = Ratings.from_arrays(["ann", "bob", "ann"], ["Jaws", "Alien", "Alien"], [1, 2, 3])
    ALS(n_factors=1).fit(words).save(folder / "words")
    days = random_ratings().to_frame().with_columns(day=pl.col("item").cast(pl.String).str.head(1))
    ALS(n_factors=3).fit(Ratings.from_frame(days, contexts=["day"])).save(folder / "days")
    return {path.name: path for path in folder.iterdir()}


def changed(path: Path, to: Path, arrays: dict[str, Any]) -> Path:
    """A copy of a model file with other arrays."""
    metadata = parts(path)[0]["__metadata__"]
    tensors = {name: np.ascontiguousarray(each) for name, each in {**load_file(path), **arrays}.items()}
    save_file(tensors, to, metadata=metadata)
    return to


def test_a_file_written_again_unchanged_is_read(files: dict[str, Path], tmp_path: Path) -> None:
    """So that what is refused below is refused for the change alone."""
    for name, path in files.items():
        assert type(load(changed(path, tmp_path / name, {}))) is type(load(path))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", list(MODELS))
def test_a_number_that_is_not_finite_is_refused_by_name_and_place(
    files: dict[str, Path], tmp_path: Path, kind: str, bad: float
) -> None:
    floats = {name: each for name, each in load_file(files[kind]).items() if each.dtype.kind == "f"}
    assert floats
    for name, array in floats.items():
        for place in (0, array.size // 2, array.size - 1):
            other = array.copy()
            other.reshape(-1)[place] = bad
            path = changed(files[kind], tmp_path / "changed", {name: other})
            with pytest.raises(ModelFileError, match=f"changed .*'{name}' holds {bad} at place {place:,}$"):
                load(path)


def test_a_number_is_found_in_an_array_of_several_passes(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("matinee.models.saved_arrays._AT_ONCE", 7)
    factors = load_file(files["ALS"])["user_factors"]
    for place in (6, 7, 8, factors.size - 1):
        other = factors.copy()
        other.reshape(-1)[place] = np.nan
        with pytest.raises(ModelFileError, match=f"'user_factors' holds nan at place {place}$"):
            load(changed(files["ALS"], tmp_path / "changed", {"user_factors": other}))


def test_the_check_of_numbers_can_be_left_out(files: dict[str, Path], tmp_path: Path) -> None:
    factors = load_file(files["ALS"])["user_factors"].copy()
    factors[4, 1] = np.nan
    path = changed(files["ALS"], tmp_path / "changed", {"user_factors": factors})
    loaded = load(path, check=False)
    assert np.array_equal(loaded.user_factors_, factors, equal_nan=True)
    columns = load_file(files["ALS"])["rated_columns"].copy()
    columns[-1] = 1_000_000
    with pytest.raises(ModelFileError, match="a rating is of an item that is not in the file"):
        load(changed(files["ALS"], tmp_path / "changed", {"rated_columns": columns}), check=False)


def rows_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
    arrays = load_file(path)
    return arrays["rated_indptr"], arrays["rated_columns"].copy()


def long_row(indptr: np.ndarray) -> slice:
    row = int(np.argmax(np.diff(indptr) >= 3))
    return slice(int(indptr[row]), int(indptr[row + 1]))


@pytest.mark.parametrize("place", ["first", "last"])
@pytest.mark.parametrize("by", [0, 1, 2**30])
def test_an_item_out_of_range_is_refused_where_the_row_stays_sorted(
    files: dict[str, Path], tmp_path: Path, place: str, by: int
) -> None:
    indptr, columns = rows_of(files["ALS"])
    row, n_items = long_row(indptr), len(load_file(files["ALS"])["item_ids"])
    if place == "first":
        columns[row.start] = -1 - by
    else:
        columns[row.stop - 1] = n_items + by
    assert (np.diff(columns[row]) > 0).all()
    with pytest.raises(ModelFileError, match="a rating is of an item that is not in the file"):
        load(changed(files["ALS"], tmp_path / "changed", {"rated_columns": columns}))


@pytest.mark.parametrize("repeated", [False, True])
def test_ratings_that_are_not_sorted_are_refused_where_all_are_in_range(
    files: dict[str, Path], tmp_path: Path, repeated: bool
) -> None:
    indptr, columns = rows_of(files["ALS"])
    start = long_row(indptr).start
    columns[start : start + 2] = columns[start] if repeated else columns[[start + 1, start]]
    with pytest.raises(ModelFileError, match="the ratings of a user are not sorted"):
        load(changed(files["ALS"], tmp_path / "changed", {"rated_columns": columns}))


def test_rows_that_do_not_follow_one_another_are_refused(files: dict[str, Path], tmp_path: Path) -> None:
    indptr = rows_of(files["ALS"])[0]
    first, last, swapped = indptr.copy(), indptr.copy(), indptr.copy()
    first[0] = 1
    last[-1] += 1
    swapped[[3, 4]] = swapped[[4, 3]]
    assert swapped[3] > swapped[4]
    for other in (first, last, swapped, indptr[:-1], np.append(indptr, indptr[-1])):
        with pytest.raises(ModelFileError, match="its arrays do not fit together"):
            load(changed(files["ALS"], tmp_path / "changed", {"rated_indptr": other}))
    values = load_file(files["ALS"])["rated_values"][:-1]
    with pytest.raises(ModelFileError, match="its arrays do not fit together"):
        load(changed(files["ALS"], tmp_path / "changed", {"rated_values": values}))


@pytest.mark.parametrize("name", ["user_factors", "item_factors", "user_biases", "item_biases"])
def test_factors_and_biases_that_are_not_one_for_each_id_are_refused(
    files: dict[str, Path], tmp_path: Path, name: str
) -> None:
    array = load_file(files["ALS"])[name]
    for other in (array[:-1], np.concatenate([array, array[:1]]), array[..., :0]):
        with pytest.raises(ModelFileError, match="its arrays do not fit together"):
            load(changed(files["ALS"], tmp_path / "changed", {name: other}))


@pytest.mark.parametrize("name", ["context_factors", "context_biases"])
def test_contexts_that_are_not_one_for_each_value_are_refused(
    files: dict[str, Path], tmp_path: Path, name: str
) -> None:
    array = load_file(files["days"])[name]
    for other in (array[:-1], np.concatenate([array, array[:1]]), array[..., :0]):
        with pytest.raises(ModelFileError, match="its contexts do not fit together"):
            load(changed(files["days"], tmp_path / "changed", {name: other}))
    with pytest.raises(ModelFileError, match=f"{name} is of type float64"):
        load(changed(files["days"], tmp_path / "changed", {name: array.astype(np.float64)}))


@pytest.mark.parametrize("kind", ["ImplicitALS", "ItemRidge"])
def test_contexts_of_a_model_that_learns_none_are_refused(
    files: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    entries, data = parts(files[kind])
    header = json.loads(entries["__metadata__"]["matinee"])
    entries["__metadata__"]["matinee"] = json.dumps({**header, "contexts": {"day": ["1", "2"]}})
    write_parts(tmp_path / "changed", entries, data)
    with pytest.raises(ModelFileError, match=f"a {kind} has no contexts"):
        load(tmp_path / "changed")


@pytest.mark.parametrize("name", ["user_ids", "item_ids"])
def test_ids_that_are_not_sorted_are_refused(files: dict[str, Path], tmp_path: Path, name: str) -> None:
    for kind in ("ALS", "words"):
        ids = load_file(files[kind])[name]
        for other in (ids[::-1], ids[[0, 0, *range(2, len(ids))]], np.concatenate([ids, ids[1:2]])):
            with pytest.raises(ModelFileError, match="the ids are not sorted"):
                load(changed(files[kind], tmp_path / "changed", {name: other}))


def test_ids_of_one_dimension_that_are_codes_of_characters_are_refused(
    files: dict[str, Path], tmp_path: Path
) -> None:
    ids = np.arange(len(load_file(files["words"])["user_ids"]), dtype=np.uint32)
    with pytest.raises(ModelFileError, match="the ids are of type uint32 and have 1 dimensions"):
        load(
            changed(files["words"], tmp_path / "changed", {"user_ids": np.arange(len(ids), dtype=np.uint32)})
        )


@pytest.mark.parametrize("code", [0xD800, 0xDABC, 0xDFFF, 0x110000, 2**32 - 1])
def test_a_text_id_of_no_character_is_refused(files: dict[str, Path], tmp_path: Path, code: int) -> None:
    ids = load_file(files["words"])["user_ids"].copy()
    ids[-1, 1] = code
    with pytest.raises(ModelFileError, match="an id holds a number that is not a character"):
        load(changed(files["words"], tmp_path / "changed", {"user_ids": ids}))


@pytest.mark.parametrize("code", [0xD7FF, 0xE000, 0x10FFFF])
def test_the_characters_beside_those_are_ids(files: dict[str, Path], tmp_path: Path, code: int) -> None:
    ids = load_file(files["words"])["user_ids"].copy()
    ids[-1, 1] = code
    loaded = load(changed(files["words"], tmp_path / "changed", {"user_ids": ids}))
    user = loaded.user_index_.id_at(1)
    assert user == f"b{chr(code)}b"
    assert loaded.recommend_all(exclude_seen=False)["user"].unique().sort().to_list() == ["ann", user]


def test_a_nul_inside_a_text_id_is_refused(files: dict[str, Path], tmp_path: Path) -> None:
    ids = load_file(files["words"])["user_ids"].copy()
    ids[-1, 1] = 0
    with pytest.raises(ModelFileError, match="an id holds a NUL"):
        load(changed(files["words"], tmp_path / "changed", {"user_ids": ids}))


def test_text_ids_longer_than_any_id_are_refused(files: dict[str, Path], tmp_path: Path) -> None:
    ids = np.pad(load_file(files["words"])["user_ids"], ((0, 0), (0, 254)))
    assert ids.shape[1] == 257
    with pytest.raises(ModelFileError, match="the ids have 257 characters; expected up to 256"):
        load(changed(files["words"], tmp_path / "changed", {"user_ids": ids}))
    assert load(changed(files["words"], tmp_path / "changed", {"user_ids": ids[:, :256]})).recommend("bob")


@pytest.mark.parametrize("part", ["indptr", "columns", "values"])
def test_features_of_two_dimensions_are_refused(tmp_path: Path, part: str) -> None:
    import polars as pl

    ratings = random_ratings()
    model = BayesianALS(n_factors=2, n_samples=2, n_burn_in=0)
    ages = pl.DataFrame({"user": ratings.users, "age": np.arange(len(ratings.users))})
    model.fit(ratings, user_features=ages).save(tmp_path / "model")
    name = f"user_features_{part}"
    array = load_file(tmp_path / "model")[name].reshape(-1, 1)
    with pytest.raises(ModelFileError, match=f"{name} .* has 2 dimensions"):
        load(changed(tmp_path / "model", tmp_path / "changed", {name: array}))


@pytest.mark.parametrize(
    "shape",
    [[1e308] * 6000, [10**308] * 6000, [1] * 4, [True, 3], [60.0, 3], [2**63, 0], [-1, -1], {"a": 1}, None],
)
def test_a_shape_that_no_array_has_is_refused_in_a_short_message(
    files: dict[str, Path], tmp_path: Path, shape: Any
) -> None:
    entries, data = parts(files["ALS"])
    entries["user_factors"]["shape"] = shape
    with pytest.raises(ModelFileError, match="'user_factors' cannot have the shape") as caught:
        load(write_parts(tmp_path / "changed", entries, data))
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("offsets", [[0, 1e308], [-8, 10**300], [0], [0, 8, 16], [8, 0], "ab", None])
def test_a_place_that_no_array_has_is_refused(files: dict[str, Path], tmp_path: Path, offsets: Any) -> None:
    entries, data = parts(files["ALS"])
    entries["user_factors"]["data_offsets"] = offsets
    with pytest.raises(
        ModelFileError, match="is damaged: ('user_factors'|the entry of 'user_factors')"
    ) as caught:
        load(write_parts(tmp_path / "changed", entries, data))
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "change",
    [
        {"model": "x" * 3_000_000},
        {"parameters": {"x" * 3_000_000: 1}},
        {"parameters": {"regularization": "x" * 3_000_000}},
        {"mean": "x" * 3_000_000},
        {"history": [{"iteration": "x" * 3_000_000}]},
    ],
)
def test_a_message_does_not_repeat_all_that_a_file_says(
    files: dict[str, Path], tmp_path: Path, change: dict
) -> None:
    entries, data = parts(files["ALS"])
    header = json.loads(entries["__metadata__"]["matinee"])
    entries["__metadata__"]["matinee"] = json.dumps({**header, **change})
    with pytest.raises(ModelFileError) as caught:
        load(write_parts(tmp_path / "changed", entries, data))
    assert len(str(caught.value)) < 1000
    entries["x" * 3_000_000] = {"dtype": "F32", "shape": [1], "data_offsets": [0, 0]}
    with pytest.raises(ModelFileError, match="xxx… of shape") as caught:
        load(write_parts(tmp_path / "changed", entries, data))
    assert len(str(caught.value)) < 1000


def test_arrays_that_share_their_bytes_are_refused(files: dict[str, Path], tmp_path: Path) -> None:
    entries, data = parts(files["ALS"])
    entries["more"] = entries["user_factors"]
    with pytest.raises(ModelFileError, match="is damaged: its arrays overlap"):
        load(write_parts(tmp_path / "changed", entries, data))


def test_numbers_at_odd_places_are_read_all_the_same(files: dict[str, Path], tmp_path: Path) -> None:
    entries, data = parts(files["ALS"])
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8 + 1)
    (tmp_path / "odd").write_bytes(len(header).to_bytes(8, "little") + header + data)
    loaded, as_written = load(tmp_path / "odd"), load(files["ALS"])
    assert loaded.user_factors_.flags.aligned
    user = as_written.user_index_.id_at(0)
    assert loaded.recommend(user) == as_written.recommend(user)


def test_a_header_longer_than_any_of_ours_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "long"
    with path.open("wb") as file:
        file.write((60_000_000).to_bytes(8, "little") + b"{")
        file.truncate(60_000_100)
    with pytest.raises(ModelFileError, match="not a model file"):
        load(path)
    assert not model_file.begins_like_model_file(path)


def test_a_header_that_could_not_be_read_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_file, "_LONGEST_HEADER", 1000)
    with pytest.raises(ModelFileError, match="model cannot be written: its history and columns take"):
        MODELS["ALS"].save(tmp_path / "model")
    assert not list(tmp_path.iterdir())
