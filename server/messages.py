"""Messages that cannot be read are dropped, by every broker: one would end the worker.

Nothing is lost with them: the database is the truth, and the sweep sends what is missing again.
"""

from typing import Any

import structlog
from kombu.transport import virtual

log = structlog.get_logger()

UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What kombu and Celery raise while they take a message apart that has not the form of one."""


def drop(queue: str | None, error: Exception) -> None:
    """Say that a message of a queue is passed over for ever."""
    log.warning("message dropped: it cannot be read", queue=queue, error=repr(error)[:200])


class CarefulTransport(virtual.Transport):
    """A transport that outlives the messages that its receiver cannot take apart."""

    def _deliver(self, message: Any, queue: str | None) -> None:
        tag = None
        try:
            tag = _tag_of(message)
            super()._deliver(message, queue)
        except UNREADABLE as error:
            drop(queue, error)
            self._forget(tag)

    def _forget(self, tag: str | None) -> None:
        """Nobody will acknowledge it: it must not count as work in hand."""
        for channel in self.channels or ():
            if tag is not None and tag in (channel.qos._delivered or ()):
                channel.basic_reject(tag, requeue=False)


def _tag_of(message: Any) -> str:
    """By what a message is acknowledged. Raises one of UNREADABLE."""
    tag = message["properties"]["delivery_tag"]
    if not isinstance(tag, str):
        raise TypeError("the delivery tag is not text")
    return tag
