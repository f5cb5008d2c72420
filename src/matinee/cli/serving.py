"""The commands of the web application: serve, retrain, export, import."""

from __future__ import annotations

import re
import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from matinee.cli.database import DatabaseUrl, Folder, existing_store, require_web
from matinee.cli.files import require_writable
from matinee.cli.options import AsJson
from matinee.cli.output import complain, json_text, show, show_json, show_pairs, status
from matinee.cli.sources import movies_from, ratings_from
from matinee.cli.wording import in_command_line
from matinee.errors import DataError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class LogFormat(StrEnum):
    """The kinds of lines in the log of a server."""

    text = "text"
    json = "json"


def serve(
    model: Annotated[
        Path | None,
        typer.Option(
            "--model", metavar="MODEL", envvar="MATINEE_MODEL", help="A file that 'matinee fit' wrote."
        ),
    ] = None,
    movies: Annotated[
        str | None,
        typer.Option(
            "--movies",
            metavar="MOVIES",
            envvar="MATINEE_MOVIES",
            help="Titles: a file (movies.dat, movies.csv, u.item), or a dataset.",
        ),
    ] = None,
    database: DatabaseUrl = "",
    folder: Folder = None,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=1, max=65_535, metavar="N", help="Port to listen on.")
    ] = 8000,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=256, metavar="N", help="Number of processes.")
    ] = 1,
    trust_proxy: Annotated[
        str,
        typer.Option(
            "--trust-proxy",
            metavar="ADDRESSES",
            help="Trust proxies at these addresses (separated by commas) to report the client's address.",
        ),
    ] = "",
    allowed_hosts: Annotated[
        str,
        typer.Option(
            "--allowed-hosts",
            metavar="NAMES",
            help="Answer only requests for these hosts (separated by commas); default: any.",
            show_default=False,
        ),
    ] = "",
    root_path: Annotated[
        str,
        typer.Option(
            "--root-path",
            metavar="PATH",
            help="The path that the proxy serves the site below, as in /cinema.",
        ),
    ] = "",
    secure_cookies: Annotated[
        bool, typer.Option("--secure-cookies", help="Always mark cookies for https only.")
    ] = False,
    rate_limit: Annotated[
        str,
        typer.Option(
            "--rate-limit",
            metavar="LIMIT",
            help="Requests that one address may send to one process; 'none' for no limit.",
        ),
    ] = "1200/minute",
    refresh: Annotated[
        str | None,
        typer.Option(
            "--refresh",
            metavar="TIME",
            help="Learn from visitors' ratings between two fits, after each such time: 10m, 1h.",
        ),
    ] = None,
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="A line of this kind for each request and event.")
    ] = LogFormat.text,
    base_users: Annotated[
        bool,
        typer.Option(
            "--base-users",
            help="Recommend to users of the base ratings too, for tokens with the right 'users'.",
        ),
    ] = False,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="First migrate the database to the schema of this version.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Serve films to browsers and programs.

    Without a model, serves the built-in cinema, which is fitted at the first start: real films, simulated
    viewers.
    """
    require_web()
    from matinee.web import serving
    from matinee.web.jobs import built_in
    from matinee.web.security.addresses import checked_root_path
    from matinee.web.settings import Settings, data_folder

    kept = folder or data_folder()
    if model is None:
        if movies is not None:
            raise DataError("--movies needs --model; without a model, the built-in cinema is served")
        movies = "demo"
        with status("fitting the built-in cinema"):
            model = built_in.built_in_model(kept)
    else:
        _warn_of_poor_lists(model)
    settings = Settings(
        model=str(model),
        movies=movies,
        folder=str(kept),
        database=database,
        allowed_hosts=allowed_hosts,
        root_path=checked_root_path(root_path),
        rate_limit="" if rate_limit == "none" else rate_limit,
        secure_cookies=secure_cookies,
        base_users=base_users,
        refresh_seconds=0.0 if refresh is None else seconds_in(refresh),
    )
    if migrate:
        serving.migrate(settings)
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    announcement = f"Matinee is at {url}  (stop with Ctrl-C)"
    if as_json:
        announcement = json_text({"url": url, "model": str(model), "workers": workers})
    listening = serving.Listening(host, port, workers, trust_proxy, log_format.value)
    serving.serve(settings, listening, announcement)


def retrain(
    model: Annotated[
        Path,
        typer.Option("--model", metavar="MODEL", help="The served model file.", show_default=False),
    ],
    ratings: Annotated[
        str,
        typer.Option(
            "--ratings", metavar="RATINGS", help="The base ratings: a file, or a dataset.", show_default=False
        ),
    ],
    movies: Annotated[
        str | None,
        typer.Option(
            "--movies", metavar="MOVIES", help="Genres and years to learn from; only for kind bayes."
        ),
    ] = None,
    database: DatabaseUrl = "",
    folder: Folder = None,
    every: Annotated[
        str | None,
        typer.Option(
            "--every", metavar="TIME", help="Go on, and do it again after such a time: 6h, 30m, 1d."
        ),
    ] = None,
    margin: Annotated[
        float,
        typer.Option(
            "--margin",
            min=0,
            metavar="NUMBER",
            help="How much worse the new model may be.",
        ),
    ] = 0.005,
    as_json: AsJson = False,
) -> None:
    """Refit the model with visitors' ratings; serve it if not worse.

    Uses the parameters of the served model. A running server loads the new model by itself.
    """
    require_web()
    from matinee.web.jobs.repeating import repeat
    from matinee.web.jobs.retraining import retrain as retrain_model

    require_writable(model)
    pause = None if every is None else seconds_in(every)
    features = None if movies is None else movies_from(movies).features()

    def once() -> None:
        base = ratings_from(ratings)
        with existing_store(database, folder) as store, status("fitting the new model"):
            found = retrain_model(store, model, base, margin=margin, item_features=features)
        if as_json:
            show_json({"model": str(model), **found.to_dict()})
        else:
            show_pairs([*found.pairs(), ("model", str(model))])

    if pause is None:
        once()
    else:
        repeat(once, pause, lambda error: complain(in_command_line(error)))


def export(
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="FILE", help="The .csv or .jsonl file to write.", show_default=False
        ),
    ],
    database: DatabaseUrl = "",
    folder: Folder = None,
    strings: Annotated[
        bool, typer.Option("--string-ids", help="Name visitors 'visitor-17' instead of -17.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the visitors' ratings, or the whole database, to a file.

    A .csv file has the ratings: userId, movieId, rating and timestamp. A .jsonl file has all that 'matinee
    import' needs: visitors, accounts with the hashes of their passwords, ratings, dismissals and the log.
    """
    require_web()
    from matinee.web.jobs.copying import copy_out
    from matinee.web.jobs.exporting import export as write_ratings

    require_writable(output)
    if output.suffix == ".jsonl":
        if strings:
            raise DataError("--string-ids is for a .csv file; a .jsonl file has the numbers of visitors")
        with existing_store(database, folder) as store:
            _show_copied({"output": str(output)}, copy_out(store, output), as_json)
        return
    with existing_store(database, folder) as store:
        n_ratings = write_ratings(store, output, strings=strings)
    if as_json:
        show_json({"output": str(output), "ratings": n_ratings})
    else:
        show(f"{n_ratings:,} rating{'s' * (n_ratings != 1)} in {output}")


def import_copy(
    copy: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A .jsonl file that 'matinee export' wrote.", show_default=False),
    ],
    database: DatabaseUrl = "",
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Read a whole database from a file into an empty one.

    Accounts, sessions and tokens go on working if the server has the same secret.
    """
    require_web()
    from matinee.web.jobs.copying import copy_in
    from matinee.web.settings import Settings, data_folder
    from matinee.web.store.engine import Store
    from matinee.web.store.migrating import revision, upgrade

    settings = Settings("", folder=str(folder or data_folder()), database=database)
    store = Store(settings.database_url)
    try:
        if revision(store) is None:
            upgrade(store)
        _show_copied({"database": store.shown_url}, copy_in(store, copy), as_json)
    finally:
        store.close()


def _show_copied(place: dict[str, str], counts: dict[str, int], as_json: bool) -> None:
    if as_json:
        show_json({**place, "rows": counts})
    else:
        show_pairs([*place.items(), *((name, f"{count:,}") for name, count in counts.items())])


def _warn_of_poor_lists(model: Path) -> None:
    """Say so on standard error if a model's lists are worse than the most popular films."""
    from matinee.models import load
    from matinee.web.jobs.list_quality import list_quality

    found = list_quality(load(model))
    if found is not None and found.is_below_popular:
        complain(
            f"{model} makes worse lists than the most popular films: NDCG@10 {found.model:.3f}, most popular "
            f"{found.most_popular:.3f}, on ratings held out of {found.n_people} people; "
            f"for a better model run: matinee fit RATINGS -o {shlex.quote(str(model))}"
        )


def seconds_in(text: str) -> float:
    """The seconds in a time such as ``30m``, ``6h`` or ``1d``; a DataError for any other text."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if not found or float(found[1]) == 0:
        raise DataError(f"{text!r} is not a time; expected one such as 30m, 6h or 1d")
    return float(found[1]) * UNITS[found[2]]
