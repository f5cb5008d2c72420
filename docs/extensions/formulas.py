"""Formulas as MathML, which browsers set by themselves: no script, and a font that lies beside the page."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.fileutil import copy_asset_file

CONVERTER = LatexToMathML(annotation=True)
FONT = "STIXTwoMath-Regular.ttf"


def _mathml(node: nodes.Node, *, displayed: bool) -> str:
    try:
        return CONVERTER.convert_with_local_state(node.astext(), displaystyle=displayed)
    except LatexError as error:
        logging.getLogger(__name__).warning(f"a formula that is no LaTeX: {error}", location=node)
        return f"<code>{node.astext()}</code>"


def _visit_inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(_mathml(node, displayed=False))
    raise nodes.SkipNode


def _visit_displayed(translator: Any, node: nodes.math_block) -> None:
    # A formula wider than a phone scrolls by itself.
    translator.body.append(f'<div class="math-scroll">{_mathml(node, displayed=True)}</div>')
    raise nodes.SkipNode


def _copy_font(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        with as_file(files("ziamath") / "fonts" / FONT) as font:
            copy_asset_file(font, Path(app.outdir) / "_static")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_displayed, None))
    app.connect("build-finished", _copy_font)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
