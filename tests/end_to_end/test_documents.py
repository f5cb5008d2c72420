"""What the README and the docs show runs as it stands, and what they link to is there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import matinee as library
from matinee.cli.demo_run import OTHER_VIEWER
from matinee.datasets import loading
from matinee.datasets.demo import DemoArrays, demo_arrays

from .conftest import Outcome

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(set(DOCS.rglob("*.md")) - set(DOCS.glob("_build/**/*.md")))]
ON_SPARK = DOCS / "how-to" / "spark.md"
OTHERS = [page for page in PAGES if page != ON_SPARK]
# Where Matinee's calls stand beside those of other libraries: code in the last column of tables.
OUR_SIDE = DOCS / "coming-from.md"
# What is shown for any ratings, and therefore has to run on any.
FOR_ANY_RATINGS = [ROOT / "README.md", DOCS / "faq.md", OUR_SIDE, *sorted(DOCS.glob("how-to/*.md"))]
FOR_ANY_RATINGS.remove(ON_SPARK)
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OUR_CALLS = re.compile(r"^\|.*\|([^|]*)\|$", re.MULTILINE)
FENCE = re.compile(r"^(`{3,})[^\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
# Indented blocks hold what is typed; a line that ends in a backslash goes on in the next.
COMMAND = re.compile(r"^    (matinee (?:.*\\\n)*.*)$", re.MULTILINE)
# They need the network, or a database, or go on until they are stopped.
ELSEWHERE = {"download", "serve", "retrain", "export", "token", "events", "import"}
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose_of(page: Path) -> str:
    """The page without its fenced blocks."""
    return FENCE.sub("", text_of(page))


def commands_of(page: Path) -> list[list[str]]:
    """The commands of Matinee that the page shows, as words, but for those that tests of their own run."""
    lines = (found.replace("\\\n", " ") for found in COMMAND.findall(prose_of(page)))
    commands = [shlex.split(line, comments=True)[1:] for line in lines]
    return [words for words in commands if words[0] not in ELSEWHERE]


def anchors_of(page: Path) -> Iterator[str]:
    """What the headings of a page are linked to by."""
    for heading in re.findall(r"^#+ (.*)$", prose_of(page), re.MULTILINE):
        shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        yield re.sub(r"[^\w\- ]", "", shown.lower()).strip().replace(" ", "-")


def code_of(page: Path) -> str:
    """The blocks of Python, and in between our side of the calls of other libraries."""
    found = [(block.start(), block[1]) for block in BLOCK.finditer(text_of(page))]
    if page == OUR_SIDE:
        for row in OUR_CALLS.finditer(text_of(page)):
            found += [(row.start(), f"{call}\n") for call in re.findall(r"`([^`]+)`", row[1])]
    return "\n".join(code for _, code in sorted(found, key=lambda each: each[0]))


@cache
def some_people() -> DemoArrays:
    """What some people of the built-in cinema rated: enough for a page, and faster than all."""
    arrays = demo_arrays()
    people = [*range(1, 1_501), OTHER_VIEWER]
    kept = np.isin(arrays.users, people)
    return DemoArrays(
        users=arrays.users[kept],
        items=arrays.items[kept],
        values=arrays.values[kept],
        timestamps=arrays.timestamps[kept],
        registered_users=np.array(people),
    )


@pytest.fixture(autouse=True)
def the_cinema_has_some_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "demo_arrays", some_people)


def run(page: Path, data: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the code of a page, with the name of another dataset in place of the built-in one."""
    code = code_of(page).replace('"demo"', f'"{data}"')
    monkeypatch.chdir(folder)
    exec(compile(code, str(page), "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("page", [page for page in OTHERS if code_of(page)], ids=name_of)
def test_the_code_of_a_page_runs_from_top_to_bottom(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(page, "demo", tmp_path, monkeypatch)
    assert capsys.readouterr().out


@pytest.mark.needs("MATINEE_DATA")
@pytest.mark.parametrize("page", [page for page in FOR_ANY_RATINGS if code_of(page)], ids=name_of)
def test_the_code_of_a_page_runs_on_movielens_too(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(page, "ml-100k", tmp_path, monkeypatch)
    assert capsys.readouterr().out


def test_every_library_has_calls_beside_ours() -> None:
    sections = re.split(r"^## ", text_of(OUR_SIDE), flags=re.MULTILINE)[1:]
    calls = {section.splitlines()[0]: len(OUR_CALLS.findall(section)) - 2 for section in sections}
    assert list(calls) == ["implicit", "Surprise", "LensKit", "LightFM", "Spark MLlib", "RecTools"]
    assert min(calls.values()) >= 10
    assert code_of(OUR_SIDE).count("\n") > sum(calls.values())


def test_the_figures_of_the_readme_are_those_of_the_benchmarks() -> None:
    table = re.search(r"^\| MovieLens 1M \|.*?\n\n", text_of(ROOT / "README.md"), re.MULTILINE | re.DOTALL)
    assert table
    figures = re.findall(r"\b\d+[.,]\d+\b", table[0])
    measured = set(re.findall(r"\b\d+[.,]\d+\b", text_of(DOCS / "benchmarks.md")))
    assert len(figures) > 15
    assert [figure for figure in figures if figure not in measured] == []


@pytest.fixture
def folder_with_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the files that the pages name, of some people of the built-in cinema."""
    everybody = library.load_dataset("demo").to_frame()
    ratings = library.Ratings.from_frame(everybody.filter(pl.col("user") <= 800))
    ratings.to_frame().write_parquet(tmp_path / "ratings.parquet")
    rows = ratings.to_frame().with_columns(pl.col("rating").cast(pl.String)).rows()
    (tmp_path / "ratings.dat").write_text("".join("::".join(map(str, row)) + "\n" for row in rows))
    _, test = library.split(ratings, test_size=0.2, random_state=42)
    test.to_frame().write_csv(tmp_path / "test.csv")
    movies = library.load_movies("demo").values()
    lines = (f"{movie.item}::{movie}::{'|'.join(movie.genres)}\n" for movie in movies)
    (tmp_path / "movies.dat").write_text("".join(lines), encoding="utf-8")
    exported = "Date,Name,Year,Letterboxd URI,Rating\n2024-05-01,Alien,1979,https://boxd.it/29,5\n"
    (tmp_path / "letterboxd.csv").write_text(exported)
    # Gender, age, occupation and postcode, as in MovieLens 1M.
    people = (
        f"{user}::{'FM'[user % 2]}::{(18, 25, 35)[user % 3]}::{user % 21}::0\n" for user in ratings.users
    )
    (tmp_path / "users.dat").write_text("".join(people))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder_with_data")
@pytest.mark.parametrize("page", [page for page in OTHERS if commands_of(page)], ids=name_of)
def test_the_commands_of_a_page_run_in_their_order(page: Path, matinee: Callable[..., Outcome]) -> None:
    for words in commands_of(page):
        outcome = matinee(*words)
        assert outcome.status == 0, f"matinee {shlex.join(words)}: {outcome.err}"
        assert outcome.out


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target, anchor in LINK.findall(prose_of(page)):
            there = page.parent / target if target else page
            assert there.exists(), f"{name_of(page)} links to {target}"
            if anchor:
                assert anchor in set(anchors_of(there)), f"{name_of(page)} links to {target}#{anchor}"


def test_every_public_name_is_in_the_reference() -> None:
    reference = "\n".join(text_of(page) for page in DOCS.glob("reference/*.md"))
    documented = set(re.findall(r"^\.\. auto\w+:: ([\w.]+)", reference, re.MULTILINE))
    missing = [name for name in library.__all__ if not {name, f"matinee.{name}"} & documented]
    assert not missing
