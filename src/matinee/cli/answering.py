"""Commands that ask a model: predict, recommend, similar."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from matinee.cli.files import require_table_format, require_writable, write_table
from matinee.cli.options import AsJson, Count, ModelPath, MoviesSource
from matinee.cli.output import Column, show, show_json, show_pairs, show_table, status
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
ItemId = Annotated[str, typer.Option("--item", metavar="ITEM", help="The movie's id.", show_default=False)]


def predict(
    model: ModelPath,
    user: UserId,
    item: ItemId,
    interval: Interval = None,
    movies: MoviesSource = None,
    as_json: AsJson = False,
) -> None:
    """Predict the rating that a user would give a movie."""
    fitted, titles = model_from(model), titles_from(movies)
    user_id, item_id = id_from(user, fitted.user_index_), id_from(item, fitted.item_index_)
    if interval is None:
        rating, ends = fitted.predict(user_id, item_id, unknown="raise"), []
    else:
        rating, *ends = _with_intervals(fitted, "--interval").predict(
            user_id, item_id, unknown="raise", interval=interval
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


def recommend(
    model: ModelPath,
    user: Annotated[
        str | None, typer.Option("--user", metavar="USER", help="The user's id.", show_default=False)
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Recommend for all users; needs -o.")] = False,
    n: Count = 10,
    optimism: Optimism = 0.0,
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
    as_json: AsJson = False,
) -> None:
    """Recommend movies that a user has not rated yet."""
    if everybody == (user is not None):
        raise DataError("expected either --user USER or --all")
    if user is None and output is None:
        raise DataError("--all needs a file to write to; add -o recommendations.csv, or .parquet")
    if optimism and output is not None:
        raise DataError("--optimism does not work with -o; leave out one of them")
    if output is not None:
        require_writable(require_table_format(output))
    fitted, titles = model_from(model), titles_from(movies)
    user_id = None if user is None else id_from(user, fitted.user_index_)
    if output is not None:
        users = None if user_id is None else [user_id]
        _write_recommendations(fitted, users, n, output, titles, as_json)
        return
    if optimism:
        found = _with_intervals(fitted, "--optimism").recommend(user_id, n, optimism=optimism)
    else:
        found = fitted.recommend(user_id, n)
    if as_json:
        show_json({"user": user_id, "recommendations": ranked_documents(found, titles)})
    else:
        show_ranked(found, titles, score_name="score")


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


def _write_recommendations(
    model: Model, users: list[Any] | None, n: int, output: Path, titles: Titles, as_json: bool
) -> None:
    with status(f"writing {output}"):
        frame = model.recommend_all(users, n=n)
        write_table(titles.beside(frame), output)
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
