"""What the benchmarks share: parts that run jobs and make tables, and a command line that picks parts."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import harness
from harness import Contender

N_THREADS = 2


class Benchmark:
    """A benchmark; each part is a method that runs its jobs and returns its tables as Markdown.

    Parameters
    ----------
    name : str
        All answers are kept in ``.cache/{name}.json``.
    chosen : sequence of str or None
        The contenders that take part; all if None.
    quick : bool
        Run only one short round, to check that everything runs.
    rounds : int
        The number of rounds of the timed parts.
    """

    # The default options of every job.
    defaults: ClassVar[Mapping[str, object]] = {"threads": N_THREADS, "repeats": 1}

    def __init__(self, name: str, chosen: Sequence[str] | None, *, quick: bool, rounds: int) -> None:
        self.path = harness.CACHE / f"{name}.json"
        self.chosen = chosen
        self.quick = quick
        self.rounds = 1 if quick else rounds
        self.answers: dict[str, dict[str, list[dict]]] = {}

    def run(
        self, title: str, contenders: Sequence[Contender], job: dict, *, rounds: int = 1
    ) -> dict[str, list[dict]]:
        """The answers to a job by contender, kept under a title."""
        harness.report(title)
        taking_part = [each for each in contenders if self.chosen is None or each.name in self.chosen]
        self.answers[title] = harness.alternate(taking_part, {**self.defaults, **job}, rounds=rounds)
        # Saved after every job, so that a run that is cut short keeps its answers.
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text(json.dumps(self.answers, indent=1))
        return self.answers[title]


def main(name: str, kind: type[Benchmark], parts: Mapping[str, Callable[..., str]], description: str) -> None:
    """Run the parts that the command line asks for, and print their tables."""
    options = _parse_command_line(parts, description)
    benchmark = kind(name, options.contenders, quick=options.quick, rounds=options.repeats)
    sections = []
    for part in options.only:
        sections.append(parts[part](benchmark))
        harness.report(sections[-1])
    answered = [
        (contender, answer)
        for by_contender in benchmark.answers.values()
        for contender, answers in by_contender.items()
        for answer in answers
    ]
    text = "\n\n".join([harness.describe_machine(answered), *sections]) + "\n"
    print(text)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text)


def _parse_command_line(parts: Mapping[str, object], description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--quick", action="store_true", help="run one short round, to check that everything runs"
    )
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts), help="run only these parts")
    parser.add_argument(
        "--contenders", nargs="+", metavar="NAME", help="run only these contenders, named as in the tables"
    )
    parser.add_argument(
        "--repeats", type=int, default=5, help="number of rounds of the timed parts (default 5)"
    )
    parser.add_argument("--output", type=Path, help="also write the tables to this Markdown file")
    return parser.parse_args()
