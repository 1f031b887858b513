"""Settings of the platform (0015). Events and figures are partitioned or counted by triggers, and have no models."""

from typing import Any

from sqlalchemy import ForeignKey, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from classroom.times import Moment
from persistence.models import ID, Base, MomentType


class PlatformSetting(Base):
    """What an admin has chosen in the place of what the operator's environment says."""

    __tablename__ = "platform_settings"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB)
    updated_at: Mapped[Moment] = mapped_column(MomentType)
    updated_by: Mapped[str | None] = mapped_column(ID, ForeignKey("users.id"))
