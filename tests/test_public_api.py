"""The names and signatures that users import: a change of them is made on purpose, here as well."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import matinee
import matinee.mlflow
import matinee.sklearn

SNAPSHOT = Path(__file__).with_name("public_api.txt")
# For the library's own folders, or for whoever writes a model; see "Add a model" in CONTRIBUTING.
FOR_MODELS = {
    "alternation",
    "answering_users",
    "arrays",
    "as_fitted",
    "blended_item",
    "by_age",
    "candidates",
    "check_fit",
    "check_fitted",
    "check_parameters",
    "check_shapes",
    "concerned_users",
    "context_ridge",
    "context_values",
    "contexts_are",
    "counted_items",
    "directions",
    "draw_start",
    "empty_side",
    "factor_part",
    "fold",
    "from_columns",
    "half_step_solver",
    "has_biases",
    "has_intervals",
    "header",
    "is_balanced",
    "item_answers",
    "item_by",
    "item_positions",
    "item_side",
    "items_for_people",
    "keep_contexts",
    "keep_fit",
    "keep_ratings",
    "keep_sides",
    "known_users",
    "learn_more",
    "learned_from",
    "least_memory",
    "measure",
    "n_products",
    "n_raters",
    "nearest_rows",
    "observed",
    "observed_sides",
    "observes_whole_users",
    "options",
    "parameter_names",
    "parts",
    "people",
    "people_by",
    "prior_shares",
    "ratings_beside",
    "ridge",
    "runs_on_spark",
    "scores_are_ratings",
    "search_space",
    "settle",
    "short_name",
    "sides_to_start_from",
    "stranger",
    "take_arrays",
    "take_header",
    "take_scale",
    "takes_features",
    "terms",
    "terms_of",
    "third_side",
    "touched_solver",
    "training_users",
    "training_values",
    "user_means",
    "user_position",
    "user_ridge",
    "user_side",
    "values_by_item",
    "weighed_as_fitted",
    "with_rows",
}


def described(name: str, given: Any) -> Iterator[str]:
    if isinstance(given, ModuleType):
        for each in sorted(given.__all__):
            yield from described(f"{name}.{each}", getattr(given, each))
    elif inspect.isclass(given):
        yield f"{name}{_signature(given)}"
        if not issubclass(given, tuple):
            for member in sorted(dir(given)):
                if not member.startswith("_") and member not in FOR_MODELS and not hasattr(Exception, member):
                    yield from _member(f"{name}.{member}", inspect.getattr_static(given, member))
    else:
        yield f"{name}{_signature(given)}"


def _member(name: str, given: Any) -> Iterator[str]:
    given = given.__func__ if isinstance(given, classmethod | staticmethod) else given
    yield f"{name}{_signature(given)}" if inspect.isfunction(given) else name


def _signature(given: Any) -> str:
    try:
        return str(inspect.signature(given)).replace('"', "'")
    except (TypeError, ValueError):
        return ""


def test_the_public_names_and_signatures_are_those_of_the_snapshot() -> None:
    found = [
        line
        for name in sorted(matinee.__all__)
        for line in described(f"matinee.{name}", getattr(matinee, name))
    ]
    # These are imported by their own names. What a regressor inherits is scikit-learn's.
    found += described("matinee.mlflow", matinee.mlflow)
    found.append(f"matinee.sklearn.RatingRegressor{_signature(matinee.sklearn.RatingRegressor)}")
    expected = SNAPSHOT.read_text(encoding="utf-8").splitlines()
    assert sorted(found) == sorted(expected), (
        "the public interface has changed; if that is meant, change tests/public_api.txt and CHANGELOG.md"
    )
