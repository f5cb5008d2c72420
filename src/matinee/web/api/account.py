"""Lists, makes and revokes an account's API tokens, for a browser that is logged in."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from matinee.web.api.authentication import OwnerVisit, owner
from matinee.web.api.responses import errors
from matinee.web.api.schemas import MadeToken, NewToken, TokenInfo, TokenList
from matinee.web.store import tokens

router = APIRouter(prefix="/me/tokens", tags=["tokens"])


@router.get("", responses=errors(401, 403))
def list_tokens(visit: OwnerVisit) -> TokenList:
    """The account's tokens, without their secrets."""
    with visit.services.store.reading() as session:
        held = tokens.tokens_of(session, owner(visit))
    return TokenList(
        tokens=[TokenInfo(id=token.id, name=token.name, created_at=token.created_at) for token in held]
    )


@router.post("", status_code=201, responses=errors(401, 403))
def make_token(visit: OwnerVisit, new: NewToken) -> MadeToken:
    """Make a token. Only this answer contains its secret."""
    with visit.services.store.writing() as session:
        token, secret = tokens.make_token(session, owner(visit), new.name)
    return MadeToken(id=token.id, name=token.name, created_at=token.created_at, token=secret)


@router.delete("/{token_id}", status_code=204, responses=errors(401, 403, 404))
def revoke_token(visit: OwnerVisit, token_id: int) -> Response:
    """Revoke a token. It stops working at once."""
    with visit.services.store.writing() as session:
        if not tokens.revoke_token(session, owner(visit), token_id):
            raise HTTPException(404, f"The account has no token {token_id}.")
    return Response(status_code=204)
