"""The figures of ranx and RecTools for lists and ratings in a folder, as JSON on standard output."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
from ranx import Qrels, Run
from ranx import evaluate as ranx_evaluate
from rectools import metrics


def of_ranx(test: pd.DataFrame, lists: pd.DataFrame, k: int) -> dict[str, float]:
    text = {name: frame.astype({"user": str, "item": str}) for name, frame in (("t", test), ("l", lists))}
    relevant = Qrels.from_df(text["t"].assign(one=1), q_id_col="user", doc_id_col="item", score_col="one")
    run = Run.from_df(
        text["l"].assign(score=-lists["rank"].astype(float)), q_id_col="user", doc_id_col="item"
    )
    names = ("precision", "recall", "ndcg", "map", "mrr", "hit_rate")
    found = ranx_evaluate(relevant, run, [f"{name}@{k}" for name in names], make_comparable=True)
    return {name: float(found[f"{name}@{k}"]) for name in names}


def of_rectools(
    train: pd.DataFrame, test: pd.DataFrame, lists: pd.DataFrame, k: int
) -> dict[str, float | None]:
    names = {"user": "user_id", "item": "item_id"}
    train, test, lists = (frame.rename(columns=names) for frame in (train, test, lists))
    asked = {
        "precision": metrics.Precision(k),
        "recall": metrics.Recall(k),
        "ndcg": metrics.NDCG(k, divide_by_achievable=True),
        "map": metrics.MAP(k),
        "mrr": metrics.MRR(k),
        "hit_rate": metrics.HitRate(k),
        "novelty": metrics.MeanInvUserFreq(k),
    }
    found = metrics.calc_metrics(
        asked, reco=lists, interactions=test, prev_interactions=train, catalog=train["item_id"].unique()
    )
    return {name: float(value) for name, value in found.items()}


if __name__ == "__main__":
    folder, k = Path(sys.argv[1]), int(sys.argv[2])
    train, test, lists = (pd.read_parquet(folder / f"{name}.parquet") for name in ("train", "test", "lists"))
    print(json.dumps({"ranx": of_ranx(test, lists, k), "rectools": of_rectools(train, test, lists, k)}))
