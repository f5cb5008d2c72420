"""A page that is a notebook can be downloaded as one; what it imports from docs/ comes with it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import nbformat
from myst_nb.core.read import read_myst_markdown_notebook
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

PLACE = "<!-- notebook -->"
OFFER = '<a href="{name}.ipynb" download>Download this page as a Jupyter notebook</a>.'
SHOWN_OBJECT = re.compile(
    r"^```\{literalinclude\} (\S+)\n:language: python\n:pyobject: (\w+)\n```$", re.MULTILINE
)
LINK_TO_A_PAGE = re.compile(r"(?<!!)\[([^]]+)\]\((?!https?:|#)[^)]+\)")
COMES_WITH_IT = "What follows uses two modules. The next cells write them beside this notebook."


def as_notebook(page: Path) -> Any:
    """The page as a notebook without directives, links to other pages, or files that lie beside it."""
    notebook = read_myst_markdown_notebook(page.read_text(encoding="utf-8"), path=page)
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"]}
    modules = {path.stem: path for path in sorted(page.parent.glob("*.py")) if path.stem != "conf"}
    cells: list[Any] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _plain(cell.source, page)
        elif modules and _imports(cell.source, modules):
            cells.append(nbformat.v4.new_markdown_cell(COMES_WITH_IT))
            cells += [_writes(path) for path in modules.values()]
            modules = {}
        cells.append(cell)
    notebook.cells = cells
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # not at random: the same page gives the same file
    nbformat.validate(notebook)
    return notebook


def _plain(source: str, page: Path) -> str:
    source = SHOWN_OBJECT.sub(lambda found: _object(page.parent / found[1], found[2]), source)
    source = LINK_TO_A_PAGE.sub(r"\1", source.replace(PLACE, "").strip())
    if "```{" in source:
        raise ExtensionError(f"{page.name}: a directive that a notebook cannot show: {source}")
    return source


def _object(module: Path, name: str) -> str:
    """A function or class of a module, as a block of code."""
    text = module.read_text(encoding="utf-8")
    [node] = [node for node in ast.parse(text).body if getattr(node, "name", None) == name]
    return f"```python\n{ast.get_source_segment(text, node)}\n```"


def _imports(code: str, modules: dict[str, Path]) -> bool:
    return re.search(rf"^(?:import|from) (?:{'|'.join(modules)})\b", code, re.MULTILINE) is not None


def _writes(module: Path) -> Any:
    return nbformat.v4.new_code_cell(f"%%writefile {module.name}\n{module.read_text(encoding='utf-8')}")


def _offer(app: Sphinx, page: str, source: list[str]) -> None:
    source[0] = source[0].replace(PLACE, OFFER.format(name=Path(page).name))


def _write(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    for page in app.env.found_docs:
        path = Path(app.env.doc2path(page))
        if PLACE in path.read_text(encoding="utf-8"):
            nbformat.write(as_notebook(path), Path(app.outdir) / f"{page}.ipynb")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", _offer)
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
