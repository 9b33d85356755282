"""Celery tasks: each opens what it needs and calls one service.

The worker is `celery --app server.tasks worker --pool threads --concurrency 2`.
"""

from server.queue import get_app
from server.tasks import (
    cleaning,
    datasets,
    gold,
    images,
    labels,
    measures,
    priorities,
    runs,
    upkeep,
)

app = get_app()

__all__ = [
    "app",
    "cleaning",
    "datasets",
    "gold",
    "images",
    "labels",
    "measures",
    "priorities",
    "runs",
    "upkeep",
]
