"""Accounts, their browser sessions and their API tokens. Only hashes of secrets are stored."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server.db import Base, EnumText, UtcDateTime, utcnow


class Role(StrEnum):
    """What a person may do; each role may do all that the ones before it may."""

    ANNOTATOR = "annotator"
    ENGINEER = "engineer"
    ADMIN = "admin"


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    """Lower case."""
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[Role] = mapped_column(EnumText(Role, 20))
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when only a number is left of the person: their labels name this row."""
    must_change_password: Mapped[bool] = mapped_column(default=False)
    """Somebody else knows the password: until it is changed, a session may do nothing else."""
    totp_secret: Mapped[str | None] = mapped_column(String(64))
    """Of the second factor (RFC 6238, base 32); null without one."""
    totp_step: Mapped[int | None]
    """The half minute of the last code that was taken: none is taken twice."""

    @property
    def has_second_factor(self) -> bool:
        return self.totp_secret is not None


class RecoveryCode(Base):
    """A code that opens an account in place of one of its second factor, once."""

    __tablename__ = "recovery_codes"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class PasswordLink(Base):
    """A link by which somebody sets their password, once: an invitation, or for who forgot it."""

    __tablename__ = "password_links"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    user: Mapped[User] = relationship(lazy="joined")


class Identity(Base):
    """As whom an OpenID provider knows a person.

    It stays when the account is deleted, of which only a number is left then: who signs in by it is
    not made an account anew.
    """

    __tablename__ = "identities"
    __table_args__ = (
        UniqueConstraint("issuer", "subject_hash", name="uq_identities_issuer_subject_hash"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    issuer: Mapped[str] = mapped_column(String(500))
    subject_hash: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the subject, in hex: the provider's own word for the person is not kept."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class UserSession(Base):
    """A signed-in browser."""

    __tablename__ = "user_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """To the minute; null for a session of an earlier version that was not used since."""
    address: Mapped[str | None] = mapped_column(String(100))
    """Where it was signed in from; null for sessions of earlier versions."""
    browser: Mapped[str | None] = mapped_column(String(200))
    """What it called itself (User-Agent)."""
    identity_id: Mapped[int | None]
    """By which it was signed in; null: by a password. No foreign key: see migration 0023."""
    second_factor: Mapped[bool] = mapped_column(default=False)
    """Whether the provider has asked for one."""
    user: Mapped[User] = relationship(lazy="joined")


class ApiToken(Base):
    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    parent_id: Mapped[int | None] = mapped_column(
        ForeignKey("api_tokens.id", ondelete="CASCADE"), index=True
    )
    """The token that it was made with: the two end together."""
    user: Mapped[User] = relationship(lazy="joined")


class SignInFailure(Base):
    """A failed sign-in, counted against the account and the address it came from."""

    __tablename__ = "sign_in_failures"
    __table_args__ = (Index("ix_sign_in_failures_subject_at", "subject", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(400))
    """`email:...` or `address:...`."""
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
