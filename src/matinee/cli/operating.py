"""The commands of those who run the web application: token, events."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from matinee.cli.database import DatabaseUrl, Folder, existing_store, require_web
from matinee.cli.options import AsJson
from matinee.cli.output import Column, show, show_json, show_table
from matinee.errors import DataError

# Between two looks at the log.
FOLLOW_SECONDS = 0.5


def token(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Of the token to make or to revoke.", show_default=False),
    ] = None,
    right: Annotated[
        list[str] | None,
        typer.Option("--right", metavar="RIGHT", help="What the token allows: users, events. Repeatable."),
    ] = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="Revoke the token.")] = False,
    database: DatabaseUrl = "",
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Make, revoke or list tokens of the operator's programs.

    A token is for the parts of the API that no account may use. Without a name, lists all tokens. A new
    token is shown only once.
    """
    require_web()
    if name is None:
        if right or revoke:
            raise DataError("--right and --revoke need the NAME of a token")
        _list_tokens(database, folder, as_json)
    elif revoke:
        _revoke_token(name, database, folder, as_json)
    else:
        _make_token(name, right or [], database, folder, as_json)


def events(
    after: Annotated[
        int,
        typer.Option("--after", min=0, metavar="CURSOR", help="Only what came after the event with it."),
    ] = 0,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with new events until stopped.")] = False,
    database: DatabaseUrl = "",
    folder: Folder = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON lines, which is what is printed anyway.")
    ] = True,
) -> None:
    """Print what visitors do as JSON lines, for a pipe.

    Ratings, dismissals and accounts, the oldest first. To go on later, pass the last cursor to --after.
    """
    require_web()
    from matinee.web.store.events import CHUNK, events_after

    with existing_store(database, folder) as store:
        while True:
            found = events_after(store, after, CHUNK)
            if found:
                show("\n".join(json.dumps(event.to_dict()) for event in found))
                after = found[-1].cursor
            elif follow:
                time.sleep(FOLLOW_SECONDS)
            else:
                return


def _make_token(name: str, rights: list[str], database: str, folder: Path | None, as_json: bool) -> None:
    from matinee.web.store.operator_tokens import Right, make_token

    known = [one.value for one in Right]
    if not rights or not set(rights) <= set(known):
        raise DataError(f"a token needs a --right; expected one of: {', '.join(known)}")
    with existing_store(database, folder) as store, store.writing() as session:
        secret = make_token(session, name, {Right(one) for one in rights})
    if as_json:
        show_json({"name": name, "rights": sorted(set(rights)), "token": secret})
    else:
        show(secret)


def _revoke_token(name: str, database: str, folder: Path | None, as_json: bool) -> None:
    from matinee.web.store.operator_tokens import revoke_token

    with existing_store(database, folder) as store, store.writing() as session:
        revoke_token(session, name)
    if as_json:
        show_json({"revoked": name})
    else:
        show(f"{name} is revoked")


def _list_tokens(database: str, folder: Path | None, as_json: bool) -> None:
    from matinee.web.store.operator_tokens import all_tokens

    with existing_store(database, folder) as store, store.reading() as session:
        held = all_tokens(session)
    rows = [(one.name, sorted(right.value for right in one.rights)) for one in held]
    if as_json:
        show_json({"tokens": [{"name": name, "rights": rights} for name, rights in rows]})
    elif rows:
        show_table([Column("name"), Column("rights")], [(name, ", ".join(rights)) for name, rights in rows])
    else:
        show("there are no tokens")
