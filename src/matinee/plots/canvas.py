"""The Axes to draw on and the colours, for all pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matinee.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

# Okabe and Ito's colours: people with colour blindness can tell them apart, and they differ in grey print.
BLUE, VERMILION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
SKY, ORANGE, BLACK = "#56b4e9", "#e69f00", "#222222"
SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
MARKERS = "osD^vPX"
GREY, GROUND = "#b0b0b0", "#e4e4e4"
# Dark is high, as in print. Blue to red through white is for values with a middle.
RATING_COLOURS, SIGNED_COLOURS, SHARE_COLOURS = "viridis_r", "RdBu_r", "Blues"

ORDINARY = (7.0, 4.0)  # inches
FEW_DECADES = 3_000.0


def axes_or_new(ax: Axes | None, size: tuple[float, float] = ORDINARY) -> Axes:
    """The Axes given, or those of a new figure of that size in inches, which pyplot does not manage.

    A notebook shows the new figure where the Axes are the value of a cell.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    if ax is not None:
        return ax
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from matinee.plots.shown import ShownAxes

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    made: Any = figure.add_subplot(axes_class=ShownAxes)
    return made  # type: ignore[no-any-return]


def require_matplotlib() -> None:
    """Raise an error that names the extra, unless matplotlib is installed.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise MissingExtraError(
            'pictures need matplotlib, which is not installed; run: python -m pip install "matinee[plots]"'
        ) from None


def colours(name: str, missing: str = GROUND) -> Colormap:
    """A colour map with a colour of its own for missing values."""
    from matplotlib import colormaps

    return colormaps[name].with_extremes(bad=missing)


def beside(ax: Axes, mappable: Any, label: str, **options: Any) -> Any:
    """A colour bar to the right of the Axes."""
    bar = ax.figure.colorbar(mappable, ax=ax, **({"fraction": 0.046, "pad": 0.02} | options))
    bar.set_label(label)
    bar.outline.set_visible(False)
    return bar


def bare(ax: Axes) -> None:
    """Remove the frame and the tick marks of the Axes, and keep the labels."""
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def plain_numbers(ax: Axes, *names: str) -> None:
    """Write the numbers of logarithmic axes as 1, 10, 1,000; on short axes also 2 and 5."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for name in names:
        axis = getattr(ax, f"{name}axis")
        low, high = getattr(ax, f"get_{name}lim")()
        steps = (1.0, 2.0, 5.0) if high < FEW_DECADES * low else (1.0,)
        axis.set_major_locator(LogLocator(subs=steps))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axis.set_minor_formatter(NullFormatter())
