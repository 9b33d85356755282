"""The audit log: who did what, in lines that are only ever added."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, EnumText, UtcDateTime


class AuditEvent(StrEnum):
    """What happened. A text here stays for ever: logs hold it."""

    SIGNED_IN = "signed-in"
    SIGN_IN_FAILED = "sign-in-failed"
    SIGN_IN_LOCKED = "sign-in-locked"
    """So many wrong guesses that no more are taken for a while."""
    SESSION_ENDED = "session-ended"
    TOKEN_MADE = "token-made"  # noqa: S105
    TOKEN_ENDED = "token-ended"  # noqa: S105
    ACCESS_ENDED = "access-ended"
    """All sessions, tokens and links of a person."""
    PASSWORD_SET = "password-set"  # noqa: S105
    PASSWORD_LINK_MADE = "password-link-made"  # noqa: S105
    SECOND_FACTOR_SET = "second-factor-set"
    SECOND_FACTOR_REMOVED = "second-factor-removed"
    IDENTITY_LINKED = "identity-linked"
    """A person of an OpenID provider, with an account."""
    IDENTITY_REMOVED = "identity-removed"
    RECOVERY_CODES_MADE = "recovery-codes-made"
    """In place of those that were there."""
    RECOVERY_CODE_USED = "recovery-code-used"
    USER_MADE = "user-made"
    ROLE_CHANGED = "role-changed"
    USER_LOCKED = "user-locked"
    USER_UNLOCKED = "user-unlocked"
    MEMBER_ADDED = "member-added"
    MEMBER_CHANGED = "member-changed"
    MEMBER_REMOVED = "member-removed"
    DATASET_ADDED = "dataset-added"
    PROJECT_MADE = "project-made"
    SETTINGS_CHANGED = "settings-changed"
    RULES_CHANGED = "rules-changed"
    GOLD_REQUESTED = "gold-requested"
    IMAGES_IMPORTED = "images-imported"
    LABELS_IMPORTED = "labels-imported"
    LABELS_EXPORTED = "labels-exported"
    AUDIT_EXPORTED = "audit-exported"
    CHECKPOINT_DOWNLOADED = "checkpoint-downloaded"
    SNAPSHOT_DOWNLOADED = "snapshot-downloaded"
    RUN_STARTED = "run-started"
    RUN_CANCELLED = "run-cancelled"
    RUN_RESUMED = "run-resumed"
    LABEL_CORRECTED = "label-corrected"
    """For somebody else: a reviewer's decision, which counts in place of what others said."""
    FLAG_ANSWERED = "flag-answered"
    METADATA_CUT = "metadata-cut"
    """What stored pictures told besides their pixels."""
    DELETED = "deleted"
    LOG_TRIMMED = "log-trimmed"


class AuditEntry(Base):
    """One line.

    It has ids and plain settings, and no secret, address of a person, name of a file or content of
    a label: who or what is deleted needs no change of it. No foreign keys, for the same reason.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_event", "event", "id"),
        Index("ix_audit_entries_user", "user_id", "id"),
        Index("ix_audit_entries_project", "project_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """One more than that of the line before."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    event: Mapped[AuditEvent] = mapped_column(EnumText(AuditEvent, 40))
    door: Mapped[str] = mapped_column(String(10))
    """How it came in: `http`, `command` or `server`, which acts by itself."""
    user_id: Mapped[int | None]
    """Who; null for who is not signed in, for a command and for the server."""
    session_id: Mapped[int | None]
    token_id: Mapped[int | None]
    address: Mapped[str | None] = mapped_column(String(100))
    """Where from: of the network, or `uid N` on the server's own machine."""
    request_id: Mapped[str | None] = mapped_column(String(32))
    """As in the server's log and in the answer's `X-Request-ID`."""
    project_id: Mapped[int | None]
    subject: Mapped[str | None] = mapped_column(String(30))
    """What kind of thing it was done to."""
    subject_id: Mapped[str | None] = mapped_column(String(100))
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    hash: Mapped[str] = mapped_column(String(64))
    """Of the line and the hash of the one before it: see `services.audit.hash_of`."""


class AuditChain(Base):
    """Where the log begins and ends: one row, held by whoever adds lines."""

    __tablename__ = "audit_chain"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    anchor_id: Mapped[int]
    """The last line that was trimmed; 0 while none was."""
    anchor_hash: Mapped[str] = mapped_column(String(64))
    last_id: Mapped[int]
    last_hash: Mapped[str] = mapped_column(String(64))
