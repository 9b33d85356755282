"""What an earlier version wrote or answered, beside what this one does."""

from typing import Any


def holds(now: Any, earlier: Any) -> bool:
    """Whether plain data has all of the earlier, unchanged; it may have more fields."""
    if isinstance(earlier, dict) and isinstance(now, dict):
        return all(name in now and holds(now[name], earlier[name]) for name in earlier)
    if isinstance(earlier, list) and isinstance(now, list):
        return len(now) == len(earlier) and all(map(holds, now, earlier))
    return bool(now == earlier)
