"""The datasets that are loaded by name: where each is published, its files, and the sums that check it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dataset:
    """What is known about a dataset before it is downloaded.

    Parameters
    ----------
    folder : str
        The one folder in the archive, and the name of the folder in the cache.
    ratings : str
        The file of ratings in that folder.
    movies, users : str or None
        The files about the items and the people, if the dataset has them.
    md5 : str or None
        The MD5 sum of the archive. If neither sum is given and ``url`` is None, the archive changes from time
        to time, and the ``.md5`` file beside it has the current sum.
    largest : int
        A generous bound on the size of the unpacked files, in bytes: two to four times their size. For a file
        that stays packed, a bound on its size as it is.
    sha256 : str or None
        The SHA-256 sum of the archive.
    url : str or None
        The archive: zip, tar.gz, or the packed file of ratings itself. None for those of GroupLens, which are
        called as the dataset.
    by_hand : str or None
        What to do to get a dataset that no program may download.
    """

    folder: str
    ratings: str
    movies: str | None
    users: str | None
    md5: str | None
    largest: int
    sha256: str | None = None
    url: str | None = None
    by_hand: str | None = None


_MB = 1_000_000

MOVIELENS = {
    "ml-100k": Dataset("ml-100k", "u.data", "u.item", "u.user", "0e33842e24a9c977be4e0107933c0723", 60 * _MB),
    "ml-1m": Dataset(
        "ml-1m", "ratings.dat", "movies.dat", "users.dat", "c4d9eecfca2ab87c1945afe126590906", 100 * _MB
    ),
    "ml-10m": Dataset(
        "ml-10M100K", "ratings.dat", "movies.dat", None, "ce571fd55effeba0271552578f2648bd", 1_000 * _MB
    ),
    "ml-20m": Dataset(
        "ml-20m", "ratings.csv", "movies.csv", None, "cd245b17a1ae2cc31bb14903e1204af3", 3_000 * _MB
    ),
    "ml-25m": Dataset(
        "ml-25m", "ratings.csv", "movies.csv", None, "6b51fb2759a8657d3bfcbfc42b592ada", 4_000 * _MB
    ),
    "ml-32m": Dataset(
        "ml-32m", "ratings.csv", "movies.csv", None, "d472be332d4daa821edc399621853b57", 4_000 * _MB
    ),
    "ml-latest-small": Dataset("ml-latest-small", "ratings.csv", "movies.csv", None, None, 50 * _MB),
}


def _of_others(
    url: str | None,
    folder: str,
    ratings: str,
    largest: int,
    *,
    movies: str | None = None,
    md5: str | None = None,
    sha256: str | None = None,
    by_hand: str | None = None,
) -> Dataset:
    return Dataset(folder, ratings, movies, None, md5, largest, sha256, url, by_hand)


# Of MIND these are the training parts, which Microsoft's library Recommenders takes from here too; its tests
# have the sums. Those of Last.fm are Zenodo's, and that of Goodbooks is in the catalogue of Ludwig.
_MIND_URL = "https://huggingface.co/datasets/Recommenders/MIND/resolve/main/"
OTHERS = {
    "goodbooks-10k": _of_others(
        "https://github.com/zygmuntz/goodbooks-10k/releases/download/v1.0/goodbooks-10k.zip",
        "goodbooks-10k",
        "ratings.csv",
        500 * _MB,
        movies="books.csv",
        sha256="261b97b56db61f3fb2ce5aadbb13704d30179fcc986c17ace665a0af9ed00731",
    ),
    "lastfm-360k": _of_others(
        "https://zenodo.org/records/6090214/files/lastfm-dataset-360K.tar.gz",
        "lastfm-dataset-360K",
        "usersha1-artmbid-artname-plays.tsv",
        4_000 * _MB,
        md5="635e6ed3fc873aa4ba33aba0ebce02b1",
    ),
    "steam": _of_others(
        "https://mcauleylab.ucsd.edu/public_datasets/data/steam/steam_reviews.json.gz",
        "steam",
        "steam_reviews.json.gz",
        4_000 * _MB,
    ),
    "mind-small": _of_others(
        f"{_MIND_URL}MINDsmall_train.zip",
        "MINDsmall_train",
        "behaviors.tsv",
        500 * _MB,
        sha256="0d6d50cfb534b494a1153694f8a488170b28b0ac1c254363b565aa6b11c7761f",
    ),
    "mind-large": _of_others(
        f"{_MIND_URL}MINDlarge_train.zip",
        "MINDlarge_train",
        "behaviors.tsv",
        4_000 * _MB,
        sha256="6a73f3b9ab3ba208895a18c1ac542dcf6bc9c7b817af433e60282d041cfec427",
    ),
    "yelp": _of_others(
        None,
        "yelp_dataset",
        "yelp_academic_dataset_review.json",
        0,
        by_hand="accept Yelp's terms at https://www.yelp.com/dataset, and unpack its archive",
    ),
}

# As the server spells them; in the name of the dataset they are in small letters, with hyphens.
_AMAZON_CATEGORIES = (
    "All_Beauty", "Amazon_Fashion", "Appliances", "Arts_Crafts_and_Sewing", "Automotive", "Baby_Products",
    "Beauty_and_Personal_Care", "Books", "CDs_and_Vinyl", "Cell_Phones_and_Accessories",
    "Clothing_Shoes_and_Jewelry", "Digital_Music", "Electronics", "Gift_Cards", "Grocery_and_Gourmet_Food",
    "Handmade_Products", "Health_and_Household", "Health_and_Personal_Care", "Home_and_Kitchen",
    "Industrial_and_Scientific", "Kindle_Store", "Magazine_Subscriptions", "Movies_and_TV",
    "Musical_Instruments", "Office_Products", "Patio_Lawn_and_Garden", "Pet_Supplies", "Software",
    "Sports_and_Outdoors", "Subscription_Boxes", "Tools_and_Home_Improvement", "Toys_and_Games",
    "Video_Games",
)  # fmt: skip
_AMAZON_URL = "https://mcauleylab.ucsd.edu/public_datasets/data/amazon_2023/benchmark/0core/rating_only/"
AMAZON = {
    f"amazon-{category.lower().replace('_', '-')}": _of_others(
        f"{_AMAZON_URL}{category}.csv.gz", "amazon-2023", f"{category}.csv.gz", 4_000 * _MB
    )
    for category in _AMAZON_CATEGORIES
}

DATASETS: dict[str, Dataset] = {**MOVIELENS, **OTHERS, **AMAZON}
# The names for messages and help; the many of Amazon in one.
NAMES_IN_WORDS = f"{', '.join([*MOVIELENS, *OTHERS])}, amazon-CATEGORY such as amazon-video-games"
