"""Celery's broker for several machines: kombu's Redis, which ends a worker at a broken message."""

from typing import Any

from kombu.transport import redis

from server.messages import UNREADABLE, CarefulTransport, drop


class Channel(redis.Channel):
    """A channel that passes over what is not JSON."""

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]
        except UNREADABLE as error:
            drop("redis", error)
            return True


class Transport(CarefulTransport, redis.Transport):
    """kombu's transport with the channel above."""

    Channel = Channel
