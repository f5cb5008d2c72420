"""The page of the command line, from the commands themselves: it says what ``--help`` says."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from sphinx.application import Sphinx

import matinee.cli

PAGE, PLACE = "reference/command-line", "<!-- commands -->"


def _commands() -> Iterator[str]:
    for name, command in typer.main.get_command(matinee.cli.app).commands.items():
        yield f"## `matinee {name}`\n\n{inspect.cleandoc(command.help or '')}\n"
        arguments = [each for each in command.params if each.param_type_name == "argument"]
        usage = " ".join(each.metavar or each.name.upper() for each in arguments)
        yield "    " + " ".join(filter(None, ["matinee", name, usage, "[options]"])) + "\n"
        yield f"```{{program}} matinee {name}\n```\n"
        yield from map(_parameter, arguments)
        options = [each for each in command.params if each.param_type_name == "option" and not each.hidden]
        yield from map(_parameter, options)


def _parameter(parameter: Any) -> str:
    metavar = parameter.metavar or parameter.name.upper()
    if parameter.param_type_name == "argument":
        return _described(metavar, [parameter.help or ""])
    names = [*parameter.opts, *parameter.secondary_opts]
    if not parameter.is_flag:
        names = [f"{name} {metavar}" for name in names]
    return _described(", ".join(names), [parameter.help or "", *_facts(parameter)])


def _facts(option: Any) -> Iterator[str]:
    """What else ``--help`` shows of an option, in brackets."""
    if option.required:
        yield "Required."
    if isinstance(option.show_default, str):
        yield f"Default: {option.show_default}."
    elif option.show_default and not option.is_flag and option.default is not None:
        yield f"Default: {option.default}."
    least, most = getattr(option, "min", None), getattr(option, "max", None)
    if least is not None or most is not None:
        low = f"from {least:g}" if least is not None else ""
        high = f"up to {most:,}" if most is not None else ""
        yield f"Numbers {low} {high}".rstrip().replace("  ", " ") + "."


def _described(names: str, words: list[str]) -> str:
    return f"```{{option}} {names}\n{' '.join(words)}\n```\n"


def _write(app: Sphinx, page: str, source: list[str]) -> None:
    if page != PAGE:
        return
    for module in Path(matinee.cli.__file__).parent.glob("*.py"):
        app.env.note_dependency(str(module))
    source[0] = source[0].replace(PLACE, "\n".join(_commands()))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
