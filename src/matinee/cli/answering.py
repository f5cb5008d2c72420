"""Commands that ask a model: predict, recommend, similar."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from matinee.cli.candidates import Excluded, Genre, Items, LeastRatings, Years, filters
from matinee.cli.files import require_table_format, require_writable, write_table
from matinee.cli.newcomers import Newcomer, newcomer_of_file, newcomer_of_text
from matinee.cli.options import AsJson, Count, ModelPath, MoviesSource
from matinee.cli.output import Column, complain, show, show_json, show_pairs, show_table, status
from matinee.cli.reading_options import Reading, with_reading_options
from matinee.cli.sources import Titles, id_from, model_from, titles_from
from matinee.errors import DataError
from matinee.models import Model, names_where
from matinee.models.answers import Recommendation, SimilarItem

WITH_INTERVALS = names_where(lambda kind: kind.has_intervals)
UserId = Annotated[str, typer.Option("--user", metavar="USER", help="The user's id.", show_default=False)]
Interval = Annotated[
    float | None,
    typer.Option(
        "--interval",
        metavar="SHARE",
        help="Also show the interval that holds this share of ratings, such as 0.9. "
        f"Only for {WITH_INTERVALS}.",
    ),
]
Optimism = Annotated[
    float,
    typer.Option(
        "--optimism",
        metavar="NUMBER",
        help="Rank by the score plus this many standard deviations; below 0 to play safe. "
        f"Only for {WITH_INTERVALS}.",
    ),
]
Context = Annotated[
    str | None,
    typer.Option(
        "--context",
        metavar="NAME=VALUE,…",
        help="The context to answer in, as in weekday=Saturday, of a model that was fitted with --contexts.",
    ),
]
Diversity = Annotated[
    float,
    typer.Option(
        "--diversity",
        min=0,
        max=1,
        metavar="NUMBER",
        help="From 0 to 1: how unlike each movie should be to those before it, by who rated them.",
    ),
]
OwnRatings = Annotated[
    Path | None,
    typer.Option(
        "--ratings",
        metavar="FILE",
        help="A new person's ratings: an export of Letterboxd, IMDb or Goodreads, which needs --movies, or a "
        "file of one person's ratings.",
    ),
]
Rated = Annotated[
    str | None,
    typer.Option(
        "--rated",
        metavar="ITEM=RATING,…",
        help="A new person's ratings, of movies by id, or with --movies by title, as in 'Alien=5, Jaws=4'.",
    ),
]
Links = Annotated[
    Path | None,
    typer.Option(
        "--links",
        metavar="FILE",
        help="The ids of movies at IMDb, for exports.",
        show_default="links.csv beside the file of --movies, if there is one",
    ),
]
ItemId = Annotated[str, typer.Option("--item", metavar="ITEM", help="The movie's id.", show_default=False)]


def predict(
    model: ModelPath,
    user: UserId,
    item: ItemId,
    interval: Interval = None,
    context: Context = None,
    movies: MoviesSource = None,
    as_json: AsJson = False,
) -> None:
    """Predict the rating that a user would give a movie."""
    asked = _context(context)
    fitted, titles = model_from(model), titles_from(movies)
    user_id, item_id = id_from(user, fitted.user_index_), id_from(item, fitted.item_index_)
    if interval is None:
        rating, ends = fitted.predict(user_id, item_id, unknown="raise", context=asked), []
    else:
        rating, *ends = _with_intervals(fitted, "--interval").predict(
            user_id, item_id, unknown="raise", context=asked, interval=interval
        )
    low, high = fitted.rating_range_
    if as_json:
        movie = _movie_document(item_id, titles)
        more = {"interval": ends} if ends else {}
        show_json({"user": user_id, **movie, "prediction": rating, **more, "rating_range": [low, high]})
        return
    title = titles.of(item_id)
    pairs = [
        ("user", str(user_id)),
        ("movie", str(item_id) if title is None else f"{item_id}  {title}"),
        ("predicted", f"{rating:.2f} on a scale from {low:g} to {high:g}"),
    ]
    if ends:
        pairs.append((f"{interval:g} of ratings", f"between {ends[0]:.2f} and {ends[1]:.2f}"))
    show_pairs(pairs)


@with_reading_options
def recommend(
    model: ModelPath,
    user: Annotated[
        str | None, typer.Option("--user", metavar="USER", help="The user's id.", show_default=False)
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Recommend for all users; needs -o.")] = False,
    ratings: OwnRatings = None,
    rated: Rated = None,
    n: Count = 10,
    items: Items = None,
    exclude: Excluded = None,
    genre: Genre = None,
    years: Years = None,
    min_ratings: LeastRatings = None,
    optimism: Optimism = 0.0,
    diversity: Diversity = 0.0,
    context: Context = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Write a table to this file instead of printing; its name ends in .csv or .parquet.",
        ),
    ] = None,
    movies: MoviesSource = None,
    links: Links = None,
    as_json: AsJson = False,
    *,
    reading: Reading,
) -> None:
    """Recommend movies to a user, or to a new person.

    Only movies that they have not rated yet are recommended. A new person is somebody whom the model has
    never seen: their ratings are in a file, or are typed. The options for reading are of that file.
    """
    asked = [user is not None, everybody, ratings is not None, rated is not None]
    if sum(asked) != 1:
        raise DataError(
            "expected either --user USER or --all, or for a new person --ratings FILE or --rated ITEM=RATING"
        )
    if everybody and output is None:
        raise DataError("--all needs a file to write to; add -o recommendations.csv, or .parquet")
    if reading and ratings is None:
        given = ", ".join(f"--{name.replace('_', '-')}" for name in reading)
        raise DataError(f"{given} works only with --ratings FILE; leave it out")
    if output is not None:
        _check_output(output, optimism, asked[2] or asked[3])
    fitted, titles = model_from(model), titles_from(movies)
    options = filters(
        fitted, movies, items=items, exclude=exclude, genre=genre, years=years, min_ratings=min_ratings
    )
    if diversity:
        options["diversity"] = diversity
    here = _context(context)
    if output is not None:
        users = None if user is None else [id_from(user, fitted.user_index_)]
        with status(f"writing {output}"):
            frame = fitted.recommend_all(users, n=n, context=here, **options)
            write_table(titles.beside(frame), output)
        _show_written(frame, output, as_json=as_json)
        return
    if ratings is not None:
        person, document = _newcomer(fitted, newcomer_of_file(fitted, ratings, movies, links, reading))
    elif rated is not None:
        person, document = _newcomer(fitted, newcomer_of_text(fitted, rated, movies))
    else:
        user_id = id_from(user or "", fitted.user_index_)
        person, document = fitted.person(user_id), {"user": user_id}
    if here is not None:
        person = person.in_context(here)
    if optimism:
        _with_intervals(fitted, "--optimism")
        options["optimism"] = optimism
    found = person.recommend(n, **options)
    if as_json:
        show_json({**document, "recommendations": ranked_documents(found, titles)})
    else:
        show_ranked(found, titles, score_name="score")


def _context(text: str | None) -> dict[str, str] | None:
    """The context that a text such as ``weekday=Saturday,hour=20`` names; None without one."""
    if text is None:
        return None
    pairs = [[side.strip() for side in part.split("=", 1)] for part in text.split(",")]
    if not all(len(pair) == 2 and all(pair) for pair in pairs):
        raise DataError(f"--context {text!r}; expected NAME=VALUE,… as in weekday=Saturday")
    return dict(pairs)


def _check_output(output: Path, optimism: float, is_new: bool) -> None:
    for given, name in (
        (optimism, "--optimism"),
        (is_new, "a new person's ratings"),
    ):
        if given:
            verb = "does" if name == "--optimism" else "do"
            raise DataError(f"{name} {verb} not work with -o; leave out one of them")
    require_writable(require_table_format(output))


def _newcomer(model: Model, newcomer: Newcomer) -> tuple[Any, dict[str, Any]]:
    """The person to recommend to, and what JSON says about them."""
    for line in newcomer.report:
        complain(line)
    document = {"ratings": len(newcomer.ratings), "unmatched": newcomer.unmatched}
    return model.fold_in(newcomer.ratings), document


def similar(
    model: ModelPath, item: ItemId, n: Count = 10, movies: MoviesSource = None, as_json: AsJson = False
) -> None:
    """List the movies most like a movie."""
    fitted, titles = model_from(model), titles_from(movies)
    item_id = id_from(item, fitted.item_index_)
    found = fitted.similar_items(item_id, n)
    if as_json:
        show_json({**_movie_document(item_id, titles), "similar": ranked_documents(found, titles)})
    else:
        show_ranked(found, titles, score_name="similarity")


def _with_intervals(model: Model, option: str) -> Any:
    if not model.has_intervals:
        given, kinds = type(model).__name__, WITH_INTERVALS
        raise DataError(f"{option} needs a model fitted with --model {kinds}; this model is {given}")
    return model


def _show_written(frame: pl.DataFrame, output: Path, *, as_json: bool) -> None:
    n_users = frame["user"].n_unique()
    if as_json:
        show_json({"output": str(output), "users": n_users, "recommendations": len(frame)})
    else:
        show(f"{len(frame):,} recommendations for {n_users:,} user{'s' * (n_users != 1)} in {output}")


def _movie_document(item: Any, titles: Titles) -> dict[str, Any]:
    return {"item": item, "title": titles.of(item)} if titles else {"item": item}


def ranked_documents(
    found: Sequence[Recommendation] | Sequence[SimilarItem], titles: Titles
) -> list[dict[str, Any]]:
    """Movies and scores for JSON, best first, with the stars expected if a model expects any."""
    documents = []
    for rank, one in enumerate(found, start=1):
        item, score = one
        document = {"rank": rank, **_movie_document(item, titles), "score": score}
        if isinstance(one, Recommendation) and one.rating is not None:
            document |= {"rating": one.rating, "interval": one.interval and list(one.interval)}
        documents.append(document)
    return documents


def show_ranked(
    found: Sequence[Recommendation] | Sequence[SimilarItem], titles: Titles, *, score_name: str
) -> None:
    """Print movies and scores as a table, best first, with the stars expected if a model expects any."""
    columns = [Column(name, is_number=True) for name in ("rank", "item", score_name)]
    rows = [[str(rank), str(item), f"{score:.3f}"] for rank, (item, score) in enumerate(found, start=1)]
    if any(isinstance(one, Recommendation) and one.rating is not None for one in found):
        columns += [Column("stars", is_number=True), Column("9 of 10 within")]
        for row, one in zip(rows, found, strict=True):
            assert isinstance(one, Recommendation)
            row += ["" if one.rating is None else f"{one.rating:.1f}", _ends(one)]
    if titles:
        columns.append(Column("title"))
        for row, (item, _) in zip(rows, found, strict=True):
            row.append(titles.of(item) or "")
    show_table(columns, rows)


def _ends(one: Recommendation) -> str:
    return "" if one.interval is None else f"{one.interval[0]:.1f} – {one.interval[1]:.1f}"
