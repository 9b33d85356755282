"""Who takes part in which project, and as what."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server.db import Base, EnumText, UtcDateTime, utcnow
from server.models.user import Role, User


class MemberRole(StrEnum):
    """What a person may do in a project; each role may do all that the ones before it may."""

    VIEWER = "viewer"
    ANNOTATOR = "annotator"
    LEAD = "lead"

    @classmethod
    def of_account(cls, role: Role) -> "MemberRole":
        """Of an account in a project that is open to everybody."""
        return cls.ANNOTATOR if role == Role.ANNOTATOR else cls.LEAD


class Member(Base):
    """One person in one project."""

    __tablename__ = "members"
    __table_args__ = (Index("ix_members_user", "user_id"),)

    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    role: Mapped[MemberRole] = mapped_column(EnumText(MemberRole, 20))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    user: Mapped[User] = relationship(lazy="joined")
