"""Settings of the platform that admins change while it runs. Where they say nothing the operator's environment holds."""

from typing import Annotated

from pydantic import Field, StrictBool

from persistence.events import KEEP_MONTHS
from persistence.platform_settings import PlatformSettings
from serve_app.composition import EdgeConfig, Parts
from serve_app.visits import Admin, Config, Use
from serve_app.wire import Wire, new_router, problems

router = new_router("/api/admin", "admin")


class SettingsView(Wire):
    """What holds now. `overridden` names what was set here, and not by the operator's environment."""

    registration_open: bool
    email_verification: bool
    course_review: bool
    event_retention_months: int
    overridden: list[str]


class SettingsBody(Wire):
    """What is to hold; what is left out stays, null gives it back to the operator's environment."""

    registration_open: StrictBool | None = None
    email_verification: StrictBool | None = None
    course_review: StrictBool | None = None
    event_retention_months: Annotated[int, Field(strict=True, ge=1, le=120)] | None = None


@router.get("/settings", responses=problems(401, 403))
async def get_settings(_me: Admin, parts: Use, config: Config) -> SettingsView:
    """The settings that may be changed here."""
    return _view(await parts.stores.platform_settings.read(), config)


@router.put("/settings", responses=problems(400, 401, 403, 413, 415))
async def change_settings(body: SettingsBody, me: Admin, parts: Use, config: Config) -> SettingsView:
    """Change settings. Every replica goes by them two seconds later at most; the change is on record."""
    changes = body.model_dump(by_alias=False, exclude_unset=True)
    return _view(await parts.stores.platform_settings.change(changes, me.user_id, parts.clock()), config)


async def is_registration_open(parts: Parts) -> bool:
    """Whether people may make themselves accounts."""
    return (await parts.stores.platform_settings.current()).registration_open is not False


async def needs_verified_email(parts: Parts, config: EdgeConfig) -> bool:
    """Whether signing in needs a verified address."""
    chosen = (await parts.stores.platform_settings.current()).email_verification
    return config.email_verification if chosen is None else chosen


async def needs_course_review(parts: Parts, config: EdgeConfig) -> bool:
    """Whether an admin looks at a course before it is published."""
    chosen = (await parts.stores.platform_settings.current()).course_review
    return config.course_review if chosen is None else chosen


def _view(chosen: PlatformSettings, config: EdgeConfig) -> SettingsView:
    standing = {
        "registration_open": True,
        "email_verification": config.email_verification,
        "course_review": config.course_review,
        "event_retention_months": KEEP_MONTHS,
    }
    said = {name: getattr(chosen, name) for name in standing if getattr(chosen, name) is not None}
    return SettingsView(
        **{**standing, **said},
        overridden=[SettingsView.model_fields[name].alias or name for name in standing if name in said],
    )
