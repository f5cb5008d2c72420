"""LensKit's ``ImplicitMFScorer``, as a maker of lists."""

import logging

import numpy as np
import pandas as pd
from implicit_job import top
from job import Prepared, answer
from lenskit import __version__
from lenskit.als import ImplicitMFScorer
from lenskit.data import from_interactions_df
from lenskit.training import TrainingOptions
from list_job import N_LISTED, tasks


def lists(data: Prepared, job: dict) -> np.ndarray:
    train = data.train
    frame = pd.DataFrame({"user_id": train.users, "item_id": train.items})
    scorer = ImplicitMFScorer(**job["parameters"])
    scorer.train(from_interactions_df(frame), TrainingOptions(rng=job["seed"]))
    # All scores at once, and not user by user as its pipelines have it: the lists are the same.
    users = np.zeros((data.n_users, scorer.user_embeddings.shape[1]), dtype=np.float32)
    items = np.zeros((data.n_items, users.shape[1]), dtype=np.float32)
    users[scorer.users.ids()] = scorer.user_embeddings
    items[scorer.items.ids()] = scorer.item_embeddings
    by_user = np.argsort(train.users, kind="stable")
    train.users, train.items = train.users[by_user], train.items[by_user]
    return top(users, items, data, n=N_LISTED)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    answer(__version__, **tasks(lists))
