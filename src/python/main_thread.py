"""Python's main thread, as programs know it: what they import runs here, and the handlers of signals do.

Run under the name of the module that it then is; READY is a descriptor, on which it says that it is there.
"""

import sys

# What `-c` leaves behind; modules of the app's own would come before Python's.
del getattr(sys, "orig_argv", [])[:]
if not getattr(sys.flags, "safe_path", False) and sys.path[:1] == [""]:
    del sys.path[0]

import _thread
import atexit
import os
import signal
import threading
import traceback
import types
from importlib.machinery import ModuleSpec

# As of a program that runs from a file: python-dotenv takes the process for somebody's prompt else, and looks
# for .env elsewhere. The name keeps multiprocessing's children from running that file.
main = sys.modules["__main__"]
main.__file__ = "<denicorn/__main__.py>"
main.__spec__ = ModuleSpec("denicorn.__main__", None)

_tasks = []
_calls, _wake = os.pipe()
_process = os.getpid()


def call(function, *arguments):
    """Calls it on the main thread, and returns what it returns, or raises what it raises."""
    done = _thread.allocate_lock()
    done.acquire()
    outcome = []

    def task():
        try:
            outcome.extend((function(*arguments), None))
        except BaseException as error:  # SystemExit too
            outcome.extend((None, error))
        if os.getpid() != _process:
            error = outcome[1]
            # Who loads the app tells of an exit by an error of its own.
            context = getattr(error, "__context__", None)
            end_fork(context if isinstance(context, SystemExit) else error)
        done.release()

    _tasks.append(task)
    try:
        os.write(_wake, b"\0")
    except BlockingIOError:
        pass  # it has thousands of signals to read
    done.acquire()
    result, error = outcome[:2]
    if error is not None:
        raise error
    return result


def end_fork(error):
    """Ends a process that what was called has forked, and that came back from there: nobody waits for what
    it returns, and the pipes are its parent's."""
    code = int(error is not None)
    try:
        if isinstance(error, SystemExit):
            code = error.code if isinstance(error.code, int) else int(error.code is not None)
            if error.code not in (None, code):
                print(error.code, file=sys.stderr)
        elif error is not None:
            traceback.print_exception(type(error), error, error.__traceback__)
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code & 0xFF)


def run():
    leave_signals()
    os.set_blocking(_wake, False)
    os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))
    os.register_at_fork(after_in_child=become_main)
    os.write(READY, b"\0")
    while True:
        try:
            # Whichever thread the kernel gives a signal to; what was imported may have set its own.
            signal.set_wakeup_fd(_wake, warn_on_full_buffer=False)
            os.read(_calls, 4096)
            while _tasks:
                _tasks.pop(0)()
        except BaseException:  # of a signal's handler
            traceback.print_exc()


def become_main():
    """The one thread that a fork has is its main one. Where threading has not started it, as it has not those of
    requests, it misses a lock: a process of multiprocessing then fails at its end (CPython's gh-102512)."""
    thread = threading.main_thread()
    if isinstance(thread, threading._DummyThread) and getattr(thread, "_tstate_lock", thread) is None:
        thread.__class__ = threading._MainThread
        thread._name = "MainThread"
        thread._daemonic = False
        thread._set_tstate_lock()


def leave_signals():
    """Python takes SIGINT where nobody has it yet; it is Deno's to take."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


# Whoever imports it first is taken for the main thread.
threading.main_thread()
module = sys.modules[__name__] = types.ModuleType(__name__)
module.call = call
module.end_fork = end_fork
run()
