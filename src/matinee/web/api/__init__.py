"""The HTTP API for programs, under ``/api/v1``. Errors are problem details."""

from matinee.web.api import account, events, movies, operations, ratings, recommendations, users

ROUTERS = (movies.router, recommendations.router, ratings.router, account.router, events.router)
OPERATIONS = operations.router
# About users of the base ratings; only where the operator has turned it on.
BASE_USERS = users.router
