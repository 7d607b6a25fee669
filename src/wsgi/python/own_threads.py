"""Threads that the app has started: a Python that ends waits for them, unless they are daemons."""

import os
import sys
import threading
import time

# How often is looked whether they have ended, seconds.
POLL_SECONDS = 0.01

# The native ids of the threads that call the app.
_callers = set()


def register_caller():
    _callers.add(threading.get_native_id())


def wait_for_threads(is_over, oldest):
    """Until the time is over. Returns the names of those that are still at work. Who has been at it
    for longer than `oldest`, seconds, looks after something and never ends: a Python would wait for ever."""
    lasting = {id(it) for it in threading.enumerate() if is_own(it) and age_of(it) > oldest}
    while True:
        threads = [it for it in threading.enumerate() if is_own(it) and id(it) not in lasting]
        if is_over() or all(map(is_stranded, threads)):
            return [thread.name for thread in threads]
        # Not join(): many a class has its own, which takes no limit or raises what run() has raised. And in
        # this sleep the greenlets run that gevent and eventlet make of threads.
        time.sleep(POLL_SECONDS)


def is_own(thread):
    if thread.daemon or thread is threading.main_thread() or isinstance(thread, threading._DummyThread):
        return False
    # Those of process pools have been told to end (executors.py).
    return thread not in getattr(sys.modules.get("concurrent.futures.process"), "_threads_wakeups", ())


def is_stranded(thread):
    """A greenlet on another thread that calls the app: that one has left, and nobody lets it run any more."""
    return thread.native_id in _callers and thread.native_id != threading.get_native_id()


def age_of(thread):
    """For how long it has run, seconds, as proc_pid_stat(5) tells; 0 where that is not known."""
    if thread.native_id in _callers:  # a greenlet has the id of the thread that runs it
        return 0
    try:
        with open("/proc/self/task/%d/stat" % thread.native_id) as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except Exception:  # it has just ended, or is about to begin
        return 0
