import hashlib
from itertools import pairwise

import numpy as np
import pytest

from matinee.datasets.demo import TASTES, DemoArrays, DemoFilm, _read_cinema, demo_arrays, demo_films

GENRES = (
    {"Action", "Adventure", "Animation", "Children", "Comedy", "Crime", "Documentary", "Drama", "Fantasy"}
    | {"Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"}
)  # fmt: skip
N_PEOPLE = 6_000


@pytest.fixture(scope="module")
def demo() -> DemoArrays:
    return demo_arrays()


@pytest.fixture(scope="module")
def films() -> list[DemoFilm]:
    return demo_films()


def checksum(demo):
    half_stars = (2 * demo.values).astype(np.int64)
    digest = hashlib.sha256()
    for array in (demo.users, demo.items, half_stars, demo.timestamps, demo.registered_users):
        digest.update(array.astype("<i8").tobytes())
    return digest.hexdigest()


def means_by(labels, values):
    """Mean of the values for each label that occurs."""
    counts = np.bincount(labels)
    return (np.bincount(labels, values) / np.maximum(counts, 1))[counts > 0]


def test_the_same_seed_gives_the_bits_on_record(demo):
    # Found the same with NumPy 1.26, 2.4 and 2.5, with and without its AVX2 and AVX-512 paths.
    assert checksum(demo) == "d8ba60500398e0b11ee23264507b8fdd6220b3c04efa7504b46d8560091bb5a9"


def test_another_seed_gives_other_ratings_of_the_same_films(demo):
    other = demo_arrays(random_state=1)
    assert checksum(other) != checksum(demo)
    assert checksum(other) == checksum(demo_arrays(random_state=1))
    assert set(other.items.tolist()) <= {film.item for film in demo_films()}


def test_the_arrays_are_parallel_and_of_the_promised_types(demo):
    assert demo.users.dtype == demo.items.dtype == demo.timestamps.dtype == np.int64
    assert demo.registered_users.dtype == np.int64
    assert demo.values.dtype == np.float32
    assert demo.users.shape == demo.items.shape == demo.values.shape == demo.timestamps.shape
    assert 250_000 <= len(demo.values) <= 400_000


def test_ratings_are_half_stars_and_every_one_of_them_occurs(demo):
    assert np.array_equal(np.unique(demo.values), np.arange(1, 11) / 2)
    assert 0.95 < demo.values.std(dtype=np.float64) < 1.15


def test_nobody_rates_a_film_twice(demo):
    assert len(np.unique(demo.users * 10_000 + demo.items)) == len(demo.users)


def test_a_tenth_of_the_people_never_rated(demo):
    assert np.array_equal(demo.registered_users, np.arange(1, N_PEOPLE + 1))
    silent = np.setdiff1d(demo.registered_users, demo.users)
    assert len(silent) == N_PEOPLE // 10
    assert np.isin(demo.users, demo.registered_users).all()


def test_a_tenth_rates_low_and_a_tenth_rates_high(demo):
    means = np.sort(means_by(demo.users, demo.values.astype(np.float64)))
    tenth = N_PEOPLE // 10
    middle = np.median(means)
    assert np.median(means[:tenth]) < middle - 0.75
    assert np.median(means[-tenth:]) > middle + 0.6
    # A single bell as wide as the middle of this one would put its tenths far closer in.
    spread = np.quantile(means, 0.65) - np.quantile(means, 0.35)
    bell = spread / (2 * 0.3853)  # the normal distribution's quantile of 0.65, in standard deviations
    assert means[tenth // 2] < middle - 1.9 * bell


def test_the_matrix_is_about_as_sparse_as_movielens_1m(demo, films):
    density = len(demo.users) / (N_PEOPLE * len(films))
    assert 0.03 < density < 0.07  # MovieLens 1M: 4.5 %


def test_activity_is_a_power_law(demo):
    counts = np.bincount(demo.users)
    counts = counts[counts > 0]
    assert counts.min() >= 5
    assert 25 <= np.median(counts) <= 60
    assert 300 <= counts.max() <= 500
    assert counts.mean() > 1.4 * np.median(counts)
    # Above its scale a power law falls as a straight line on log-log axes; an exponential has no such tail.
    levels = np.array([50, 100, 200, 350])
    survivors = np.array([(counts >= level).mean() for level in levels])
    slopes = np.diff(np.log(survivors)) / np.diff(np.log(levels))
    assert np.all((slopes < -0.7) & (slopes > -2.6))


def test_popularity_is_a_power_law_and_no_film_is_left_out(demo, films):
    counts = np.sort(np.bincount(demo.items, minlength=len(films) + 1)[1:])[::-1]
    assert counts[-1] >= 10
    places = np.arange(1, len(counts) + 1)
    slope, _ = np.polyfit(np.log(places[30:800]), np.log(counts[30:800]), 1)
    assert -1.3 < slope < -0.6
    assert counts[: len(counts) // 10].sum() > 0.3 * counts.sum()


def test_famous_films_are_watched_more(demo, films):
    titles = {film.title: film.item for film in films}
    counts = np.bincount(demo.items)
    assert counts[titles["The Godfather"]] > 5 * counts[titles["Gun Crazy"]]
    assert counts[titles["Star Wars"]] > 5 * counts[titles["Battle Beyond the Stars"]]


def test_each_persons_ratings_come_in_order_and_in_sittings(demo):
    same_person = np.diff(demo.users) == 0
    assert np.all(np.diff(demo.users) >= 0)
    gaps = np.diff(demo.timestamps)[same_person]
    assert gaps.min() > 0
    assert np.mean(gaps < 60) > 0.8
    assert np.all((gaps < 60) | (gaps > 6 * 3600))


def test_timestamps_span_years_and_no_film_is_rated_before_its_release(demo, films):
    years = demo.timestamps.astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + 1970
    assert (years.min(), years.max()) == (2020, 2025)
    released = {film.item: film.year for film in films}
    assert np.all(years >= [released[item] for item in demo.items.tolist()])


def test_films_are_numbered_in_order_and_distinct(films):
    assert len(films) >= 600
    assert [film.item for film in films] == list(range(1, len(films) + 1))
    assert len({(film.title.casefold(), film.year) for film in films}) == len(films)
    assert all(earlier.year <= later.year for earlier, later in pairwise(films))


def test_films_have_years_of_cinema_and_known_genres(films):
    assert {film.year // 10 * 10 for film in films} == set(range(1920, 2021, 10))
    assert max(film.year for film in films) == 2024
    for film in films:
        assert film.title == film.title.strip() != ""
        assert film.genres
        assert set(film.genres) <= GENRES
        assert list(film.genres) == sorted(set(film.genres))
    for genre in GENRES:
        assert sum(genre in film.genres for film in films) >= 40, genre


@pytest.mark.parametrize(
    ("title", "year", "genres"),
    [
        ("Star Wars", 1977, {"Action", "Adventure", "Sci-Fi"}),
        ("Casablanca", 1942, {"Drama", "Romance", "War"}),
        ("Seven Samurai", 1954, {"Action", "Adventure", "Drama"}),
        ("Cléo from 5 to 7", 1962, {"Drama"}),
        ("Amélie", 2001, {"Comedy", "Fantasy", "Romance"}),
        ("8½", 1963, {"Drama", "Fantasy"}),
        ("Sátántangó", 1994, {"Drama"}),
        ("WALL·E", 2008, {"Animation", "Children", "Romance", "Sci-Fi"}),
        ("Dune: Part Two", 2024, {"Action", "Adventure", "Sci-Fi"}),
    ],
)
def test_well_known_films_are_there_as_they_are(films, title, year, genres):
    assert [set(film.genres) for film in films if (film.title, film.year) == (title, year)] == [genres]


def test_every_word_of_the_tastes_means_something():
    cinema = _read_cinema()
    words = GENRES | set(cinema.clusters) | {"before 1970", "since 2000"}
    assert {word for likes in TASTES.values() for word in likes} <= words
    assert set(cinema.renown.tolist()) == {1.0, 2.0, 3.0, 4.0, 5.0}


CLUSTERS = ["space-opera", "film-noir", "horror", "family-animation", "romance", "western", "documentary"]


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_who_watches_a_cluster_most_rates_it_above_the_rest(demo, cluster):
    """Without a look at the planted tastes: their choices betray the fans, and their ratings agree."""
    clusters = np.array(["", *_read_cinema().clusters])
    inside = clusters[demo.items] == cluster
    n_all = np.bincount(demo.users, minlength=N_PEOPLE + 1)
    n_inside = np.bincount(demo.users, inside, minlength=N_PEOPLE + 1)
    regulars = np.flatnonzero((n_all >= 30) & (n_inside >= 2))
    fans = regulars[np.argsort(n_inside[regulars] / n_all[regulars])[-100:]]
    by_fans = np.isin(demo.users, fans)

    def advantage(who):
        return demo.values[who & inside].mean() - demo.values[who & ~inside].mean()

    assert advantage(by_fans) > advantage(~by_fans) + 0.4


def test_who_loves_star_wars_loves_its_sequels_and_not_everything(demo, films):
    """The correlation of two films' ratings over those who rated both, each person's mean taken off."""
    items = {film.title: film.item for film in films}
    residuals = (
        demo.values - np.bincount(demo.users, demo.values)[demo.users] / np.bincount(demo.users)[demo.users]
    )

    def correlation(title, other):
        first, second = (demo.items == items[name] for name in (title, other))
        _, one, two = np.intersect1d(demo.users[first], demo.users[second], return_indices=True)
        return np.corrcoef(residuals[first][one], residuals[second][two])[0, 1]

    assert correlation("Star Wars", "The Empire Strikes Back") > 0.3
    assert correlation("Double Indemnity", "The Big Sleep") > 0.3
    assert correlation("Star Wars", "Notting Hill") < 0.1
    assert correlation("The Exorcist", "Finding Nemo") < 0.1


def test_factors_have_something_to_find_beyond_the_biases(demo, films):
    """Biases leave an error of 0.9; each person's leanings, however crudely learnt, take some of it away."""
    users, items, values = demo.users, demo.items, demo.values.astype(np.float64)
    user_biases, item_biases = np.zeros(N_PEOPLE + 1), np.zeros(len(films) + 1)
    n_users = np.bincount(users, minlength=N_PEOPLE + 1) + 3
    n_items = np.bincount(items, minlength=len(films) + 1) + 3
    mean = values.mean()
    for _ in range(8):
        item_biases = np.bincount(items, values - mean - user_biases[users], len(films) + 1) / n_items
        user_biases = np.bincount(users, values - mean - item_biases[items], N_PEOPLE + 1) / n_users
    by_biases = values - mean - user_biases[users] - item_biases[items]
    assert 0.85 < np.sqrt(np.mean(by_biases**2)) < 0.95

    # Each person's leaning towards each cluster, shrunk, learnt on even ratings and tried on odd ones.
    clusters = np.unique(_read_cinema().clusters, return_inverse=True)[1]
    cells = users * (clusters.max() + 1) + clusters[items - 1]
    learnt = np.arange(len(values)) % 2 == 0
    sums = np.bincount(cells[learnt], by_biases[learnt], cells.max() + 1)
    leanings = sums / (np.bincount(cells[learnt], minlength=cells.max() + 1) + 2)
    by_leanings = by_biases[~learnt] - leanings[cells[~learnt]]
    assert np.sqrt(np.mean(by_leanings**2)) < np.sqrt(np.mean(by_biases[~learnt] ** 2)) - 0.03
