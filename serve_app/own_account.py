"""Routes of the own account: preferences, and its end."""

from fastapi import Response

from classroom.refusals import NotFound
from persistence.account_administration import Changed, Unchanged
from serve_app.auth import COOKIE
from serve_app.people import Preferences, preferences_of
from serve_app.problems import RefusedRequest
from serve_app.reasons import LastAdmin, Unauthenticated
from serve_app.seeing_out import see_out
from serve_app.visits import Config, Me, Use
from serve_app.wire import new_router, problems

router = new_router("/api/users", "users")


@router.get("/me/preferences", responses=problems(401))
async def get_my_preferences(me: Me, parts: Use) -> Preferences:
    """What the caller chose; every kind of notice with where it is told."""
    account = await parts.accounts.find(me.user_id)
    if account is None:
        raise RefusedRequest(Unauthenticated())
    return preferences_of(account)


@router.put("/me/preferences", responses=problems(400, 401, 413, 415))
async def put_my_preferences(body: Preferences, me: Me, parts: Use) -> Preferences:
    """Choose anew: what is left out is as it was by itself, but for the locale, which stays."""
    chosen = {
        "theme": body.theme,
        "notifications": {kind: channels.model_dump(exclude_none=True) for kind, channels in body.notifications.items()},
    }
    changes = {"preferences": chosen} if body.locale is None else {"preferences": chosen, "locale": body.locale}
    account = await parts.accounts.revise(me.user_id, changes, parts.clock())
    if account is None:
        raise RefusedRequest(Unauthenticated())
    return preferences_of(account)


@router.delete("/me", status_code=204, responses=problems(401, 409))
async def delete_me(me: Me, response: Response, parts: Use, config: Config) -> None:
    """Close the own account for good: nobody signs in with it, its address is free, its seats are given back. The name stays
    in the records of classes. The last admin cannot go."""
    done = await parts.stores.account_administration.delete(me.user_id, parts.clock())
    if done is Unchanged.LAST_ADMIN:
        raise RefusedRequest(LastAdmin())
    if not isinstance(done, Changed):
        raise RefusedRequest(NotFound("user", me.user_id))
    await see_out(done, parts, config)
    response.delete_cookie(COOKIE, path="/api/auth", secure=config.secure, httponly=True, samesite="strict")
