"""The HTTP API for programs, under ``/api/v1``. Errors are problem details."""

from matinee.web.api import account, movies, operations, ratings, recommendations

ROUTERS = (movies.router, recommendations.router, ratings.router, account.router)
OPERATIONS = operations.router
