"""What is set up once in a process, and what is done at its end."""

import atexit
import json
import os
import signal
import sys
import sysconfig
import threading
import traceback

from _denicorn_loading import extend_path

# Where a remark goes, from whichever thread.
_log = sys.stderr.write


def set_up(settings):
    settings = json.loads(settings)
    sys.argv = ["denicorn", settings["app"]]
    extend_path([settings["chdir"], *settings["pythonpath"]])
    # A print shows up at once, whether a terminal reads it or a log collector.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)
    keep_signals()


def set_logger(log):
    global _log
    _log = log


# Those that denicorn listens to, and Deno for it.
TAKEN = ("ABRT", "CHLD", "HUP", "INT", "QUIT", "TERM", "TTIN", "TTOU", "USR1", "USR2", "WINCH")


def keep_signals():
    """Those signals are denicorn's: who wants to handle one is told, and goes on, since modules set handlers
    when they are imported. All others are the app's. In processes that it forks all of them are, and
    they get back the handlers of a Python: Deno's would keep SIGTERM from them."""
    original = signal.signal
    numbers = [getattr(signal, "SIG" + name) for name in TAKEN]
    # Which signals each thread had blocked before it forked.
    masks = threading.local()

    def set_handler(number, handler):
        if number not in numbers:
            return original(number, handler)
        caller = traceback.extract_stack(limit=2)[0]
        _log(
            "signal.signal(%s) has no effect: denicorn handles signals itself (%s, line %d)"
            % (signal.Signals(number).name, caller.filename, caller.lineno)
        )
        return signal.getsignal(number)

    def block():
        # A signal that came between the fork and restore() would go to Deno's handler, and be lost:
        # multiprocessing ends its children so, and would wait for them for ever.
        masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)

    def unblock():
        signal.pthread_sigmask(signal.SIG_SETMASK, masks.before)

    def restore():
        signal.signal = original
        for number in numbers:
            default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            original(number, default)
        unblock()

    signal.signal = set_handler
    os.register_at_fork(before=block, after_in_parent=unblock, after_in_child=restore)


def loaded_files():
    """Paths of the modules that are loaded, as JSON, without Python's own and those of packages."""
    known = [path for path in sysconfig.get_paths().values() if path]
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    return json.dumps(
        [
            os.path.abspath(file)
            for file in files
            if file and not file.startswith("<") and not os.path.abspath(file).startswith(tuple(known))
        ]
    )


def tear_down():
    """What an interpreter does when it ends, as far as it can be done while threads still wait."""
    try:
        atexit._run_exitfuncs()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (AttributeError, OSError, ValueError):
                pass  # replaced, closed, or nobody reads
