"""Neural matrix factorisation (He et al. 2017) in PyTorch, evaluated by the same code as Matinee's models.

The tutorial trains it; ``deep_comparison.py`` compares it with the models of the library.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

import matinee
from matinee.errors import DataError
from matinee.models.factor_model import FactorModel
from matinee.models.factor_people import FactorPeople
from matinee.models.people import People
from matinee.ratings import Rows
from matinee.solving.row_problem import Floats, Side

PAIRS_AT_ONCE = 8_192  # so few that the outputs of a layer stay in the cache


@dataclass(frozen=True)
class Settings:
    """The settings that are chosen on validation ratings."""

    n_factors: int  # the number of factors in the product
    layers: tuple[int, ...]  # the widths of the network: first two embeddings side by side, then the layers
    learning_rate: float
    weight_decay: float
    batch_size: int
    scale: float = 0.01  # the standard deviation of the initial embeddings, as in the paper
    n_negatives: int = 4  # the number of unseen pairs for each seen one, as in the paper
    optimizer: type[torch.optim.Optimizer] = torch.optim.Adam
    patience: int = 4  # the number of epochs without gain after which the training ends


class NeuMF(nn.Module):
    """A network that joins a product of factors and a network over embeddings by one linear layer."""

    def __init__(self, n_users: int, n_items: int, settings: Settings, offset: float) -> None:
        super().__init__()
        self.offset = offset
        width, layers = settings.n_factors, settings.layers
        self.factors = nn.ModuleList([nn.Embedding(n_users, width), nn.Embedding(n_items, width)])
        self.inputs = nn.ModuleList([nn.Embedding(n, layers[0] // 2) for n in (n_users, n_items)])
        steps = [(nn.Linear(wide, narrow), nn.ReLU()) for wide, narrow in pairwise(layers)]
        self.network = nn.Sequential(*(layer for step in steps for layer in step))
        self.output = nn.Linear(width + layers[-1], 1)
        for embedding in (*self.factors, *self.inputs):
            nn.init.normal_(embedding.weight, std=settings.scale)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        product = self.factors[0](users) * self.factors[1](items)
        deep = self.network(torch.cat([self.inputs[0](users), self.inputs[1](items)], dim=-1))
        return self.offset + self.output(torch.cat([product, deep], dim=-1)).squeeze(-1)


# ---- two objectives: to tell seen from unseen, and to predict ratings ------------------------------

Epoch = tuple[Tensor, Tensor, Tensor]  # users, items, targets


@dataclass(frozen=True)
class Objective:
    """The pairs that the network learns from, its loss, and the measure of its quality (more is better)."""

    draw: Callable[[matinee.Ratings, Settings], Iterator[Epoch]]
    loss: nn.Module
    quality: Callable[[NeuMF, matinee.Ratings, matinee.Ratings], float]


def pairs_of(ratings: matinee.Ratings) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(ratings.user_positions).long(), torch.tensor(ratings.by_user.columns).long()


def seen_and_unseen(train: matinee.Ratings, settings: Settings) -> Iterator[Epoch]:
    """Epochs of all rated pairs, with the target 1, and of new random unrated pairs, with the target 0."""
    users, items = pairs_of(train)
    seen = torch.zeros(train.n_users, train.n_items, dtype=torch.bool)
    seen[users, items] = True
    repeated = users.repeat(settings.n_negatives)
    targets = torch.cat([torch.ones(len(users)), torch.zeros(len(repeated))])
    while True:
        drawn = torch.randint(train.n_items, repeated.shape)
        while len(again := seen[repeated, drawn].nonzero().squeeze(-1)):
            drawn[again] = torch.randint(train.n_items, again.shape)
        yield torch.cat([users, repeated]), torch.cat([items, drawn]), targets


def rated(train: matinee.Ratings, settings: Settings) -> Iterator[Epoch]:
    """Epochs of all rated pairs, with their ratings as targets."""
    users, items = pairs_of(train)
    while True:
        yield users, items, torch.tensor(train.values)


def ndcg(network: NeuMF, train: matinee.Ratings, validation: matinee.Ratings) -> float:
    return matinee.evaluate(ScoreTable(all_scores(network)).fit(train), validation).ndcg


def minus_rmse(network: NeuMF, train: matinee.Ratings, validation: matinee.Ratings) -> float:
    network.eval()
    with torch.inference_mode():
        predicted = network(*pairs_of(validation)).numpy().clip(train.values.min(), train.values.max())
    return -matinee.metrics.rmse(validation.values, predicted)


RANKING = Objective(seen_and_unseen, nn.BCEWithLogitsLoss(), ndcg)
RATINGS = Objective(rated, nn.MSELoss(), minus_rmse)


# ---- training ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trained:
    """A network, the seconds of its training alone, and its quality after each epoch, if it was measured."""

    network: NeuMF
    seconds: float
    curve: tuple[float, ...] = ()

    @property
    def best_epoch(self) -> int:
        return 1 + int(np.argmax(self.curve))


def fit(
    train: matinee.Ratings, settings: Settings, objective: Objective, *, n_epochs: int, seed: int = 0
) -> Trained:
    """Train for ``n_epochs`` epochs."""
    network = untrained(train, settings, objective, seed)
    seconds = list(islice(training(network, train, settings, objective), n_epochs))
    return Trained(network, sum(seconds))


def fit_until_best(
    train: matinee.Ratings,
    settings: Settings,
    objective: Objective,
    *,
    validation: matinee.Ratings,
    seed: int = 0,
) -> Trained:
    """Train until the validation quality has not improved for some epochs, and return the best network."""
    network = untrained(train, settings, objective, seed)
    best, curve, total = network, [], 0.0
    for seconds in training(network, train, settings, objective):
        total += seconds
        curve.append(objective.quality(network, train, validation))
        if curve[-1] == max(curve):
            best = copy.deepcopy(network)
        if max(curve) > max(curve[-settings.patience :]):
            break
    return Trained(best, total, tuple(curve))


def untrained(train: matinee.Ratings, settings: Settings, objective: Objective, seed: int) -> NeuMF:
    torch.manual_seed(seed)
    offset = float(train.values.mean()) if objective is RATINGS else 0.0
    return NeuMF(train.n_users, train.n_items, settings, offset)


def training(
    network: NeuMF, train: matinee.Ratings, settings: Settings, objective: Objective
) -> Iterator[float]:
    """Train one epoch at each step of the iterator, which yields the seconds that it took."""
    optimizer = settings.optimizer(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    epochs = objective.draw(train, settings)
    while True:
        began = time.perf_counter()
        network.train()
        users, items, targets = next(epochs)
        for batch in torch.randperm(len(users)).split(settings.batch_size):
            optimizer.zero_grad()
            objective.loss(network(users[batch], items[batch]), targets[batch]).backward()
            optimizer.step()
        yield time.perf_counter() - began


# ---- results ----------------------------------------------------------------------------------------


def all_scores(network: NeuMF) -> Floats:
    """The scores of all users for all items; shape (n_users, n_items)."""
    n_users, n_items = (side.num_embeddings for side in network.factors)
    scores = np.empty((n_users, n_items), dtype=np.float32)
    network.eval()
    with torch.inference_mode():
        for users in torch.arange(n_users).split(max(1, PAIRS_AT_ONCE // n_items)):
            pairs = torch.cartesian_prod(users, torch.arange(n_items))
            scores[users] = network(*pairs.T).reshape(len(users), n_items).numpy()
    return scores


class ScoreTable(FactorModel):
    """Makes a model of the library from a table of scores, so that the library can evaluate them.

    Any table S of scores is a product of factors: S = S·I. A user's factors are a row of S, and an item's
    factors are a row of the identity matrix.
    """

    has_biases = True

    def __init__(self, scores: Floats, *, predicts_ratings: bool = False) -> None:
        self.scores = scores
        self.predicts_ratings = predicts_ratings

    def fit(self, train: matinee.Ratings, validation: matinee.Ratings | None = None) -> Self:
        n_users, n_items = self.scores.shape
        users = Side(self.scores, np.zeros(n_users, dtype=np.float32))
        items = Side(np.eye(n_items, dtype=np.float32), np.zeros(n_items, dtype=np.float32))
        self.keep_fit(train, users, items, 0.0, [])
        return self

    def check_parameters(self) -> None:
        """Do nothing: all scores are allowed."""

    @property
    def people(self) -> People:
        return FactorPeople.of(self.user_side, self.rated_, None, self.items_for_people, n_threads=1)

    def people_by(self, rated: Rows) -> People:
        raise DataError("a table of scores has no scores for new people")
