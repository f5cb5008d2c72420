import json
from dataclasses import replace

import pytest

from matinee.errors import DataError
from matinee.evaluation import evaluate, evaluate_alone
from matinee.evaluation.comparison import compare
from matinee.models import ALS
from matinee.models.baselines import ItemBiases, MostPopular, Random
from matinee.ratings.splits import split


@pytest.fixture(scope="module")
def fitted(small_ratings):
    train, test = split(small_ratings, test_size=0.25, random_state=0)
    als = ALS(n_factors=3, n_iterations=4, n_threads=1)
    models = [model.fit(train) for model in (als, MostPopular(), ItemBiases(), Random())]
    return models, train, test


def test_a_row_holds_what_evaluate_says_of_the_model(fitted):
    models, _, test = fitted
    asked = {"k": 5, "relevant_from": 3.0, "liked": 3.5, "gains": "graded"}
    found = compare(models, test, **asked)
    assert list(found.evaluations) == ["ALS", "MostPopular", "ItemBiases", "Random"]
    rows = found.to_frame().to_dicts()
    for model, row in zip(models, rows, strict=True):
        name = row.pop("model")
        expected = replace(evaluate(model, test, **asked), most_popular=None)
        assert found.evaluations[name] == expected
        assert row | {"most_popular": None} == expected.to_dict()
        assert "most_popular" not in row
    assert rows[1]["rmse"] is None


def test_the_table_has_a_line_for_each_model_and_the_protocol(fitted):
    models, _, test = fitted
    lines = str(compare({"ours": models[0], "popular": models[1]}, test)).splitlines()
    assert lines[0].split()[:4] == ["model", "RMSE", "MAE", "precision"]
    expected = evaluate_alone(models[0], test)
    assert lines[1].split()[:5] == [
        *("a", "ours"),
        *(f"{expected.to_dict()[name]:.4f}" for name in ("rmse", "mae", "precision")),
    ]
    assert lines[2].split()[:4] == ["b", "popular", "–", "–"]
    assert "lists            of 10 for each user" in lines
    assert "split            random, test_size=0.25, random_state=0" in lines
    assert "trained on" not in lines[-1]


def test_the_table_shows_what_people_liked(fitted):
    models, _, test = fitted
    lines = str(compare({"ours": models[0]}, test)).splitlines()
    assert lines[0].endswith("NDCG liked  recall liked  stars of hits  disliked  catalogue  novelty")
    expected = evaluate_alone(models[0], test)
    assert lines[1].split()[-6:-2] == [
        f"{expected.ndcg_liked:.4f}",
        f"{expected.recall_liked:.4f}",
        f"{expected.mean_stars_of_hits:.2f}",
        f"{expected.share_disliked:.1%}",
    ]
    assert "liked            from 4, and disliked up to 2" in lines


def test_a_model_that_was_trained_on_the_test_is_named(fitted):
    models, train, _ = fitted
    assert f"ALS was trained on {len(train):,} of the {len(train):,} test ratings" in str(
        compare(models, train)
    )


def test_new_users_are_compared_by_the_same_protocol(small_ratings):
    train, test = split(small_ratings, by="new_users", test_size=0.3)
    found = compare([MostPopular().fit(train), Random().fit(train)], test)
    assert "without their history folded in" in str(found)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False)) == found.to_dict()


def test_models_of_one_class_are_numbered(fitted):
    models, _, test = fitted
    assert list(compare([models[0], models[0], models[3]], test).evaluations) == ["ALS", "ALS 2", "Random"]


def test_what_cannot_be_compared_is_refused(fitted, small_ratings):
    models, _, test = fitted
    with pytest.raises(DataError, match="there are no models to compare"):
        compare([], test)
    with pytest.raises(DataError, match="expected several models, in a list or by name"):
        compare(models[0], test)
    with pytest.raises(DataError, match="expected a model, .* got str"):
        compare({"x": "model"}, test)
    other, _ = split(small_ratings, by="new_users", test_size=0.3)
    with pytest.raises(DataError, match="'ALS' and 'Random' don't know the same users and items"):
        compare([models[0], Random().fit(other)], test)
