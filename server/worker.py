"""What the parts of one worker process share."""

import threading

stopping = threading.Event()
"""Set when this worker is asked to end: a trainer is stopped, and its work left to another worker."""
