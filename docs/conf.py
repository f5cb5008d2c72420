"""Builds the documentation site (`make docs`), which opens from the disk and loads nothing from elsewhere."""

from __future__ import annotations

import hashlib
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

import numpydoc.xref  # noqa: E402

import matinee  # noqa: E402


def sources_digest() -> str:
    """A hash of the library and of the modules in docs/; the outputs of notebooks depend on them."""
    root = HERE.parent
    files = [*root.glob("src/**/*.py"), *root.glob("kernels/**/*.?pp"), *HERE.glob("*.py")]
    contents = b"".join(hashlib.sha256(file.read_bytes()).digest() for file in sorted(files))
    return hashlib.sha256(contents).hexdigest()[:16]


SOURCES = sources_digest()

project = "Matinee"
author = "the authors of Matinee"
release = version = version_of("matinee")
extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc", "formulas", "command_line", "notebooks"]
extensions += ["public_names"]
exclude_patterns = ["_build", "extensions"]
default_role = "py:obj"
# Blocks without a language hold commands and formulas.
highlight_language = "none"
nitpicky = True
# Parts of the library that docstrings name but that are not public.
PRIVATE = r"UNKNOWN_TIME|SampledModel|Posterior|IdIndex|Rows|Description|Hits|_\w+"
nitpick_ignore_regex = [("py:.*", rf"(.*\.)?({PRIVATE})")]

myst_enable_extensions = ["dollarmath", "deflist", "attrs_block"]
myst_heading_anchors = 4
# A price in dollars is not a formula.
myst_dmath_allow_space = False
myst_dmath_allow_digits = False

# Notebooks run at every build, unless neither their cells nor the library have changed since the last run.
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / "executed" / SOURCES)
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_execution_excludepatterns: list[str] = []
nb_merge_streams = True
# Widgets would be loaded from another host.
nb_ipywidgets_js: dict[str, dict[str, str]] = {}

autodoc_member_order = "bysource"
# The docstrings already give the types, in words.
autodoc_typehints = "none"
autodoc_class_signature = "mixed"
python_maximum_signature_line_length = 80
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"
# Python's and numpy's types have no page on this site, and their own pages are on another host.
numpydoc.xref.DEFAULT_LINKS.clear()
numpydoc_xref_aliases = {name: f"matinee.{name}" for name in matinee.__all__}

html_theme = "furo"
html_title = f"Matinee {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}


def setup(app: Any) -> None:
    # If the library has changed since the last build, every page is read again and every notebook runs.
    app.add_config_value("sources", SOURCES, "env")
