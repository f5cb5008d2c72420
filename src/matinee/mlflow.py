"""A flavour of MLflow: models are logged, loaded and served with their own file, and fits log their curves.

MLflow keeps the model file of Matinee, which holds no code: nothing here makes or reads a pickle.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matinee.errors import DataError, MissingExtraError, ModelFileError
from matinee.models import Model, load
from matinee.solving.history import Iteration

try:
    import mlflow
    import pandas as pd
    import yaml
    from mlflow import pyfunc
    from mlflow.models import Model as Entry
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
except ImportError as error:
    raise MissingExtraError(
        "matinee.mlflow needs MLflow 3 and pandas, which are not both installed; run: "
        'python -m pip install "matinee[mlflow]"'
    ) from error

if TYPE_CHECKING:
    from mlflow.models.model import ModelInfo

__all__ = ["load_model", "log_iteration", "log_model", "save_model"]

FLAVOR = "matinee"
MODEL_FILE = "model.safetensors"
# What a list of recommendations is asked with, beside the users.
DEFAULT_N = 10


def log_iteration(record: Iteration) -> None:
    """Log the figures of one iteration; give it to a fit, as in ``fit(train, callback=log_iteration)``.

    The figures are metrics of the active run, by the names that they have in `Iteration`. The step is the
    number of the iteration. Without an active run MLflow starts one.

    Parameters
    ----------
    record : Iteration
    """
    figures = record.to_dict()
    step = figures.pop("iteration")
    mlflow.log_metrics({name: value for name, value in figures.items() if value is not None}, step=step)


def log_model(
    model: Model, name: str = "model", *, registered_model_name: str | None = None, **more: Any
) -> ModelInfo:
    """Log a fitted model to MLflow.

    Parameters
    ----------
    model : Model
    name : str
        What the model is called in MLflow.
    registered_model_name : str, optional
        The name in the registry of models to make a version of.
    **more
        Parameters of `save_model`, and those of ``mlflow.models.Model.log``, such as ``tags``.

    Returns
    -------
    mlflow.models.model.ModelInfo
        Its ``model_uri`` is what `load_model` takes.

    Raises
    ------
    NotFittedError
        If the model has not been fitted.
    """
    _require_fitted(model)
    logged: ModelInfo = Entry.log(
        artifact_path=None,
        name=name,
        flavor=sys.modules[__name__],
        registered_model_name=registered_model_name,
        model=model,
        **more,
    )
    return logged


def save_model(
    model: Model,
    path: str | Path,
    *,
    pip_requirements: list[str] | None = None,
    signature: ModelSignature | None = None,
    metadata: Mapping[str, Any] | None = None,
    mlflow_model: Entry | None = None,
) -> None:
    """Save a fitted model to a folder in MLflow's format.

    Parameters
    ----------
    model : Model
    path : str or path-like
        A folder that is not there yet, or is empty.
    pip_requirements : list of str, optional
        What has to be installed to load the model. The default is this version of Matinee; name a wheel or an
        address to install it from elsewhere.
    signature : ModelSignature, optional
        The default is a column user and perhaps a column item, both of the kind of the model's ids, and the
        parameter n.
    metadata : mapping, optional
        Anything else to keep with the model.
    mlflow_model : mlflow.models.Model, optional
        The entry to save, which `log_model` gives.

    Raises
    ------
    NotFittedError
        If the model has not been fitted.
    DataError
        If the folder holds something already.
    """
    from matinee import __version__

    _require_fitted(model)
    folder = Path(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder} is there already; expected a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    entry = Entry() if mlflow_model is None else mlflow_model
    entry.signature = _signature_of(model) if signature is None else signature
    if metadata is not None:
        entry.metadata = dict(metadata)
    model.save(folder / MODEL_FILE)
    pyfunc.add_to_model(
        entry,
        loader_module="matinee.mlflow",
        data=MODEL_FILE,
        conda_env="conda.yaml",
        python_env="python_env.yaml",
    )
    entry.add_flavor(FLAVOR, matinee_version=__version__, data=MODEL_FILE, kind=type(model).__name__)
    entry.model_size_bytes = (folder / MODEL_FILE).stat().st_size
    entry.save(str(folder / "MLmodel"))
    _write_requirements(folder, pip_requirements or [f"matinee=={__version__}"])


def load_model(model_uri: str, dst_path: str | None = None) -> Model:
    """The model that was logged or saved.

    Parameters
    ----------
    model_uri : str
        The ``model_uri`` of what `log_model` gave, an address such as ``models:/cinema/3``, or the path of a
        folder.
    dst_path : str, optional
        The folder to download the model to; the default is a temporary one.

    Raises
    ------
    ModelFileError
        If what is there is no model of this flavour, or its file is damaged.
    """
    folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=str(model_uri), dst_path=dst_path))
    flavors = Entry.load(str(folder / "MLmodel")).flavors
    if FLAVOR not in flavors:
        listed = ", ".join(sorted(flavors)) or "none"
        raise ModelFileError(f"{model_uri} has no flavor {FLAVOR!r}; its flavors are {listed}")
    # The entry may be a stranger's: only a file in the folder is opened.
    return load(folder / Path(str(flavors[FLAVOR].get("data", MODEL_FILE))).name)


class ServedModel:
    """What MLflow serves: the answers of a model to a frame.

    Parameters
    ----------
    model : Model
    """

    def __init__(self, model: Model) -> None:
        self._model = model

    def predict(self, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Ratings for pairs, or lists for users.

        Parameters
        ----------
        model_input : DataFrame
            With the columns user and item, what to predict in pairs. With the column user alone, whom to
            recommend to.
        params : mapping, optional
            ``n`` is the length of the lists.

        Returns
        -------
        DataFrame
            A column "rating" for pairs, in their order; strangers get the fallback of `Model.predict`. For
            users the columns of `Model.recommend_all`.

        Raises
        ------
        DataError
            If there is no column user.
        UnknownUserError
            For the first user to recommend to whom the model has not seen.
        """
        names = list(getattr(model_input, "columns", []))
        if "user" not in names:
            given = f"the columns {', '.join(map(str, names))}" if names else type(model_input).__name__
            raise DataError(
                f"expected a frame with the columns user and item, or with user alone; got {given}"
            )
        users = model_input["user"].to_numpy()
        # MLflow fills an optional column that is missing with None.
        if "item" in names and not model_input["item"].isna().all():
            ratings = self._model.predict(users, model_input["item"].to_numpy())
            return pd.DataFrame({"rating": ratings}, index=model_input.index)
        lists = self._model.recommend_all(users, n=int((params or {}).get("n", DEFAULT_N)))
        return pd.DataFrame({name: lists[name].to_list() for name in lists.columns})


def _load_pyfunc(path: str) -> ServedModel:
    """MLflow calls it with the path of the model file, for its flavour ``python_function``."""
    return ServedModel(load(path))


def _require_fitted(model: Any) -> None:
    if not isinstance(model, Model):
        raise DataError(f"expected a fitted model of Matinee, got {type(model).__name__}")
    model.check_fitted()


def _signature_of(model: Model) -> ModelSignature:
    kinds = ["string" if index.holds_strings else "long" for index in (model.user_index_, model.item_index_)]
    columns: list[Any] = [ColSpec(kinds[0], "user"), ColSpec(kinds[1], "item", required=False)]
    params = ParamSchema([ParamSpec("n", "long", DEFAULT_N)])
    return ModelSignature(inputs=Schema(columns), params=params)


def _write_requirements(folder: Path, requirements: list[str]) -> None:
    """The files from which MLflow makes an environment: of pip, of conda, and of Python alone."""
    lines = [f"mlflow-skinny=={mlflow.__version__}", *requirements]
    (folder / "requirements.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    python = platform.python_version()
    conda = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": lines}],
    }
    environment = {"python": python, "dependencies": ["-r requirements.txt"]}
    for name, document in (("conda.yaml", conda), ("python_env.yaml", environment)):
        (folder / name).write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
