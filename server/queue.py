"""Celery, and messages that leave only after the commit of what they speak about.

The database is the truth about runs: a message is a wake-up, and a lost or doubled one changes
nothing. So a broker that cannot be reached is logged and not an error; the upkeep sends again.
"""

from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import structlog
from celery import Celery
from kombu import Queue
from sqlalchemy import event
from sqlalchemy.orm import Session

from server.db import utcnow
from server.settings import Settings, get_settings

log = structlog.get_logger()

WAKE_UP_LIFETIME = timedelta(minutes=5)
"""A wake-up that nobody took by then is dropped; the upkeep has sent later ones."""
BROKER_LOOK_SECONDS = 3
_PENDING = "messages to send after commit"
FIRST_DAILY = timedelta(minutes=10)
"""After the start of beat, which may be started anew more often than once a day."""


def get_app() -> Celery:
    """The process's Celery application."""
    return _app_for(get_settings())


@lru_cache(maxsize=1)
def _app_for(settings: Settings) -> Celery:
    app = Celery("weakseg", set_as_current=True)
    app.conf.update(
        task_default_queue="default",
        task_queues=(Queue("default"), Queue("runs")),
        task_routes={"execute_run": {"queue": "runs"}},
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=False,
        task_publish_retry=False,
        worker_prefetch_multiplier=1,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        timezone="UTC",
        # In memory: Celery's file of it is a pickle, which whoever can write it makes us run.
        beat_scheduler="celery.beat:Scheduler",
        beat_schedule={
            "sweep": {
                "task": "sweep",
                "schedule": timedelta(seconds=settings.sweep_seconds),
                "options": {"expires": max(settings.sweep_seconds, 10)},
            },
            "check_counts": _daily("check_counts"),
            "trim_audit": _daily("trim_audit"),
            **({"clean": _daily("clean")} if settings.clean_daily else {}),
        },
        **_broker(settings),
    )
    return app


def _daily(task: str) -> dict[str, Any]:
    day = timedelta(days=1)
    before = utcnow() - day + FIRST_DAILY
    return {"task": task, "schedule": day, "last_run_at": before, "options": {"expires": 3600}}


def _broker_folder(settings: Settings) -> Path:
    folder = settings.data.absolute() / "broker"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _broker(settings: Settings) -> dict[str, Any]:
    if (url := settings.celery_url) is not None:
        ours = {"broker_transport": "server.redis_broker:Transport"}
        return {
            "broker_url": url,
            **(ours if url.startswith(("redis://", "rediss://")) else {}),
            "broker_transport_options": {
                "socket_connect_timeout": 3,
                "socket_timeout": 30,
                # A request waits while a message is sent; the worker has its own, endless retries.
                "max_retries": 1,
                "interval_start": 0,
            },
        }
    folder = _broker_folder(settings)
    folders = {
        "data_folder_in": folder / "messages",
        "data_folder_out": folder / "messages",
        "processed_folder": folder / "taken",
        "control_folder": folder / "control",
    }
    for path in folders.values():
        path.mkdir(parents=True, exist_ok=True)
    return {
        "broker_url": "filesystem://localhost",
        "broker_transport": "server.filesystem_broker:Transport",
        "broker_transport_options": {
            "polling_interval": 0.1,
            **{name: str(path) for name, path in folders.items()},
        },
    }


def send_after_commit(session: Session, task: str, *args: int | str) -> None:
    """Send a message once the session's transaction is committed; drop it on a rollback.

    A message that was asked for inside a savepoint goes with the outer transaction.
    """
    session.info.setdefault(_PENDING, {})[task, args] = None


@event.listens_for(Session, "after_commit")
def _send_pending(session: Session) -> None:
    if session.in_nested_transaction():
        return
    for task, args in session.info.pop(_PENDING, ()):
        send(task, *args)


@event.listens_for(Session, "after_rollback")
def _drop_pending(session: Session) -> None:
    if not session.in_nested_transaction():
        session.info.pop(_PENDING, None)


def send(task: str, *args: int | str) -> None:
    """Send a message now. A broker that cannot be reached is logged, not raised."""
    try:
        get_app().send_task(task, args, expires=WAKE_UP_LIFETIME.total_seconds())
    except Exception as error:  # noqa: BLE001 - each transport raises errors of its own
        log.warning("message not sent", task=task, args=args, error=str(error))


def broker_trouble() -> str | None:
    """Why messages cannot be sent now; None when they can."""
    try:
        with get_app().connection_for_write() as connection:
            connection.ensure_connection(max_retries=0, timeout=BROKER_LOOK_SECONDS)
    except Exception as error:  # noqa: BLE001 - each transport raises errors of its own
        return f"cannot be reached: {type(error).__name__}"
    return None
