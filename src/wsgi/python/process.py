"""What is set up once in a process, and what is done at its end."""

import atexit
import json
import os
import sys
import time
import traceback
from contextlib import suppress

from _denicorn_executors import end_executors
from _denicorn_loading import extend_path
from _denicorn_open_files import finish_files
from _denicorn_own_threads import wait_for_threads
from _denicorn_signals import keep_signals, warn

# What the functions of atexit have of the time at the end, seconds; half of it where there is less.
EXIT_SECONDS = 1
# Threads that have run for so many times graceful_timeout are not waited for.
LONG_AT_WORK = 10

_graceful_timeout = 0


def set_up(settings):
    global _graceful_timeout
    settings = json.loads(settings)
    _graceful_timeout = settings["graceful_timeout"]
    # web.py takes a process without it for a development server, and shows its errors to everybody.
    os.environ["SERVER_SOFTWARE"] = settings["software"]
    sys.argv = ["denicorn", settings["app"]]
    extend_path([settings["chdir"], *settings["pythonpath"]])
    # A print shows up at once, whether a terminal reads it or a log collector.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)
    keep_signals()


def tear_down(patience):
    """What an interpreter does when it ends, as far as it can be done while threads still wait, and within
    `patience`, milliseconds. Nothing of it keeps the rest from being done."""
    from _denicorn_socket_ring import ring  # made behind this module

    patience /= 1000
    begun = time.monotonic()
    end = begun + max(patience - EXIT_SECONDS, patience / 2)

    def is_over():
        return time.monotonic() >= end or ring.hurries()

    attempt(end_executors, is_over)
    busy = attempt(wait_for_threads, is_over, _graceful_timeout * LONG_AT_WORK)
    if busy:
        warn("At the end, threads of the app's own are cut: " + ", ".join(busy))
    with suppress(BaseException):  # until Python 3.9 it raises what it has told of
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # replaced, closed, or nobody reads
            stream.flush()
    attempt(finish_files, begun + patience)


def attempt(function, *arguments):
    """None where it has failed, as what the app has replaced may do."""
    try:
        return function(*arguments)
    except BaseException:
        with suppress(BaseException):  # standard error may be the app's own
            traceback.print_exc()
