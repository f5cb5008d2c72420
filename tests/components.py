"""What some tests need besides Python packages, whether it is here, and what installs it."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

DOWNLOAD = 'export MATINEE_DATA="$(dirname "$(.venv/bin/matinee download ml-1m)")"'


class Component(NamedTuple):
    """Something that tests are skipped without.

    Attributes
    ----------
    is_here : callable
    packages : tuple of str
        Debian's packages that install it.
    command : str
        What installs it where no package does.
    """

    is_here: Callable[[], bool]
    packages: tuple[str, ...] = ()
    command: str = ""


def _commands(*names: str) -> Callable[[], bool]:
    return lambda: all(map(shutil.which, names))


# Only the superuser usually has the folder in the path.
NGINX_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
# By the name that the reason of a skip contains.
COMPONENTS = {
    "Chromium": Component(
        lambda: bool(shutil.which("chromium-headless-shell") or shutil.which("chromium")),
        ("chromium", "fonts-dejavu-core"),
    ),
    "npm": Component(_commands("npm"), ("npm",)),
    "PostgreSQL": Component(
        lambda: any(Path("/usr/lib/postgresql").glob("*/bin/initdb")), packages=("postgresql",)
    ),
    "nginx": Component(lambda: bool(shutil.which("nginx", path=NGINX_PATH)), packages=("nginx-light",)),
    "Java": Component(
        lambda: bool(shutil.which("java") or os.environ.get("JAVA_HOME")), ("default-jre-headless",)
    ),
    "qemu": Component(_commands("qemu-x86_64", "qemu-aarch64"), ("qemu-user",)),
    "g++ for Arm": Component(_commands("aarch64-linux-gnu-g++"), ("g++-aarch64-linux-gnu",)),
    "MATINEE_DATA": Component(
        lambda: bool(os.environ.get("MATINEE_DATA")),
        command=f".venv/bin/matinee download ml-100k && {DOWNLOAD}",
    ),
}


def missing(names: Iterable[str]) -> list[str]:
    """Those of the components that are not here."""
    return [name for name in names if not COMPONENTS[name].is_here()]


def untested(reasons: Iterable[str]) -> str:
    """One line on what was not tested and what installs it; empty if nothing was skipped.

    Parameters
    ----------
    reasons : iterable of str
        Why each skipped test was skipped.
    """
    lacking: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for reason in reasons:
        named = [name for name in COMPONENTS if re.search(re.escape(name), reason, re.IGNORECASE)]
        lacking.update(named)
        if not named:
            others[reason] += 1
    if not lacking and not others:
        return ""
    counts = ", ".join(f"{name} ({_tests(n)})" for name, n in (lacking + others).items())
    packages = [package for name in lacking for package in COMPONENTS[name].packages]
    commands = [f"apt-get install {' '.join(packages)}"] if packages else []
    commands += [COMPONENTS[name].command for name in lacking if COMPONENTS[name].command]
    return f"not tested: {counts}" + (f"; to install: {' && '.join(commands)}" if commands else "")


def _tests(n: int) -> str:
    return "1 test" if n == 1 else f"{n} tests"
