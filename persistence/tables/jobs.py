"""What is mailed to prove that an address is one's own (0005). The jobs' own tables are pgqueuer's, in the schema `jobs`."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from classroom.times import Moment
from persistence.models import ID, Base, MomentType


class AccountToken(Base):
    """A token that was mailed. The table holds its SHA-256: who reads the table can use none. `email` is where it went."""

    __tablename__ = "account_tokens"
    __table_args__ = (
        CheckConstraint("purpose IN ('verify_email', 'reset_password')", name="purpose"),
        Index(None, "user_id", "purpose", "created_at"),
        Index(None, "expires_at"),
    )

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[str] = mapped_column(ID, ForeignKey("users.id", ondelete="CASCADE"))
    purpose: Mapped[str] = mapped_column(Text)
    email: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Moment] = mapped_column(MomentType)
    expires_at: Mapped[Moment] = mapped_column(MomentType)
    used_at: Mapped[Moment | None] = mapped_column(MomentType)
