"""The command line: one thin command per verb, each of which calls the library."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Annotated, Any

import typer

from matinee import __version__
from matinee.cli.answering import predict, recommend, similar
from matinee.cli.data import describe, download
from matinee.cli.demo import demo
from matinee.cli.evaluating import evaluate
from matinee.cli.exporting import factors
from matinee.cli.fitting import fit
from matinee.cli.operating import events, token
from matinee.cli.output import complain, show
from matinee.cli.plotting import plot
from matinee.cli.serving import export, import_copy, retrain, serve
from matinee.cli.splitting import split
from matinee.cli.tuning import tune
from matinee.cli.wording import in_command_line
from matinee.errors import MatineeError

BAD_INPUT, INTERRUPTED = 2, 130
# The base class of all errors in a command line; typer has no public name for it.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="matinee",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (
    demo,
    download,
    describe,
    split,
    fit,
    tune,
    evaluate,
    predict,
    recommend,
    similar,
    plot,
    factors,
    serve,
    retrain,
    export,
    token,
    events,
):
    app.command()(verb)
# Python keeps the word for itself.
app.command("import")(import_copy)


def _show_version(wanted: bool) -> None:
    if wanted:
        show(f"matinee {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _matinee(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Movie recommendations by Alternating Least Squares.

    Begin with 'matinee demo', which needs no data.
    """
    if context.invoked_subcommand is None:
        show(context.get_help())


def main() -> None:
    """Run the command that was typed, and exit with its status."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run a command and return its exit status: 0, or 2 for bad input, or 130 for Ctrl-C.

    After bad input or Ctrl-C, a line on standard error says what happened.
    """
    _prepare_streams()
    try:
        status = app(arguments, prog_name="matinee", standalone_mode=False)
        if status == INTERRUPTED:
            return _failed("interrupted", INTERRUPTED)
        sys.stdout.flush()
        return 0
    except (KeyboardInterrupt, typer.Abort):
        return _failed("interrupted", INTERRUPTED)
    except MatineeError as error:
        return _failed(in_command_line(error), BAD_INPUT)
    except UsageError as error:
        return _failed(_usage_message(error), BAD_INPUT)
    except MemoryError as error:
        return _failed(f"there is not enough memory for this ({error})", BAD_INPUT)
    except OSError as error:
        # Commands explain errors of the files that they name, so this error is of standard output: the disk
        # may be full.
        _give_up_output()
        return _failed(str(error), BAD_INPUT)


def _prepare_streams() -> None:
    """Make sure that printing does not fail because of a character or a closed stream."""
    sys.stdout = sys.stdout or io.StringIO()
    sys.stderr = sys.stderr or io.StringIO()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _failed(message: str, status: int) -> int:
    complain(message)
    return status


def _usage_message(error: Any) -> str:
    message: str = error.format_message()
    if error.ctx is None:
        return message
    return f"{message.rstrip('.')} (see '{error.ctx.command_path} --help')"


def _give_up_output() -> None:
    """Redirect standard output to nowhere, or else Python's flush at exit reports the error again."""
    with suppress(OSError):  # the stream may have been replaced by something that is not a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
