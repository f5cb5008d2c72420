"""Which pictures there are of what."""

from __future__ import annotations

import matinee
from matinee import plots
from matinee.plots import gallery
from matinee.plots.gallery import pictures_of_model, pictures_of_ratings, pictures_of_test


def names(pictures: list[gallery.Picture]) -> list[str]:
    return [picture.name for picture in pictures]


def test_every_public_picture_but_that_of_a_search_is_drawn(small_ratings, bayes, split_ratings) -> None:
    drawn = set()
    for picture in [
        *pictures_of_ratings(small_ratings),
        *pictures_of_model(bayes),
        *pictures_of_test(bayes, split_ratings[1]),
    ]:
        drawn |= {name for name in plots.__all__ if name in picture.draw.__code__.co_names}
    assert drawn == set(plots.__all__) - {"tuning"}


def test_a_model_is_shown_what_can_be_shown_of_it(als, implicit, bayes, split_ratings) -> None:
    test = split_ratings[1]
    lists = ["recall-curve", "ndcg-curve"]
    assert names(pictures_of_test(als, test)) == ["predictions", "residuals", *lists]
    assert names(pictures_of_test(bayes, test)) == ["predictions", "residuals", "interval-coverage", *lists]
    assert names(pictures_of_test(implicit, test)) == lists
    popular = matinee.baselines.MostPopular().fit(split_ratings[0])
    assert "training-curve" in names(pictures_of_model(als))
    assert "training-curve" not in names(pictures_of_model(popular))


def test_lists_are_shown_beside_the_most_popular_of_what_the_model_was_fitted_on(als, split_ratings) -> None:
    train, test = split_ratings
    picture = pictures_of_test(als, test)[-1]
    ours, popular = picture.draw().lines
    assert [ours.get_label(), popular.get_label()] == ["ALS", "most popular"]
    expected = matinee.evaluate(matinee.baselines.MostPopular().fit(train), test, k=5).ndcg
    assert popular.get_ydata()[list(popular.get_xdata()).index(5)] == expected
