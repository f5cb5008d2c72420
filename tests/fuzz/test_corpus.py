"""The inputs that are kept, and some made from them, are accepted or refused, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from . import mutation
from .fuzz import keep
from .targets import CORPUS, TARGETS, Target, outcome


@pytest.fixture(scope="module", params=list(TARGETS))
def target(request: pytest.FixtureRequest) -> Target:
    return TARGETS[request.param]()


def test_there_is_a_target_for_every_folder_of_the_corpus() -> None:
    assert {path.name for path in CORPUS.iterdir()} <= set(TARGETS)


def test_what_is_made_from_is_accepted_and_what_was_found_is_taken(target: Target, tmp_path: Path) -> None:
    """What was found, and mended, is kept by the name of what was wrong with it."""
    for name, data in target.seeds():
        (tmp_path / "current").write_bytes(data)
        accepted = outcome(target, tmp_path / "current")
        assert accepted or name.startswith("found_"), f"{target.name}: {name} was refused"


def test_what_is_made_from_the_corpus_is_accepted_or_refused_and_nothing_else(
    target: Target, tmp_path: Path
) -> None:
    rng, seeds, accepted = Random(1), target.seeds(), 0
    for _ in range(100):
        (tmp_path / "current").write_bytes(target.mutated(rng, rng.choice(seeds)[1]))
        accepted += outcome(target, tmp_path / "current")
    # A change that is always refused, or always harmless, finds nothing.
    assert 0 < accepted < 100


def test_a_model_file_is_written_as_it_was_parsed() -> None:
    for path in (CORPUS / "models").iterdir():
        if not path.name.startswith("found_"):
            entries, arrays = mutation.parsed(path.read_bytes())
            again, same = mutation.parsed(mutation.written(entries, arrays))
            assert again == entries
            assert all((arrays[name] == same[name]).all() for name in arrays)


def test_places_are_the_paths_of_all_values() -> None:
    assert mutation.places({"a": [1, {"b": 2}]}) == [(), ("a",), ("a", 0), ("a", 1), ("a", 1, "b")]


@pytest.mark.parametrize("seed", range(20))
def test_a_document_of_json_stays_one(seed: int) -> None:
    rng, document = Random(seed), {"a": [1, 2.5, None], "b": {"c": "text"}}
    for _ in range(20):
        document = mutation.mutated_json(rng, document)
        json.dumps(document)


def test_findings_of_one_place_are_kept_once(tmp_path: Path) -> None:
    (tmp_path / "current").write_bytes(b"bad")
    findings = tmp_path / "findings"
    findings.mkdir()
    trace = 'File "src/matinee/x.py", line {}, in f\nValueError: {}'
    for line, message in ((3, "a"), (3, "b"), (9, "a")):
        keep(findings, "models", tmp_path / "current", trace.format(line, message))
    assert len(list(findings.iterdir())) == 4
