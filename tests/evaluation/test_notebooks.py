"""What a notebook shows of evaluations and comparisons: tables, and names that are escaped."""

import re

import pytest

from matinee.evaluation import compare, evaluate
from matinee.html import html_table
from matinee.models import ALS
from matinee.models.baselines import MostPopular
from matinee.ratings.splits import split


@pytest.fixture(scope="module")
def fitted(small_ratings):
    train, test = split(small_ratings, test_size=0.25, random_state=0)
    return ALS(n_factors=3, n_iterations=4, n_threads=1).fit(train), train, test


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
