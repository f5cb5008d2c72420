"""In a notebook the Axes of a new figure show the whole picture; those of a figure of one's own do not."""

import struct

import pytest
from matplotlib.figure import Figure

import matinee
from matinee import plots
from matinee.plots.shown import ShownAxes

ratings = matinee.Ratings.from_arrays([1, 1, 2, 2, 3], [1, 2, 1, 3, 2], [5.0, 3.0, 4.0, 2.0, 1.0])
PICTURES = {
    "ratings_matrix": lambda: plots.ratings_matrix(ratings),
    "rating_distribution": lambda: plots.rating_distribution(ratings),
    "training_curve": lambda: plots.training_curve(matinee.ALS(n_factors=2, n_iterations=3).fit(ratings)),
}


@pytest.mark.parametrize("name", PICTURES)
def test_the_axes_of_a_new_figure_show_the_whole_of_it(name):
    ax = PICTURES[name]()
    assert isinstance(ax, ShownAxes)
    png = ax._repr_png_()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    size = ax.figure.get_size_inches() * ax.figure.dpi
    assert struct.unpack(">II", png[16:24]) == tuple(size.astype(int))


def test_axes_of_a_figure_of_ones_own_stay_as_they_are():
    ax = Figure().add_subplot()
    assert plots.rating_distribution(ratings, ax=ax) is ax
    assert not hasattr(ax, "_repr_png_")
