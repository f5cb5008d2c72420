"""Every kind of model can be served, whatever it knows of factors, stars and intervals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import matinee
from matinee.models import ItemRidge, Model
from matinee.models.recommender import Recommender
from tests.web.site import Site, headings

KINDS: dict[str, Callable[[], Model]] = {
    "als": lambda: matinee.ALS(n_factors=4, n_iterations=3),
    "implicit": lambda: matinee.ImplicitALS(n_factors=4, n_iterations=2),
    "bayes": lambda: matinee.BayesianALS(n_factors=2, n_samples=4, n_burn_in=2),
    "item-ridge": ItemRidge,
    "ridge and als": lambda: Recommender(watch=ItemRidge(), stars=matinee.ALS(n_factors=2, n_iterations=2)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_pages_of_every_kind_of_model(
    make_site: Callable[..., Site], tmp_path: Path, items: dict[str, str], kind: str
) -> None:
    ratings = matinee.load_dataset("demo")
    model = KINDS[kind]()
    model.fit(ratings.subset(np.flatnonzero(ratings.user_positions < 300)))
    model.save(tmp_path / "model.safetensors")
    site = make_site(model=str(tmp_path / "model.safetensors"))
    browser = site.browser()
    assert len(headings(browser.get("/").text, "worth-rating")) == 9
    for title, stars in (("Alien", "5"), ("Jaws", "4.5"), ("Notting Hill", "1")):
        browser.post(f"/films/{items[title]}/rating", rating=stars)
    home = browser.get("/")
    suggested = headings(home.text, "suggestions")
    assert home.status_code == 200 and len(suggested) == 12
    assert not {"Alien", "Jaws", "Notting Hill"} & set(suggested)
    assert "Notting Hill</a> 1 star" not in home.text
    assert ("Our guess" in home.text) == model.predicts_ratings
    assert ('id="blend"' in home.text) == isinstance(model, Recommender)
    varied = browser.get("/?diversity=1")
    assert 'id="diversity"' in home.text and 'id="diversity"' in varied.text
    assert headings(varied.text, "suggestions") not in ([], suggested)
    film = browser.get(f"/films/{items['Aliens']}")
    assert film.status_code == 200 and "Our guess for you" in film.text
    report = browser.get("/report").text
    assert type(model).__name__ in report and "saved on" in report
