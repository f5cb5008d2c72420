"""Axes that a notebook shows as a picture; imported only where matplotlib is installed."""

from __future__ import annotations

from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.figure import Figure


class ShownAxes(Axes):
    """The Axes of a figure that pyplot does not manage, so that no notebook would show it by itself."""

    def _repr_png_(self) -> bytes:
        """The whole figure, as a notebook shows the value of the last line of a cell."""
        found = BytesIO()
        figure = self.figure
        assert isinstance(figure, Figure)
        figure.savefig(found, format="png")
        return found.getvalue()
