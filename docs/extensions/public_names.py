"""Names in docstrings are those that a reader imports, wherever the docstring stands."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx


def _resolve(app: Sphinx, env: Any, node: Any, content: Any) -> Any:
    """The public name that an unknown one means: of the package, or of what every model does."""
    if node.get("refdomain") != "py":
        return None
    target, domain = node["reftarget"], env.domains["py"]
    for name in (f"matinee.{target}", f"matinee.Model.{target.rpartition('.')[2]}"):
        if name in domain.objects:
            return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", name, node, content)
    return None


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
