"""What is set up once in a process, and what is done at its end."""

import atexit
import json
import os
import sys
import threading

from _denicorn_loading import extend_path
from _denicorn_signals import keep_signals


def set_up(settings):
    settings = json.loads(settings)
    sys.argv = ["denicorn", settings["app"]]
    extend_path([settings["chdir"], *settings["pythonpath"]])
    # A print shows up at once, whether a terminal reads it or a log collector.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)
    keep_signals()


# How long executors (concurrent.futures) may take to end, seconds. Theirs is the first half of the time that
# the server gives to all of this (APP_CLOSE_MS).
EXECUTORS_SECONDS = 1


def tear_down():
    """What an interpreter does when it ends, as far as it can be done while threads still wait."""
    # Where one is at work this takes for ever, and is no reason to leave out the rest.
    executors = threading.Thread(target=end_executors, daemon=True)
    try:
        executors.start()
        executors.join(EXECUTORS_SECONDS)
    except RuntimeError:  # no thread can be started
        pass
    try:
        atexit._run_exitfuncs()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (AttributeError, OSError, ValueError):
                pass  # replaced, closed, or nobody reads


def end_executors():
    """What threading._shutdown calls in a Python that ends: without it a ProcessPoolExecutor's processes stay,
    since each of them keeps its siblings' pipes open."""
    for function in reversed(getattr(threading, "_threading_atexits", ())):
        function()
