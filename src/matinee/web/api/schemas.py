"""The bodies of requests and responses, as the OpenAPI document describes them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from matinee.web.cinema.films import Film
from matinee.web.cinema.recommending import Prediction, Suggestion
from matinee.web.cinema.statistics import Distribution
from matinee.web.store.ratings_log import MOST_RATINGS, GivenRating
from matinee.web.store.tables import ITEM_LENGTH

Item = Annotated[
    str,
    Field(min_length=1, max_length=ITEM_LENGTH, description="The id of a film, as text.", examples=["260"]),
]
HalfStars = Annotated[
    float,
    Field(ge=0.5, le=5, multiple_of=0.5, description="Half or whole stars from 0.5 to 5.", examples=[4.5]),
]
# As many ratings as one visitor may have. They fit into a request body.
MOST_POSTED = MOST_RATINGS


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str
    errors: list[dict[str, Any]] | None = Field(
        None, description="What is wrong with each part of the request."
    )


class Movie(BaseModel):
    """A film."""

    item: Item
    title: str
    year: int | None
    genres: list[str]
    n_ratings: int = Field(description="In the ratings that the model was fitted to.")
    is_known: bool = Field(description="Whether the model knows the film. Otherwise it is never recommended.")

    @classmethod
    def of(cls, film: Film) -> Movie:
        """The film in the form of the API."""
        return cls(
            item=film.item,
            title=film.title,
            year=film.year,
            genres=list(film.genres),
            n_ratings=film.n_ratings,
            is_known=film.is_known,
        )


class MoviePage(BaseModel):
    """One page of the results of a search."""

    n_found: int
    is_near: bool = Field(
        description="Whether no title has all words of the query, and these are only like it."
    )
    movies: list[Movie]


class RatingDistribution(BaseModel):
    """How many ratings there are of each number of stars."""

    mean: float | None
    counts: dict[str, int] = Field(description="By the number of stars, from 0.5 to 5.")

    @classmethod
    def of(cls, distribution: Distribution) -> RatingDistribution:
        """The distribution in the form of the API."""
        return cls(
            mean=distribution.mean, counts={f"{stars:g}": count for stars, count, _ in distribution.bars}
        )


class MovieDetails(Movie):
    """A film and the distribution of its ratings."""

    ratings: RatingDistribution


class SimilarMovie(BaseModel):
    """A film similar to another."""

    movie: Movie
    similarity: float = Field(description="The cosine of the angle between their factors, −1 to 1.")


class SimilarMovies(BaseModel):
    """Films similar to one, the most similar first."""

    movies: list[SimilarMovie]


class ReasonGiven(BaseModel):
    """One of the person's ratings that is a reason for the recommendation."""

    item: Item
    title: str
    rating: float
    contribution: float = Field(description="What the rating adds to the score; always above 0.")
    liked: bool = Field(
        description="False for a film that the person disliked, and that the recommended film is unlike."
    )


class Recommended(BaseModel):
    """A recommended film, and why it is recommended."""

    movie: Movie
    score: float | None = Field(
        description="The list is ordered by it, unless diversity was asked for; null for a film that is only "
        "popular."
    )
    predicted_rating: float | None = Field(
        description="The expected stars; null if the model predicts no ratings, or is too unsure."
    )
    low: float | None = Field(
        description="The lower end of the interval that holds 9 of 10 ratings; null if the model gives no "
        "intervals, or is too unsure."
    )
    high: float | None
    because: list[ReasonGiven]

    @classmethod
    def of(cls, suggestion: Suggestion) -> Recommended:
        """The suggestion in the form of the API."""
        reasons = [
            ReasonGiven(
                item=reason.film.item,
                title=str(reason.film),
                rating=reason.stars,
                contribution=reason.contribution,
                liked=reason.is_liked,
            )
            for reason in suggestion.reasons
        ]
        predicted = suggestion.predicted
        return cls(
            movie=Movie.of(suggestion.film),
            score=suggestion.score,
            predicted_rating=None if predicted is None else predicted.stars,
            low=None if predicted is None else predicted.low,
            high=None if predicted is None else predicted.high,
            because=reasons,
        )


class Recommendations(BaseModel):
    """Recommended films, the best first."""

    recommendations: list[Recommended]
    ignored: list[str] = Field(description="Rated items that the model does not know.")


class PostedRating(BaseModel):
    """A rating by the person who gets the recommendations."""

    model_config = ConfigDict(extra="forbid")

    item: Item
    rating: float = Field(ge=0, le=5, description="Stars, up to 5.", examples=[4.5])


class RecommendationRequest(BaseModel):
    """Somebody's ratings, which are not stored, and which films they want."""

    model_config = ConfigDict(extra="forbid")

    ratings: list[PostedRating] = Field(
        max_length=MOST_POSTED, description="If an item is rated twice, the last rating counts."
    )
    n: int = Field(10, ge=1, le=200, description="How many films.")
    n_reasons: int = Field(
        0, ge=0, le=10, description="How many of the ratings to give as reasons for each film."
    )
    genres: list[str] = Field([], max_length=20, description="Only films that have all of these genres.")
    year_from: int | None = Field(None, ge=0, le=9999)
    year_to: int | None = Field(None, ge=0, le=9999)
    blend: float | None = Field(
        None,
        ge=0,
        le=1,
        description="From 0, safe choices, to 1, only the best; by default the model's own. An error if the "
        "model served has no blend.",
    )
    diversity: float = Field(
        0.0,
        ge=0,
        le=1,
        description="From 0, by the score alone, to 1, the most variety. A list of more than 12 films begins "
        "with the list of 12, and what follows is varied by itself, 24 films at a time. An error above 0 if "
        "the model served has no diversity.",
    )
    hidden: list[Item] = Field([], max_length=MOST_POSTED, description="Items that are not recommended.")


class NewRating(BaseModel):
    """The stars to give a film."""

    model_config = ConfigDict(extra="forbid")

    rating: HalfStars


class Rating(BaseModel):
    """A rating that is stored."""

    item: Item
    rating: float
    rated_at: int = Field(description="Unix milliseconds.")

    @classmethod
    def of(cls, given: GivenRating) -> Rating:
        """The rating in the form of the API."""
        return cls(item=given.item, rating=given.rating, rated_at=given.rated_at)


class RatingList(BaseModel):
    """All of a visitor's ratings, the latest first."""

    ratings: list[Rating]


class ItemList(BaseModel):
    """Films by their ids."""

    items: list[Item]


class MovieList(BaseModel):
    """Films."""

    movies: list[Movie]


class PredictedRating(BaseModel):
    """The rating that a visitor is expected to give a film."""

    rating: float
    low: float | None = Field(description="The interval's lower end; null if the model gives no intervals.")
    high: float | None
    share: float = Field(description="The share of ratings that lie between low and high.")

    @classmethod
    def of(cls, prediction: Prediction) -> PredictedRating:
        """The prediction in the form of the API."""
        return cls(rating=prediction.stars, low=prediction.low, high=prediction.high, share=prediction.share)


class Me(BaseModel):
    """Who the server thinks the caller is."""

    name: str | None = Field(description="Null for a visitor who is not logged in.")
    n_ratings: int


class NewToken(BaseModel):
    """A token to make."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=2, max_length=64, examples=["living room"])


class TokenInfo(BaseModel):
    """A token without its secret."""

    id: int
    name: str
    created_at: int = Field(description="Unix milliseconds.")


class TokenList(BaseModel):
    """An account's tokens."""

    tokens: list[TokenInfo]


class MadeToken(TokenInfo):
    """A new token with its secret, which is shown only once."""

    token: str


class Status(BaseModel):
    """The state of the server."""

    status: str = Field(examples=["ok"])
