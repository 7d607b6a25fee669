"""Threads that the app has started: a Python that ends waits for them, unless they are daemons."""

import os
import sys
import threading
import time


def wait_for_threads(end, oldest):
    """Until `end`, by time.monotonic(). Returns the names of those that are still at work. Who has been at it
    for longer than `oldest`, seconds, looks after something and never ends: a Python would wait for ever."""
    while True:
        threads = [it for it in threading.enumerate() if is_own(it) and age_of(it) <= oldest]
        left = end - time.monotonic()
        if not threads or left <= 0:
            return [thread.name for thread in threads]
        threads[0].join(left)


def is_own(thread):
    if thread.daemon or thread is threading.main_thread() or isinstance(thread, threading._DummyThread):
        return False
    # Those of process pools have been told to end (executors.py).
    return thread not in getattr(sys.modules.get("concurrent.futures.process"), "_threads_wakeups", ())


def age_of(thread):
    """For how long it has run, seconds, as proc_pid_stat(5) tells; 0 where that is not known."""
    try:
        with open("/proc/self/task/%d/stat" % thread.native_id) as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except Exception:  # it has just ended, or gevent has made a greenlet of it
        return 0
