"""A model fitted by alternation that learns the contexts of ratings as a third side."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np

from matinee.checks import number
from matinee.errors import ModelFileError
from matinee.models.alternating_model import AlternatingModel
from matinee.models.featured_model import LARGEST_SHRINKAGE, LEAST_SHRINKAGE
from matinee.models.parameters import thread_count
from matinee.models.saved_arrays import saved_array
from matinee.ratings import Contexts, Rows
from matinee.solving.contexts import ContextValues, SolvedContexts
from matinee.solving.row_problem import Floats, Side, bias_or_zeros


class ContextualModel(AlternatingModel):
    """An `AlternatingModel` whose ratings may have contexts.

    Attributes
    ----------
    context_factors_, context_biases_ : ndarray of float32, shape (n_values, n_factors), (n_values,), or None
        The rows of the values of contexts: for each column that of the mean over the ratings, and then those
        of ``contexts_.values``. None if the fitted ratings had no contexts.
    """

    contexts_are: ClassVar[Literal["learned", "ignored", "refused"]] = "learned"
    context_regularization: float
    context_factors_: Floats | None = None
    context_biases_: Floats | None = None

    def _check_context_regularization(self) -> None:
        """Raise a DataError if what λ is multiplied by is out of its range."""
        number(
            "context_regularization",
            self.context_regularization,
            least=LEAST_SHRINKAGE,
            most=LARGEST_SHRINKAGE,
        )

    @abstractmethod
    def context_ridge(self, observed: Rows) -> Floats:
        """The regularisation of each value of a column of contexts, from its ratings."""

    def third_side(self, by_user: Rows, by_item: Rows, contexts: Contexts) -> SolvedContexts:
        return SolvedContexts(
            by_user,
            by_item,
            contexts,
            self.n_factors,
            thread_count(self.n_threads),
            biases=self.has_biases,
            ridge=self.context_ridge,
        )

    @property
    def context_values(self) -> ContextValues | None:
        """The rows of the values of contexts; None if the fitted ratings had none."""
        if self.contexts_ is None or self.context_factors_ is None:
            return None
        biases = self.context_biases_ if self.as_fitted.has_biases else None
        return ContextValues(Side(self.context_factors_, biases), self.contexts_.sizes)

    def keep_contexts(self, values: ContextValues | None) -> None:
        self.context_factors_ = self.context_biases_ = None
        if values is not None:
            self.context_factors_ = values.side.factors
            self.context_biases_ = bias_or_zeros(values.side)

    # ---- files ------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, Any]:
        """The arrays of a model file, by name."""
        if self.contexts_ is None:
            return super().arrays()
        of_contexts = {"context_factors": self.context_factors_, "context_biases": self.context_biases_}
        return {**super().arrays(), **of_contexts}

    def take_arrays(self, arrays: dict[str, Any]) -> None:
        """Set the attributes that `arrays` wrote to a file."""
        super().take_arrays(arrays)
        if self.contexts_ is None:
            return
        factors = saved_array(arrays, "context_factors", np.float32, 2)
        biases = saved_array(arrays, "context_biases", np.float32, 1)
        n_values, rank = sum(self.contexts_.sizes), self.item_factors_.shape[1]
        if factors.shape != (n_values, rank) or biases.shape != (n_values,):
            raise ModelFileError("its contexts do not fit together")
        self.context_factors_, self.context_biases_ = factors, biases
