"""Turns the lines of ``docs/implicit.md`` that translate parameters into jobs for the libraries."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

# So small that ε n is negligible beside the count of a row.
EPSILON = 1e-6


@dataclass(frozen=True)
class Line:
    """The parameters of another library, and those of Matinee for the same objective.

    Parameters
    ----------
    script : str
        The library's script in ``contenders/``.
    native : dict
        The library's parameters; empty if its contender translates ours.
    ours : dict
        Matinee's parameters.
    options : dict
        Further options for the library's contender.
    rule : dict
        For Matinee's contender: the function that makes our strengths from the ratings, and the ratio of our
        factors to the library's.
    """

    script: str
    native: dict
    ours: dict
    options: dict = field(default_factory=dict)
    rule: dict = field(default_factory=dict)

    @property
    def library(self) -> str:
        return self.script.partition("_")[0]

    @property
    def title(self) -> str:
        loss = self.options.get("loss")
        return f"{self.library}, {loss}" if loss else self.library

    @property
    def native_job(self) -> dict:
        return {"native": self.native} if self.native else {}

    @property
    def half_step(self) -> bool:
        """Whether the library takes no starting factors; its users are then solved against its own items."""
        return self.library in ("cmfrec", "spark")


def lines(data: Path) -> list[Line]:
    """All lines, for a prepared dataset of strengths."""
    return [*implicit(), *irspack(data), *cmfrec(), *spark()]


def implicit() -> list[Line]:
    return [
        Line(
            "implicit_als.py",
            {"alpha": 2.5, "regularization": 0.3, "use_cg": False},
            weights(0.3, 1.0, 1.0, 0.0),
            rule={"strength": {"slope": 2.5, "shift": -1.0}},
        ),
        Line(
            "implicit_als.py",
            {"alpha": 2.5, "regularization": 0.3, "use_cg": False},
            weights(0.3, 1.5, 1.0, 0.0),
            options={"presence": True},
            rule={"presence": True},
        ),
        Line("implicit_als.py", {}, weights(0.2, 0.8, 0.4, 0.0), {"use_cg": False}),
        Line(
            "implicit_als.py",
            {},
            weights(0.2, 0.8, 0.4, 0.0),
            {"use_cg": False, "thumbs_down": True},
            {"thumbs_down": True},
        ),
    ]


def irspack(data: Path) -> list[Line]:
    original = {"solver": "CHOLESKY", "loss": "ORIGINAL"}
    rescaled = {"solver": "CHOLESKY", "loss": "IALSPP", "presence": True}
    at_nu_star = 0.02 * penalty_ratio(data, 0.3, 1.0, 0.5)
    return [
        Line("irspack_als.py", parameters(0.02, 1.0), weights(0.02, 1.0, 0.3, 1.0), original),
        Line("irspack_als.py", parameters(0.5, 0.5), weights(0.5, 1.0, 0.3, 0.5), original),
        Line("irspack_als.py", {}, weights(0.02, 2.5, 0.3, 1.0), original),
        Line(
            "irspack_als.py",
            {**parameters(0.02, 0.5), "nu_star": 1.0},
            weights(at_nu_star, 1.0, 0.3, 0.5),
            original,
        ),
        Line(
            "irspack_als.py",
            {**parameters(0.02, 1.0), "confidence_scaling": "log", "epsilon": 0.5},
            weights(0.02, 1.0, 0.3, 1.0),
            original,
            {"strength": {"log_epsilon": 0.5}},
        ),
        Line(
            "irspack_als.py",
            parameters(0.02, 1.0),
            weights(0.02 * 1.3, 1.0, 0.3, 1.0),
            rescaled,
            {"presence": True, "scale": math.sqrt(1.3)},
        ),
    ]


def cmfrec() -> list[Line]:
    return [
        Line("cmfrec_implicit.py", {"alpha": 2.0, "lambda_": 0.5}, weights(0.5, 2.0, 1.0, 0.0)),
        Line("cmfrec_implicit.py", {"alpha": 2.0, "lambda_": 0.5}, weights(0.2, 0.8, 0.4, 0.0)),
        Line(
            "cmfrec_implicit.py",
            {"alpha": 2.0, "lambda_": 0.5, "w_main": 4.0},
            weights(0.5 / 4.0, 2.0, 1.0, 0.0),
        ),
    ]


def spark() -> list[Line]:
    return [
        Line(
            "spark_implicit.py",
            {"alpha": 2.0, "regParam": 0.1},
            weights(EPSILON * 0.1, EPSILON * 2.0, EPSILON, 1.0),
        )
    ]


def parameters(reg: float, nu: float) -> dict:
    """The parameters of irspack."""
    return {"alpha0": 0.3, "reg": reg, "nu": nu}


def weights(regularization: float, alpha: float, unobserved_weight: float, nu: float) -> dict:
    """The weights of Matinee."""
    return {
        "regularization": regularization,
        "alpha": alpha,
        "unobserved_weight": unobserved_weight,
        "nu": nu,
    }


def penalty_ratio(data: Path, unobserved_weight: float, nu_star: float, nu: float) -> float:
    """The quotient of ``Σ (n_u + α₀ n)^ν* + Σ (m_i + α₀ m)^ν*`` and the same sum with ν."""
    with np.load(data) as arrays:
        n_users, n_items = int(arrays["n_users"]), int(arrays["n_items"])
        counts = [
            np.bincount(arrays[f"train_{side}"], minlength=n) + unobserved_weight * others
            for side, n, others in (("users", n_users, n_items), ("items", n_items, n_users))
        ]
    return sum(np.sum(each**nu_star) for each in counts) / sum(np.sum(each**nu) for each in counts)
