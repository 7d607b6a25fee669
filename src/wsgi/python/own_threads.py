"""Threads that the app has started: a Python that ends waits for them, unless they are daemons."""

import sys
import threading
import time


def wait_for_threads(end):
    """Until `end`, by time.monotonic(). Returns the names of those that are still at work."""
    while True:
        threads = [thread for thread in threading.enumerate() if is_own(thread)]
        left = end - time.monotonic()
        if not threads or left <= 0:
            return [thread.name for thread in threads]
        threads[0].join(left)


def is_own(thread):
    if thread.daemon or thread is threading.main_thread() or isinstance(thread, threading._DummyThread):
        return False
    # Those of process pools have been told to end (executors.py).
    return thread not in getattr(sys.modules.get("concurrent.futures.process"), "_threads_wakeups", ())
