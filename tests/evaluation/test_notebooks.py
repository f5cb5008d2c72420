"""What a notebook shows of evaluations and comparisons: tables, and names that are escaped."""

import re

import pytest

from matinee.evaluation import compare, evaluate
from matinee.html import html_table
from matinee.models import ALS, BayesianALS, ImplicitALS, Recommender
from matinee.models.baselines import MostPopular
from matinee.ratings.splits import split
from matinee.tuning import tune


@pytest.fixture(scope="module")
def fitted(small_ratings):
    train, test = split(small_ratings, test_size=0.25, random_state=0)
    return ALS(n_factors=3, n_iterations=4, n_threads=1).fit(train), train, test


def shown(listed):
    """The text of the cells of a list, which is declared as any list."""
    return words(listed._repr_html_())


def words(html):
    """The text of the cells and notes, without tags."""
    return re.sub(r"<[^>]+>", " ", html).split()


def test_an_evaluation_shows_the_words_of_its_text_in_tables(fitted):
    model, train, test = fitted
    found = evaluate(model, test, k=5, train=train)
    html = found._repr_html_()
    assert sorted(words(html)) == sorted(str(found).replace("'", "&#x27;").split())
    assert html.count("<table>") == html.count("</table>") == 3
    assert (
        repr(found) == f"Evaluation(RMSE {found.rmse:.4f}, NDCG {found.ndcg:.4f} at 5, {found.n_users} users)"
    )
    assert repr(evaluate(MostPopular().fit(train), test)).startswith("Evaluation(NDCG")


def test_a_comparison_shows_the_words_of_its_text_in_tables(fitted):
    model, train, test = fitted
    found = compare({"<ours>": model, "popular": MostPopular().fit(train)}, test, k=5)
    html = found._repr_html_()
    escaped = str(found).replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#x27;")
    assert sorted(words(html)) == sorted(escaped.split())
    assert html.count("<table>") == html.count("</table>") == 3
    assert "<ours>" not in html
    assert repr(found) == "Comparison(<ours>, popular)"


def test_cells_are_escaped_and_the_first_is_at_the_left():
    assert html_table(["a", "b"], [["<i>", "&"]]) == (
        '<table><thead><tr><th style="text-align: left">a</th><th style="text-align: right">b</th></tr>'
        "</thead>"
        '<tbody><tr><td style="text-align: left">&lt;i&gt;</td><td style="text-align: right">&amp;</td></tr>'
        "</tbody></table>"
    )
    assert html_table([], []) == "<table><tbody></tbody></table>"


def test_a_description_shows_its_figures_in_tables(small_ratings):
    found = small_ratings.describe()
    html = found._repr_html_()
    text = [
        word for word in str(found).replace("distribution", "rating count share").split() if "█" not in word
    ]
    assert sorted(words(html)) == sorted(text)
    n_users, n_items = small_ratings.n_users, small_ratings.n_items
    assert repr(found) == f"Description({len(small_ratings):,} ratings of {n_items} items by {n_users} users)"


def test_a_model_shows_its_parameters_and_what_it_was_fitted_to(fitted):
    model, train, _ = fitted
    html = model._repr_html_()
    assert words(html)[:7] == ["ALS", "60", "users,", "40", "items,", f"{len(train):,}", "ratings"]
    assert words(html)[7:9] == ["n_factors", "3"]
    assert words(ALS()._repr_html_())[:3] == ["ALS", "not", "fitted"]
    assert "<script>" not in ALS(weighting="<script>")._repr_html_()


def test_a_person_shows_what_they_rated_the_best_first(fitted):
    model, _, _ = fitted
    first, second = model.item_index_.ids[:2].tolist()
    person = model.fold_in({first: 2.0, second: 4.5})
    assert words(person._repr_html_()) == ["Person", "rating", str(second), "4.5", str(first), "2"]


def test_lists_show_as_tables_and_stay_lists(fitted):
    model, train, _ = fitted
    user, item = model.user_index_.id_at(0), model.item_index_.id_at(0)
    for found in (
        model.recommend(user, 3),
        model.fold_in({item: 5}).recommend(3),
        model.similar_items(item, 3),
    ):
        assert found == list(found)
        assert isinstance(found, list)
        expected = [
            part for rank, one in enumerate(found, 1) for part in (str(rank), str(one[0]), f"{one[1]:.3f}")
        ]
        assert shown(found) == ["rank", "item", "score", *expected]
    assert shown(model.similar_users(user, 1))[:3] == ["rank", "user", "score"]
    assert shown(model.recommend(user, items=[])) == ["an", "empty", "list"]
    stars = BayesianALS(n_factors=2, n_samples=4, n_burn_in=1)
    both = Recommender(watch=ImplicitALS(n_factors=2), stars=stars).fit(train)
    [one] = both.recommend(user, 1)
    cells = shown(both.recommend(user, 1))
    assert cells[:8] == ["rank", "item", "score", "rating", "9", "of", "10", "within"]
    assert cells[11:] == [f"{one.rating:.2f}", f"{one.interval[0]:.1f}", "to", f"{one.interval[1]:.1f}"]


def test_a_search_shows_its_trials_the_best_first(small_ratings):
    for metric, sign in (("rmse", 1), ("ndcg", -1)):
        found = tune(small_ratings, model="als", n_trials=3, metric=metric, random_state=0)
        html = found._repr_html_()
        assert words(html)[:2] == [metric, f"{found.best_value:.4g}"]
        rows = re.findall(r"<tr>(.*?)</tr>", html.split("<thead>")[1].split("<tbody>")[1])
        place = found.trials.columns.index("value")
        values = [re.findall(r">([^<]*)</td>", row)[place] for row in rows]
        numbers = [float(value) for value in values if value != "–"]
        assert numbers == sorted(numbers, key=lambda value: sign * value)
        assert len(rows) == 3
        assert repr(found).startswith(f"TuningResult({metric} {found.best_value:.4f} of 3 trials, ALS(")
