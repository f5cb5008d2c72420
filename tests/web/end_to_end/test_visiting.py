"""Search, rate, watch the list change, register, log out and in: with scripts, without, and by keyboard."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.web.end_to_end.conftest import PHONE, Visitor

# The servers and the browser are started once, so all tests in a browser run in one worker.
pytestmark = pytest.mark.xdist_group("in a browser")

FIVE = {"Alien": "4.5", "Blade Runner": "5", "Casablanca": "2", "Toy Story": "3.5", "Psycho": "4"}
PASSWORD = "several words in a row"


def region(page: Page, name: str) -> Locator:
    return page.locator(f"[data-region={name}]")


def titles(place: Locator) -> list[str]:
    return place.locator(".film h3").all_inner_texts()


def film_called(place: Locator, title: str) -> Locator:
    exact = place.page.get_by_role("link", name=title, exact=True)
    return place.locator(".film").filter(has=exact.and_(place.page.locator("h3 a")))


def chosen_stars(film: Locator) -> str | None:
    checked = film.locator("[data-stars] input:checked")
    return checked.get_attribute("value") if checked.count() else None


def give(film: Locator, stars: str) -> None:
    """Click on stars, which come with the pointer where films are a wall of posters."""
    film.hover()
    film.locator(f"input[value='{stars}']").click()


def press(film: Locator, button: str) -> None:
    """Click on one of the buttons of a film."""
    film.hover()
    film.get_by_role("button", name=button).click()


def name_of(visitor: Visitor, what: str) -> str:
    """A name that nobody has on this server yet."""
    return f"{what} {visitor.address.rsplit(':')[-1]}"


def find_by_typing(page: Page, title: str) -> Locator:
    """The film in what the search shows as its title is typed, all but the last letter."""
    page.get_by_role("searchbox").fill("")
    page.get_by_role("searchbox").press_sequentially(title[:-1])
    heading = page.locator("#results h2")
    expect(heading).to_contain_text(f"“{title[:-1]}”")
    return film_called(page.locator("#results"), title)


def assert_rated(visitor: Visitor, expected: dict[str, str]) -> None:
    page = visitor.go("/ratings")
    rated = region(page, "ratings")
    expect(rated.locator(".film")).to_have_count(len(expected))
    found = {title: chosen_stars(film_called(rated, title)) for title in titles(rated)}
    assert found == expected


@pytest.mark.parametrize(
    "server", ["sqlite_server", "postgres_backed_server"], indirect=True, ids=["sqlite", "postgresql"]
)
def test_ratings_change_the_list_at_once_and_are_there_after_logging_out_and_in(visitor: Visitor) -> None:
    page = visitor.go("/")
    page.evaluate("window.isTheSamePage = true")
    seen = [titles(region(page, "suggestions"))]
    for n_rated, (title, stars) in enumerate(FIVE.items(), 1):
        film = find_by_typing(page, title)
        give(film, stars)
        counted = f"{n_rated} film{'s' * (n_rated > 1)} you have rated"
        expect(region(page, "intro")).to_contain_text(counted)
        expect(region(page, "status")).to_contain_text(f"You gave {title}")
        assert chosen_stars(film) == stars
        seen.append(titles(region(page, "suggestions")))
        assert len(seen[-1]) == 12 and seen[-1] != seen[-2]
        assert not set(seen[-1]) & set(list(FIVE)[:n_rated])
    expect(region(page, "suggestions")).to_contain_text("Because you rated Blade Runner 5 stars")
    assert page.evaluate("window.isTheSamePage")
    visitor.register(name := name_of(visitor, "Ada"), PASSWORD)
    visitor.log_in(name, PASSWORD)
    assert_rated(visitor, FIVE)
    visitor.go("/account").get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Log in")).to_be_visible()
    assert_rated(visitor, {})
    visitor.log_in(name.upper(), PASSWORD)
    assert_rated(visitor, FIVE)


def test_all_of_it_works_without_scripts(visitor_without_scripts: Visitor) -> None:
    visitor = visitor_without_scripts
    page = visitor.go("/")
    seen = [titles(region(page, "suggestions"))]
    for title, stars in FIVE.items():
        page.get_by_role("searchbox").fill(title)
        page.get_by_role("button", name="Search").click()
        film = film_called(region(page, "found"), title)
        give(film, stars)
        press(film, "Rate")
        expect(region(page, "status")).to_contain_text(f"You gave {title}")
        assert chosen_stars(film_called(region(page, "found"), title)) == stars
        visitor.go("/")
        seen.append(titles(region(page, "suggestions")))
        assert seen[-1] != seen[-2]
    assert not set(seen[-1]) & set(FIVE)
    visitor.register(name := name_of(visitor, "Grace"), PASSWORD)
    visitor.log_in(name, PASSWORD)
    visitor.go("/account").get_by_role("button", name="Log out").click()
    visitor.log_in(name, PASSWORD)
    assert_rated(visitor, FIVE)
    press(film_called(region(page, "ratings"), "Alien"), "Remove")
    expect(region(page, "status")).to_contain_text("You have not rated Alien")
    assert_rated(visitor, {title: stars for title, stars in FIVE.items() if title != "Alien"})


def is_in(page: Page, selector: str) -> bool:
    """Whether the focus is in what a selector names."""
    return bool(page.evaluate("selector => document.activeElement.closest(selector) !== null", selector))


def tab_to(page: Page, selector: str) -> None:
    """Press the tabulator until the focus is in what a selector names."""
    for _ in range(200):
        page.keyboard.press("Tab")
        if is_in(page, selector):
            return
    raise AssertionError(f"the tabulator does not come to {selector}")


def test_all_of_it_works_by_keyboard_alone(visitor: Visitor) -> None:
    page = visitor.go("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the films")).to_be_focused()
    tab_to(page, "#search")
    page.keyboard.type("blade runne")
    expect(page.locator("#results h2")).to_contain_text("blade runne")
    tab_to(page, "#results [data-stars]")
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    # The arrows pass over the other stars, and nothing is sent on the way.
    expect(region(page, "status")).to_be_empty()
    page.keyboard.press("Enter")
    expect(region(page, "status")).to_contain_text("You gave Blade Runner 4 stars.")
    expect(page.locator("#results [data-stars] input:focus")).to_have_value("4")
    page.keyboard.press("ArrowLeft")
    tab_to(page, ".rate-button")
    page.keyboard.press("Enter")
    expect(region(page, "status")).to_contain_text("You gave Blade Runner 3½ stars.")
    tab_to(page, "[data-region=suggestions] .dismissal")
    unwanted = titles(region(page, "suggestions"))[0]
    page.keyboard.press("Enter")
    expect(region(page, "status")).to_contain_text(f"{unwanted} will not be suggested again.")
    assert unwanted not in titles(region(page, "suggestions"))
    # What had the focus is gone; it goes on from the list's head.
    assert is_in(page, "[data-region=suggestions] h2")
    tab_to(page, "[data-region=status] button")
    page.keyboard.press("Enter")
    expect(region(page, "suggestions").locator(".film h3").first).to_have_text(unwanted)
    visitor.go("/register")
    tab_to(page, "#name")
    page.keyboard.type(name := name_of(visitor, "Katherine"))
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Welcome, {name}")
    assert_rated(visitor, {"Blade Runner": "3.5"})


@pytest.mark.parametrize("has_scripts", [True, False], ids=["with scripts", "without"])
def test_what_is_not_of_interest_is_gone_and_comes_back(
    new_visitor: Callable[..., Visitor], has_scripts: bool
) -> None:
    visitor = new_visitor(java_script_enabled=has_scripts, viewport=PHONE)
    page = visitor.go("/")
    first = titles(region(page, "suggestions"))[0]
    press(film_called(region(page, "suggestions"), first), "Not interested")
    expect(region(page, "status")).to_contain_text(f"{first} will not be suggested again.")
    assert first not in titles(region(page, "suggestions"))
    region(page, "status").get_by_role("button", name="Undo").click()
    expect(region(page, "status")).to_contain_text(f"You have not rated {first}")
    assert titles(region(page, "suggestions"))[0] == first
    region(page, "status").get_by_role("link", name="Close").click()
    expect(region(page, "status")).to_be_empty()


@pytest.mark.parametrize("has_scripts", [True, False], ids=["with scripts", "without"])
def test_filters_leave_films_of_the_genre_and_the_years(
    new_visitor: Callable[..., Visitor], has_scripts: bool
) -> None:
    page = new_visitor(java_script_enabled=has_scripts).go("/")
    page.get_by_label("Genre").select_option("Horror")
    page.get_by_label("To year").fill("1980")
    if not has_scripts:
        page.get_by_role("button", name="Show", exact=True).click()
    else:
        page.get_by_label("To year").press("Enter")
    page.wait_for_url("**/?genre=Horror*year_to=1980")
    expect(region(page, "suggestions").locator(".film").first).to_contain_text("Horror")
    facts = region(page, "suggestions").locator(".film .facts").all_inner_texts()
    assert facts
    for fact in facts:
        year, genres = fact.split(" · ")
        assert int(year) <= 1980 and "Horror" in genres.split(", ")


@pytest.mark.parametrize("server", ["blended_server"], indirect=True)
@pytest.mark.parametrize("has_scripts", [True, False], ids=["with scripts", "without"])
def test_the_sliders_go_from_safe_to_only_the_best_and_to_more_variety(
    new_visitor: Callable[..., Visitor], has_scripts: bool
) -> None:
    visitor = new_visitor(java_script_enabled=has_scripts)
    page = visitor.go("/search?q=Alien")
    slider = page.get_by_role("slider", name="Suggest films that are safe, or only the best")
    variety = page.get_by_role("slider", name="Variety of the suggestions, as usual or more")
    alien = film_called(region(page, "found"), "Alien")
    give(alien, "5")
    if not has_scripts:
        press(alien, "Rate")
    expect(region(page, "status")).to_contain_text("You gave Alien")
    visitor.go("/")
    expect(slider).to_have_value("0.3")
    safe = titles(region(page, "suggestions"))
    slider.press("End")
    if not has_scripts:
        page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url("**/?*blend=1*")
    expect(region(page, "suggestions").locator(".film h3").first).not_to_have_text(safe[0])
    assert titles(region(page, "suggestions")) != safe
    expect(slider).to_have_value("1")
    if has_scripts:
        # The focus stays where it is, so that the next key moves the slider on.
        expect(slider).to_be_focused()
    expect(variety).to_have_value("0")
    best = titles(region(page, "suggestions"))
    variety.press("End")
    if not has_scripts:
        page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url("**/?*blend=1&diversity=1")
    expect(region(page, "suggestions").locator(".film h3").nth(1)).not_to_have_text(best[1])
    varied = titles(region(page, "suggestions"))
    assert varied[0] == best[0] and varied != best
    expect(variety).to_have_value("1")
    expect(slider).to_have_value("1")
    # What comes after the list goes on from it.
    page.get_by_role("link", name="Show more suggestions").click()
    page.wait_for_url("**/?*blend=1&diversity=1&more=1*")
    expect(region(page, "further").locator(".film")).to_have_count(24)
    assert titles(region(page, "suggestions")) == varied
    expect(variety).to_have_value("1")


@pytest.mark.parametrize("server", ["blended_server"], indirect=True)
def test_the_sliders_come_with_the_first_rating(visitor: Visitor) -> None:
    page = visitor.go("/")
    sliders = page.get_by_role("slider")
    expect(sliders).to_have_count(0)
    give(region(page, "worth-rating").locator(".film").first, "4")
    expect(sliders.first).to_have_value("0.3")
    expect(sliders.last).to_have_value("0")
    region(page, "status").get_by_role("button", name="Remove").click()
    expect(sliders).to_have_count(0)


def test_the_page_of_a_film_says_what_is_expected_once_other_films_are_rated(visitor: Visitor) -> None:
    page = visitor.go("/search?q=Alien")
    film_called(region(page, "found"), "Alien").get_by_role("link", name="Alien", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Alien")
    expect(region(page, "prediction")).to_contain_text("Rate some films")
    similar = titles(region(page, "similar"))
    assert "Aliens" in similar and "Alien" not in similar
    give(film_called(region(page, "similar"), "Aliens"), "5")
    expect(region(page, "prediction")).to_contain_text("Because you rated Aliens 5 stars.")
    expect(region(page, "prediction").locator("strong")).to_contain_text("stars")
    region(page, "own").locator("input[value='1.5']").click()
    expect(region(page, "own")).to_contain_text("Your stars")
    expect(region(page, "prediction")).to_contain_text("What we would have guessed")
    region(page, "own").get_by_role("button", name="Remove").click()
    expect(region(page, "own")).to_contain_text("Have you seen it?")
    assert_rated(visitor, {"Aliens": "5"})


def test_ratings_are_changed_and_removed_where_they_are_listed(visitor: Visitor) -> None:
    page = visitor.go("/search?q=Jaws")
    give(film_called(region(page, "found"), "Jaws"), "2")
    expect(region(page, "status")).to_contain_text("You gave Jaws 2 stars.")
    assert_rated(visitor, {"Jaws": "2"})
    give(film_called(region(page, "ratings"), "Jaws"), "4.5")
    expect(region(page, "status")).to_contain_text("You gave Jaws 4½ stars.")
    assert_rated(visitor, {"Jaws": "4.5"})
    press(film_called(region(page, "ratings"), "Jaws"), "Remove")
    expect(region(page, "ratings")).to_contain_text("Nothing yet.")


def test_two_stars_in_quick_succession_are_both_kept_for_one_visitor(visitor: Visitor) -> None:
    page = visitor.go("/search?q=star+trek")
    stars = region(page, "found").locator("[data-stars] input[value='4']")
    # Before the first is answered, as a quick hand would: the browser has no cookie of a visitor yet.
    page.evaluate("inputs => inputs.slice(0, 2).forEach((input) => input.click())", stars.element_handles())
    expect(region(page, "found").locator("input:checked")).to_have_count(2)
    rated = titles(region(page, "found"))[:2]
    expect(region(page, "status")).to_contain_text(rated[1])
    assert_rated(visitor, dict.fromkeys(rated, "4"))


def test_an_account_changes_its_password_and_makes_tokens_and_is_deleted(visitor: Visitor) -> None:
    visitor.register(name := name_of(visitor, "Hedy"), PASSWORD)
    visitor.log_in(name, PASSWORD)
    page = visitor.go("/account")
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password").fill("some other words")
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("status").filter(has_text="The password is changed.")).to_be_visible()
    page.get_by_label("What is it for?").fill("a program")
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_role("status").filter(has_text="Your new token")).to_contain_text("matinee_")
    page.get_by_role("button", name="Revoke the token a program").click()
    expect(page.get_by_role("button", name="Revoke")).to_have_count(0)
    page.get_by_text("I want to delete it").click()
    page.get_by_label("Password", exact=True).fill("some other words")
    page.get_by_role("button", name="Delete the account").click()
    expect(page.get_by_role("link", name="Log in")).to_be_visible()
