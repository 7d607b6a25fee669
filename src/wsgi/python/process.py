"""What is set up once in a process, and what is done at its end."""

import atexit
import json
import os
import sys

from _denicorn_executors import end_executors
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


def tear_down(patience):
    """What an interpreter does when it ends, as far as it can be done while threads still wait, and within
    `patience`, milliseconds: executors at work take half of it."""
    try:
        end_executors(patience / 2000)
        atexit._run_exitfuncs()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (AttributeError, OSError, ValueError):
                pass  # replaced, closed, or nobody reads
