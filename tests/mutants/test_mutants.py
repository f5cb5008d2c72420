"""The faults that the tests are tried with are faults, and are where they should be."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from .kernel_faults import KERNEL_FAULTS, KernelFault
from .mutants import ROOT, drawn
from .python_faults import faults_of

SOURCE = '''
"""A module."""
from typing import TYPE_CHECKING
import os
if TYPE_CHECKING:
    import sys

LIMIT: int = 3

@wraps(1)
def f(a: int = 1, b: "x + y" = 2.0) -> None:
    """Says something of 1 + 1."""
    if a < LIMIT and not b:
        raise ValueError(f"{a + 1} is below {LIMIT}")
    g(a[:4])
    return min(a, b) + 1
'''


RAISE = "raise ValueError(f'{a + 1} is below {LIMIT}')"


def test_every_kind_of_fault_is_made_and_nothing_that_says_nothing_is_changed() -> None:
    found = {(fault.before, fault.after) for fault in faults_of(Path("m.py"), SOURCE)}
    assert found == {
        ("3", "4"),
        ("1", "2"),
        ("2.0", "3.25"),
        ("4", "5"),
        ("a < LIMIT", "a <= LIMIT"),
        ("a < LIMIT and (not b)", "a < LIMIT or not b"),
        ("a < LIMIT and (not b)", "a < LIMIT"),
        ("not b", "b"),
        (f"if a < LIMIT and (not b): {RAISE}", f"if False: {RAISE}"),
        (RAISE, "pass"),
        ("g(a[:4])", "pass"),
        (":4", ":4 - 1"),
        ("min(a, b) + 1", "min(a, b) - 1"),
        ("min(a, b)", "max(a, b)"),
    }


def test_a_fault_is_one_change_of_the_module() -> None:
    whole = ast.unparse(ast.parse(SOURCE)).splitlines()
    for fault in faults_of(Path("m.py"), SOURCE):
        lines = fault.source.splitlines()
        assert len(lines) == len(whole)
        assert sum(ours != theirs for ours, theirs in zip(lines, whole, strict=True)) == 1
        assert "1 + 1" in fault.source


def test_the_same_seed_draws_the_same_faults() -> None:
    modules = ["files", "web/security"]
    faults = drawn(20, seed=3, modules=modules)
    assert faults == drawn(20, seed=3, modules=modules)
    assert faults != drawn(20, seed=4, modules=modules)
    assert len({(fault.path, fault.source) for fault in faults}) == 20
    for fault in faults:
        compile(fault.source, str(fault.path), "exec")
        assert fault.source != ast.unparse(ast.parse((ROOT / fault.path).read_text(encoding="utf-8")))


@pytest.mark.parametrize("fault", KERNEL_FAULTS, ids=str)
def test_the_fault_of_a_kernel_is_in_its_file_once(fault: KernelFault) -> None:
    text = (ROOT / "kernels" / fault.file).read_text(encoding="utf-8")
    assert text.count(fault.before) == 1
    assert fault.before != fault.after
