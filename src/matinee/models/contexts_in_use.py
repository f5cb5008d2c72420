"""The contexts that a fit can learn: those that its ratings have, if these are enough."""

from __future__ import annotations

from matinee.errors import DataError
from matinee.ratings import Ratings


def with_contexts_in_use(train: Ratings) -> Ratings:
    """The ratings with contexts of only those values that they have.

    Raises
    ------
    DataError
        If there are more values than ratings.
    """
    if train.contexts is None:
        return train
    contexts = train.contexts.in_use(train.context_codes)
    if contexts.n_values > len(train):
        raise DataError(
            f"the contexts {', '.join(contexts.names)} have {contexts.n_values:,} values for {len(train):,} "
            "ratings; expected fewer: take larger bins, such as days in place of times"
        )
    codes = contexts.recoded(train.context_codes, train.contexts)
    return train.with_rows(train.by_user._replace(contexts=codes), contexts)
