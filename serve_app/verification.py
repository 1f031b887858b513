"""Routes of what is mailed about an account: proving the address, and a forgotten password."""

from typing import Annotated

from pydantic import StringConstraints

from persistence.account_tokens import RESET
from serve_app.auth import deny_sign_ins
from serve_app.once import OnceRoute
from serve_app.people import Email, NewPassword, User, user_of
from serve_app.problems import RefusedRequest
from serve_app.reasons import InvalidToken
from serve_app.visits import Config, Use
from serve_app.wire import Wire, new_router, problems

router = new_router("/api/auth", "auth", OnceRoute)

MailedToken = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[!-~]+$")]


class TokenFromMail(Wire):
    """What stood in the mail's link."""

    token: MailedToken


class AddressOf(Wire):
    """Whose account it is about."""

    email: Email


class NewPasswordByMail(Wire):
    """A new password, and the token that allows to set it."""

    token: MailedToken
    password: NewPassword


class Noted(Wire):
    """What was asked for is on its way, if there is anything to do."""

    message: str


@router.post("/verify-email", responses=problems(400, 413, 415))
async def verify_email(body: TokenFromMail, parts: Use) -> User:
    """Prove the own e-mail address with the token that was mailed to it. It is good once, for 48 hours; the account."""
    user_id = await parts.stores.account_tokens.verify_email(body.token, parts.clock())
    account = await parts.accounts.find(user_id) if user_id is not None else None
    if account is None:
        raise RefusedRequest(InvalidToken())
    return user_of(account)


@router.post("/verify-email/resend", status_code=202, responses=problems(400, 413, 415))
async def resend_verification(body: AddressOf, parts: Use) -> Noted:
    """Mail the link again. The answer does not say whether there is such an account, or whether its address is proved."""
    await parts.stores.account_tokens.ask("account.resend", body.email)
    return Noted(message="If there is an account with this address that is not confirmed yet, a mail is on its way.")


@router.post("/password/forgot", status_code=202, responses=problems(400, 413, 415))
async def forgot_password(body: AddressOf, parts: Use) -> Noted:
    """Mail a link that sets a new password. The answer does not say whether there is such an account."""
    await parts.stores.account_tokens.ask("account.forgot", body.email)
    return Noted(message="If there is an account with this address, a mail is on its way.")


@router.post("/password/reset", status_code=204, responses=problems(400, 413, 415))
async def reset_password(body: NewPasswordByMail, parts: Use, config: Config) -> None:
    """Set a new password with the token that was mailed: good once, for an hour. Every sign-in of the account ends."""
    tokens = parts.stores.account_tokens
    if not await tokens.is_good(RESET, body.token, parts.clock()):
        raise RefusedRequest(InvalidToken())  # before a hash is made: that costs something
    done = await tokens.reset_password(body.token, await parts.passwords.hash(body.password), parts.clock())
    if done is None:
        raise RefusedRequest(InvalidToken())
    await deny_sign_ins(done.families, parts, config)
