"""The command line reads what Python reads, splits it, and recommends to people whom the model never saw."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import matinee as library

from ..conftest import random_ratings

DEMO_FILMS = {str(movie): movie.item for movie in library.load_movies("demo").values()}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with a model of the demo, its films, and other ratings with odd columns."""
    folder = tmp_path_factory.mktemp("files")
    library.ALS(n_factors=4, n_iterations=4).fit(library.load_dataset("demo")).save(folder / "model")
    films = library.load_movies("demo").to_frame()
    films.with_columns(pl.col("genres").list.join("|")).write_csv(folder / "movies.csv")
    films.select(movieId="item", imdbId=pl.lit(5000) + pl.col("item")).write_csv(folder / "links.csv")
    odd = random_ratings().to_frame().select(what="item", stars="rating", who="user")
    odd.write_csv(folder / "odd.csv", separator="^")
    return folder


LETTERBOXD = """Date,Name,Year,Letterboxd URI,Rating
2020-01-01,Alien,1979,https://boxd.it/1,5
2020-01-02,The Terminator,1984,https://boxd.it/2,4.5
2020-01-03,"Nobody, Knows",2004,https://boxd.it/3,1
"""


@pytest.fixture
def letterboxd(tmp_path):
    path = tmp_path / "letterboxd.csv"
    path.write_text(LETTERBOXD, encoding="utf-8")
    return path


def best(outcome):
    return [each["item"] for each in outcome.json["recommendations"]]


def test_an_export_goes_in_and_films_come_out(matinee, files, letterboxd):
    asked = ("recommend", files / "model", "--ratings", letterboxd, "--movies", files / "movies.csv", "-n", 5)
    outcome = matinee(*asked, "--json")
    rated = {DEMO_FILMS["Alien (1979)"]: 5, DEMO_FILMS["The Terminator (1984)"]: 4.5}
    expected = library.load(files / "model").fold_in(rated).recommend(5)
    assert best(outcome) == [one.item for one in expected]
    assert outcome.json["unmatched"] == ["Nobody, Knows (2004)"]
    assert outcome.err.splitlines() == [
        "matinee: 2 of 3 ratings from letterboxd matched: 0 by id, 2 by title and year",
        "matinee: not in the list: Nobody, Knows (2004)",
    ]
    assert matinee(*asked).out.splitlines()[1].endswith(outcome.json["recommendations"][0]["title"])


def test_an_export_of_imdb_is_matched_by_the_links_beside_the_movies_and_scaled(matinee, files, tmp_path):
    alien = DEMO_FILMS["Alien (1979)"]
    path = tmp_path / "imdb.csv"
    path.write_text(f"Const,Your Rating,Title,Year\ntt000{5000 + alien},8,Something,1901\n")
    asked = ("recommend", files / "model", "--ratings", path, "--json", "--movies")
    expected = library.load(files / "model").fold_in({alien: 4}).recommend(10)
    assert best(matinee(*asked, files / "movies.csv")) == [one.item for one in expected]
    refused = matinee(*asked, "demo")
    assert refused.status == 2
    assert "none of its 1 ratings is of a movie of the model; is it the model's list?" in refused.err
    assert best(matinee(*asked, "demo", "--links", files / "links.csv")) == [one.item for one in expected]


def test_an_export_without_the_list_of_movies_names_the_option(matinee, files, letterboxd):
    outcome = matinee("recommend", files / "model", "--ratings", letterboxd)
    assert outcome.status == 2
    assert "name the list of movies with --movies" in outcome.err


def test_a_file_of_one_persons_ratings_is_folded_in(matinee, files, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("user,item,rating\nme,5,4\nme,999999,3\nme,9,2\n")
    outcome = matinee("recommend", files / "model", "--ratings", path, "--json")
    assert best(outcome) == [
        one.item for one in library.load(files / "model").fold_in({5: 4, 9: 2}).recommend(10)
    ]
    assert outcome.json["unmatched"] == ["999999"]
    path.write_text("me,5,4\nyou,5,4\n")
    assert "holds the ratings of 2 people" in matinee("recommend", files / "model", "--ratings", path).err
    path.write_text("me,999999,4\nme,x,4\n")
    assert (
        "the model knows none of its 2 items" in matinee("recommend", files / "model", "--ratings", path).err
    )


def test_ratings_may_be_typed_by_id_or_by_title(matinee, files):
    alien, terminator = DEMO_FILMS["Alien (1979)"], DEMO_FILMS["The Terminator (1984)"]
    expected = [
        one.item for one in library.load(files / "model").fold_in({alien: 5, terminator: 2.5}).recommend(10)
    ]
    for text in (
        f"{alien}=5,{terminator}=2.5",
        "Alien = 5, Terminator, The=2.5",
        "alien (1979)=5,TERMINATOR=2.5",
    ):
        assert (
            best(matinee("recommend", files / "model", "--rated", text, "--movies", "demo", "--json"))
            == expected
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rated", "Alien"], "--rated 'Alien'; expected ITEM=RATING"),
        (["--rated", ""], "--rated is empty"),
        (["--rated", "Alien=5"], "knows no item 'Alien'; --movies MOVIES allows for titles"),
        (["--rated", "Nothing=5", "--movies", "demo"], "knows no movie with the id or the title 'Nothing'"),
        (["--user", "1", "--rated", "5=5"], "either --user USER or --all"),
        (["--user", "1", "--genre", "Horror"], "--genre and --years need --movies"),
        (["--user", "1", "--years", "80s", "--movies", "demo"], "--years '80s'; expected years such as 1994"),
        (["--user", "1", "--years", "1801", "--movies", "demo"], "no movie is left to choose from"),
        (["--user", "1", "--items", "5,nothing"], "--items: the model knows no item 'nothing'"),
        (["--rated", "5=5", "-o", "recs.csv"], "a new person's ratings do not work with -o"),
        (["--user", "1", "--min-ratings", "99999"], "no movie is left to choose from; leave out one of"),
        (["--user", "1", "--min-ratings", "-1"], "--min-ratings"),
        (["--user", "1", "--items", "5", "--exclude", "5"], "no movie is left to choose from"),
        (["--user", "1", "--columns", "item=2"], "--columns works only with --ratings FILE"),
        (["--user", "999999"], "a new user's ratings go through 'matinee recommend MODEL --ratings FILE'"),
    ],
)  # fmt: skip
def test_what_cannot_be_recommended_is_refused_in_the_words_of_the_command_line(
    matinee, files, arguments, message
):
    outcome = matinee("recommend", files / "model", *arguments)
    assert outcome.status == 2
    assert message in outcome.err


def test_a_title_of_several_movies_lists_their_ids(matinee, files, tmp_path):
    path = tmp_path / "movies.csv"
    path.write_text("id,title,year\n5,Twin,1990\n9,Twin,1999\n")
    outcome = matinee("recommend", files / "model", "--rated", "Twin=4", "--movies", path)
    assert "several movies are called 'Twin': Twin (1990) is 5, Twin (1999) is 9; give the id" in outcome.err
    one = matinee("recommend", files / "model", "--rated", "Twin (1999)=4", "--movies", path, "--json")
    assert best(one) == [each.item for each in library.load(files / "model").fold_in({9: 4}).recommend(10)]


def test_lists_are_chosen_from_some_items_all_but_some_a_genre_or_years(matinee, files):
    model, movies = library.load(files / "model"), library.load_movies("demo")
    whole = [one.item for one in model.recommend(1, 1_000)]
    ask = ("recommend", files / "model", "--user", 1, "-n", 1_000, "--movies", "demo", "--json")
    few = [int(item) for item in whole[3:9]]
    assert best(matinee(*ask, "--items", ",".join(map(str, few)))) == few
    assert best(matinee(*ask, "--exclude", ",".join(map(str, few)))) == [
        item for item in whole if item not in few
    ]
    genre = movies[whole[0]].genres[0]
    fits = [item for item in whole if genre in movies[item].genres and 1980 <= movies[item].year <= 1989]
    assert best(matinee(*ask, "--genre", f"x, {genre.upper()}", "--years", "1980-1989")) == fits


def test_the_least_number_of_ratings_chooses_movies(matinee, files):
    model = library.load(files / "model")
    raters = dict(library.load_dataset("demo").to_frame().group_by("item").len().iter_rows())
    least = sorted(raters.values())[len(raters) // 2]
    whole = [one.item for one in model.recommend(1, 1_000)]
    ask = ("recommend", files / "model", "--user", 1, "-n", 1_000, "--json")
    fitting = [item for item in whole if raters.get(item, 0) >= least]
    assert 0 < len(fitting) < len(whole)
    assert best(matinee(*ask, "--min-ratings", least)) == fitting
    assert best(matinee(*ask, "--min-ratings", 0)) == whole


def test_all_lists_pass_the_filters_too(matinee, files, tmp_path):
    model, movies = library.load(files / "model"), library.load_movies("demo")
    output = tmp_path / "lists.parquet"
    some, without = model.item_index_.ids[::2].tolist(), model.item_index_.ids[:9].tolist()
    matinee(
        "recommend", files / "model", "--all", "-n", 4, "-o", output, "--movies", "demo",
        "--items", ",".join(map(str, some)), "--exclude", ",".join(map(str, without)), "--min-ratings", 2,
    )  # fmt: skip
    expected = model.recommend_all(n=4, items=some, exclude=without, min_ratings=2)
    assert pl.read_parquet(output).drop("title").equals(expected)
    matinee("recommend", files / "model", "--all", "-o", output, "--movies", "demo", "--years", "1980-1989")
    years = [movies[item].year for item in pl.read_parquet(output)["item"].unique()]
    assert years
    assert all(1980 <= year <= 1989 for year in years)


def test_an_id_or_a_title_with_commas_is_taken_whole(matinee, tmp_path):
    films = ["The Good, the Bad", "a,b", "a", "b", "c"]
    ratings = library.Ratings.from_arrays(["x"] + ["y"] * 5, ["c", *films], [1, 2, 3, 4, 5, 1])
    library.ALS(n_factors=2, n_iterations=2).fit(ratings).save(tmp_path / "model")
    (tmp_path / "movies.csv").write_text('id,title,year\nb,"Crouching, Hidden",2000\n')
    ask = ("recommend", tmp_path / "model", "--user", "x", "--movies", tmp_path / "movies.csv", "--json")
    for options, expected in (
        (["--items", "a,b"], {"a,b"}),
        (["--items", "a, b"], {"a", "b"}),
        (["--items", "a,b", "--items", films[0], "--items", "a"], {"a,b", films[0], "a"}),
        (["--exclude", "a,b", "--exclude", "a"], {films[0], "b"}),
        (["--items", "Crouching, Hidden"], {"b"}),
    ):
        assert set(best(matinee(*ask, *options))) == expected, options


def test_the_options_for_reading_are_of_a_new_persons_file_too(matinee, files, tmp_path, letterboxd):
    path = tmp_path / "mine.txt"
    path.write_bytes("who^stars^what\nmé^4^5\nmé^2^9\n".encode("utf-16"))
    options = ("--columns", "user=who,item=what,rating=stars", "--separator", "^", "--encoding", "utf-16")
    outcome = matinee("recommend", files / "model", "--ratings", path, *options, "--json")
    expected = library.load(files / "model").fold_in({5: 4, 9: 2}).recommend(10)
    assert best(outcome) == [one.item for one in expected]
    path.write_text("me,5,2,200\nme,5,4,100\nme,9,2,100\n")
    ask = ("recommend", files / "model", "--ratings", path, "--json")
    latest = library.load(files / "model").fold_in({5: 2, 9: 2}).recommend(10)
    assert best(matinee(*ask, "--duplicates", "latest")) == [one.item for one in latest]
    assert best(matinee(*ask)) == [one.item for one in expected]
    exported = ("recommend", files / "model", "--ratings", letterboxd, "--movies", "demo", "--json")
    assert best(matinee(*exported, "--encoding", "utf-8")) == best(matinee(*exported))
    assert "letterboxd" in matinee(*exported, "--columns", "item=Nothing").err


def test_options_say_how_to_read_a_file(matinee, files):
    path = files / "odd.csv"
    columns = ("--columns", "user=who,item=what", "--separator", "^")
    expected = random_ratings().describe().to_dict()
    assert matinee("describe", path, *columns, "--json").json == expected
    refused = matinee("describe", path, "--separator", "^")
    assert refused.err.endswith("name it, as in --columns user=NAME\n")
    assert "{" not in refused.err
    counted = matinee(
        "describe", path, "--columns", "user=2,item=0,rating=none", "--separator", "^", "--json"
    ).json
    assert (counted["min"], counted["max"]) == (1, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--columns", "user"], "--columns 'user'; expected ROLE=COLUMN"),
        (["--columns", "film=2"], "expected ROLE=COLUMN, …, where a role is one of user, item, rating"),
        (["--duplicates", "best"], "--duplicates best; expected one of"),
        (["--encoding", "utf-88"], "--encoding utf-88 is not known"),
        (["--format", "excel"], "--format excel; expected one of"),
        (["--separator", ",,"], "--separator ',,'; expected one character"),
    ],
)  # fmt: skip
def test_options_for_reading_that_cannot_be_are_refused(matinee, files, options, message):
    outcome = matinee("describe", files / "odd.csv", *options)
    assert outcome.status == 2
    assert message in outcome.err


def test_options_for_reading_do_not_apply_to_a_dataset(matinee):
    outcome = matinee("describe", "demo", "--encoding", "latin-1")
    assert "--encoding works with a file, and demo is a dataset" in outcome.err


def test_a_note_of_the_reader_goes_to_standard_error(matinee, tmp_path):
    path = tmp_path / "ratings.tsv"
    path.write_bytes("a\tcafé\t3\t1588687728923\n".encode("latin-1"))
    outcome = matinee("describe", path, "--json")
    assert outcome.json["first_time"] == "2020-05-05T14:08:48+00:00"
    assert outcome.err.splitlines() == [
        f"matinee: {path}: the text is not UTF-8, and was read as Latin-1; --encoding names another",
        f"matinee: {path}: timestamps are read as milliseconds",
    ]
    assert matinee("describe", path, "--no-timestamps", "--encoding", "latin-1", "--json").err == ""


def test_the_latest_of_duplicates_is_by_time(matinee, tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("1,2,5,200\n1,2,3,100\n")
    assert matinee("describe", path, "--duplicates", "latest", "--json").json["mean"] == 5
    assert matinee("describe", path, "--json").json["mean"] == 3
    refused = matinee("describe", path, "--duplicates", "error").err
    assert refused.endswith("choose with --duplicates last, first, latest, mean or sum\n")
    refused = matinee("describe", path, "--duplicates", "latest", "--no-timestamps").err
    assert "--duplicates latest needs timestamps, and there are none" in refused


@pytest.mark.parametrize("by", ["random", "time", "new_users"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_split_writes_what_the_library_splits(matinee, tmp_path, by, suffix):
    ratings = library.load_dataset("demo")
    train, test = library.split(ratings, test_size=0.1, by=by, random_state=7)
    parts = {"train": train}
    parts |= {"history": test.history, "test": test.held_out} if by == "new_users" else {"test": test}
    options = ["--by", by, "--test-size", "0.1", "--seed", 7, *["--parquet"] * (suffix == ".parquet")]
    outcome = matinee("split", "demo", "-o", tmp_path / "parts", *options, "--json")
    assert {name: part["ratings"] for name, part in outcome.json.items()} == {
        n: len(p) for n, p in parts.items()
    }
    for name, part in parts.items():
        read = library.read_ratings(tmp_path / "parts" / f"{name}{suffix}")
        assert read.to_frame().equals(part.to_frame())


def test_fit_writes_its_test_and_evaluate_takes_it(matinee, files, tmp_path):
    test, model = tmp_path / "test.csv", tmp_path / "model"
    fitted = matinee(
        "fit", files / "odd.csv", "-o", model, "--model", "als", "--iterations", 2, "--save-test", test,
        "--columns", "user=who,item=what", "--separator", "^", "--json",
    ).json  # fmt: skip
    assert matinee("evaluate", model, test, "--json").json["rmse"] == pytest.approx(fitted["test"]["rmse"])
    for options in (["--test-size", "0"], ["--split", "new_users"]):
        refused = matinee("fit", "demo", "-o", model, "--save-test", test, *options)
        assert f"--save-test does not work with {' '.join(options)}" in refused.err


def test_a_test_of_ids_that_look_like_integers_is_of_the_models_text_ids(matinee, tmp_path):
    ratings = library.Ratings.from_arrays(["1", "2", "x", "1"], ["7", "8", "7", "8"], [1, 2, 3, 4])
    library.ALS(n_factors=2, n_iterations=2).fit(ratings).save(tmp_path / "model")
    (tmp_path / "test.csv").write_text("1,7,3\n2,8,4\n")
    outcome = matinee("evaluate", tmp_path / "model", tmp_path / "test.csv", "--json").json
    assert outcome["n_fallback"] == 0
    (tmp_path / "test.csv").write_text("a,7,3\nb,8,4\n")
    library.ALS(n_factors=2, n_iterations=2).fit(library.Ratings.from_arrays([1, 2], [7, 8], [1, 2])).save(
        tmp_path / "integers"
    )
    refused = matinee("evaluate", tmp_path / "integers", tmp_path / "test.csv").err
    assert "the user ids are integers in what was fitted, such as 1, and strings here" in refused


def test_one_rating_in_all_names_the_way_to_fit_it(matinee, tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("1,2,3\n")
    outcome = matinee("fit", path, "-o", tmp_path / "model", "--model", "als")
    assert "--test-size 0 tests nothing" in outcome.err
    assert matinee("fit", path, "-o", tmp_path / "model", "--model", "als", "--test-size", 0).status == 0


def test_a_column_of_weights_and_a_half_life_reach_the_model(matinee, tmp_path):
    ratings = random_ratings()
    generator = np.random.default_rng(0)
    frame = ratings.to_frame().with_columns(
        timestamp=1_700_000_000 - 86_400 * generator.integers(0, 900, len(ratings)),
        w=generator.uniform(0.1, 2, len(ratings)).astype(np.float32),
    )
    frame.write_csv(tmp_path / "ratings.csv")
    asked = ("fit", tmp_path / "ratings.csv", "--columns", "weight=w", "--model", "als", "--test-size", 0)
    output = tmp_path / "model.safetensors"
    assert matinee(*asked, "--half-life", "300d", "-o", output).status == 0
    read = library.Ratings.from_frame(frame, timestamp="timestamp", weight="w")
    expected = library.ALS(random_state=42, half_life="300d").fit(read)
    found = library.load(output)
    assert np.array_equal(found.item_factors_, expected.item_factors_)
    assert np.array_equal(found.rated_.weights, expected.rated_.weights)
    wrong = matinee(*asked, "--half-life", "long", "-o", output)
    assert (wrong.status, wrong.out) == (2, "")
    assert wrong.err.startswith("matinee: --half-life long; expected a number and a unit")


def test_a_split_writes_the_weights_that_it_read(matinee, tmp_path):
    frame = random_ratings().to_frame().with_columns(weight=pl.lit(0.25))
    frame.write_csv(tmp_path / "ratings.csv")
    assert matinee("split", tmp_path / "ratings.csv", "-o", tmp_path / "parts").status == 0
    found = library.read_ratings(tmp_path / "parts" / "train.csv")
    assert set(found.weights.tolist()) == {0.25}
