"""Models of Matinee in MLflow: logged, registered, loaded and served from stores on the disk."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

# Read when MLflow is first imported.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import mlflow
from mlflow.exceptions import MlflowException

import matinee
import matinee.mlflow
from matinee.errors import DataError, MissingExtraError, ModelFileError, NotFittedError, UnknownUserError

from .conftest import random_ratings


@pytest.fixture(params=["files", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    address = (tmp_path / "runs").as_uri() if request.param == "files" else f"sqlite:///{tmp_path}/mlflow.db"
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(address)
    mlflow.set_registry_uri(address)
    experiment = mlflow.create_experiment("cinema", artifact_location=(tmp_path / "artifacts").as_uri())
    mlflow.set_experiment(experiment_id=experiment)
    yield address
    mlflow.set_tracking_uri(before)
    mlflow.set_registry_uri(before)


@pytest.fixture(scope="module")
def model() -> Any:
    return matinee.ALS(n_factors=3, n_iterations=3).fit(random_ratings())


def test_a_model_that_was_logged_is_loaded_whole_and_predicts_in_pairs_and_in_lists(
    store: str, model: Any
) -> None:
    with mlflow.start_run():
        logged = matinee.mlflow.log_model(model, "films", registered_model_name="cinema")
    for address in (logged.model_uri, "models:/cinema/1"):
        again = matinee.mlflow.load_model(address)
        assert type(again) is matinee.ALS
        np.testing.assert_array_equal(again.item_factors_, model.item_factors_)
        assert again.get_params() == model.get_params()
    served = mlflow.pyfunc.load_model("models:/cinema/1")
    users, items = model.user_index_.ids[:5], model.item_index_.ids[[3, 1, 4, 1, 5]]
    rated = served.predict(pd.DataFrame({"user": users, "item": items}, index=[9, 8, 7, 6, 5]))
    assert rated.index.tolist() == [9, 8, 7, 6, 5]
    assert rated["rating"].tolist() == model.predict(users, items).tolist()
    lists = served.predict(pd.DataFrame({"user": users}), params={"n": 4})
    assert list(lists.itertuples(index=False, name=None)) == model.recommend_all(users, n=4).rows()
    assert len(served.predict(pd.DataFrame({"user": users[:1]}))) == 10


def test_a_fit_logs_its_curve_with_the_iterations_as_steps(store: str) -> None:
    train, validation = matinee.split(random_ratings(), random_state=0)
    with mlflow.start_run() as run:
        fitted = matinee.ALS(n_factors=2, n_iterations=4).fit(
            train, validation, callback=matinee.mlflow.log_iteration
        )
    client = mlflow.MlflowClient()
    assert set(client.get_run(run.info.run_id).data.metrics) == {
        "train_rmse",
        "validation_rmse",
        "objective",
        "seconds",
    }
    for name in ("train_rmse", "validation_rmse", "objective"):
        curve = client.get_metric_history(run.info.run_id, name)
        assert [point.step for point in curve] == [1, 2, 3, 4]
        assert [point.value for point in curve] == [getattr(record, name) for record in fitted.history_]


def test_a_saved_folder_says_what_it_needs_and_holds_no_code(tmp_path: Path) -> None:
    frame = random_ratings().to_frame().to_pandas()
    frame["user"] = "viewer " + frame["user"].astype(str)
    few: dict[str, Any] = {"n_factors": 2, "n_iterations": 2}
    both = matinee.Recommender(watch=matinee.ImplicitALS(**few), stars=matinee.ALS(**few))
    both.fit(matinee.Ratings.from_frame(frame))
    matinee.mlflow.save_model(both, tmp_path / "new" / "folder", metadata={"of": "tests"})
    folder = tmp_path / "new" / "folder"
    assert sorted(path.name for path in folder.iterdir()) == [
        "MLmodel",
        "conda.yaml",
        "model.safetensors",
        "python_env.yaml",
        "requirements.txt",
    ]
    assert f"matinee=={matinee.__version__}" in (folder / "requirements.txt").read_text().splitlines()
    entry = mlflow.models.Model.load(str(folder))
    assert [(each.name, each.type.name, each.required) for each in entry.get_input_schema()] == [
        ("user", "string", True),
        ("item", "long", False),
    ]
    assert entry.metadata == {"of": "tests"}
    served = mlflow.pyfunc.load_model(str(folder))
    user = both.user_index_.id_at(0)
    lists = served.predict(pd.DataFrame({"user": [user]}))
    assert list(lists.columns) == ["user", "rank", "item", "score", "rating"]
    assert lists["item"].tolist() == [found.item for found in both.recommend(user)]


def test_another_process_that_imports_mlflow_alone_can_serve_the_model(tmp_path: Path, model: Any) -> None:
    matinee.mlflow.save_model(model, tmp_path / "saved")
    user = int(model.user_index_.ids[0])
    script = (
        "import mlflow, pandas\n"
        f"served = mlflow.pyfunc.load_model({str(tmp_path / 'saved')!r})\n"
        f"print(served.predict(pandas.DataFrame({{'user': [{user}]}}), params={{'n': 2}})['item'].tolist())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([found.item for found in model.recommend(user, 2)])


def test_requirements_may_name_a_wheel(tmp_path: Path, model: Any) -> None:
    wheel = "matinee @ https://example.org/matinee-0.2.0-cp312-abi3-manylinux_2_28_x86_64.whl"
    matinee.mlflow.save_model(model, tmp_path / "saved", pip_requirements=[wheel])
    for name in ("requirements.txt", "conda.yaml"):
        text = (tmp_path / "saved" / name).read_text()
        assert wheel in text
        assert "matinee==" not in text


# ---- mistakes ------------------------------------------------------------------------------------


def test_what_is_not_fitted_or_no_model_is_refused_before_anything_is_logged(
    store: str, tmp_path: Path
) -> None:
    with pytest.raises(NotFittedError, match="this ALS has not been fitted"):
        matinee.mlflow.log_model(matinee.ALS())
    with pytest.raises(DataError, match="expected a fitted model of Matinee, got str"):
        matinee.mlflow.save_model("als", tmp_path / "saved")  # type: ignore[arg-type]
    assert not (tmp_path / "saved").exists()
    assert mlflow.search_runs(output_format="list") == []


def test_a_folder_that_holds_something_is_left_as_it_is(tmp_path: Path, model: Any) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="is there already; expected a new folder"):
        matinee.mlflow.save_model(model, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_model_of_another_flavour_and_a_damaged_file_are_errors_of_ours(tmp_path: Path, model: Any) -> None:
    other = mlflow.models.Model()
    other.add_flavor("sklearn", pickled_model="model.pkl")
    (tmp_path / "other").mkdir()
    other.save(str(tmp_path / "other" / "MLmodel"))
    with pytest.raises(ModelFileError, match="has no flavor 'matinee'; its flavors are sklearn"):
        matinee.mlflow.load_model(str(tmp_path / "other"))
    matinee.mlflow.save_model(model, tmp_path / "saved")
    file = tmp_path / "saved" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ModelFileError, match="truncated"):
        matinee.mlflow.load_model(str(tmp_path / "saved"))


def test_an_entry_that_points_elsewhere_opens_no_file_outside_its_folder(tmp_path: Path, model: Any) -> None:
    model.save(tmp_path / "outside.safetensors")
    matinee.mlflow.save_model(model, tmp_path / "saved")
    entry = tmp_path / "saved" / "MLmodel"
    text = entry.read_text()
    entry.write_text(text.replace("data: model.safetensors", "data: ../outside.safetensors"))
    assert entry.read_text() != text
    with pytest.raises(ModelFileError, match=r"saved/outside\.safetensors cannot be read"):
        matinee.mlflow.load_model(str(tmp_path / "saved"))


def test_questions_that_cannot_be_answered_are_refused(tmp_path: Path, model: Any) -> None:
    matinee.mlflow.save_model(model, tmp_path / "saved")
    served = mlflow.pyfunc.load_model(str(tmp_path / "saved"))
    with pytest.raises(UnknownUserError, match="1000000000"):
        served.predict(pd.DataFrame({"user": [10**9]}))
    with pytest.raises(MlflowException, match="user"):
        served.predict(pd.DataFrame({"viewer": [3]}))
    with pytest.raises(
        DataError, match="expected a frame with the columns user and item, or with user alone"
    ):
        matinee.mlflow.ServedModel(model).predict(pd.DataFrame({"viewer": [3]}))
    with pytest.raises(DataError, match="n=0"):
        served.predict(pd.DataFrame({"user": [model.user_index_.id_at(0)]}), params={"n": 0})


def test_without_mlflow_the_error_says_what_to_install(
    without_package: Callable[[str, str], None],
) -> None:
    without_package("mlflow", "matinee.mlflow")
    with pytest.raises(MissingExtraError, match=r'python -m pip install "matinee\[mlflow\]"'):
        importlib.import_module("matinee.mlflow")
