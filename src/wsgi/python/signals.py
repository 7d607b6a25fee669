"""Which signals are denicorn's, which the app's, and what handlers of the app's own need."""

import os
import signal
import sys
import threading
import traceback

# Those that denicorn listens to, and Deno for it.
TAKEN = ("ABRT", "CHLD", "HUP", "INT", "QUIT", "TERM", "TTIN", "TTOU", "USR1", "USR2", "WINCH")

# Where a remark goes, from whichever thread.
_log = sys.stderr.write


def set_logger(log):
    global _log
    _log = log


def warn(message):
    _log(message)


def keep_signals():
    """TAKEN are denicorn's: who wants to handle one is told, and goes on, since modules set handlers when they
    are imported. All others are the app's. In processes that it forks all of them are, and they get back the
    handlers of a Python: Deno's would keep SIGTERM from them."""
    original = signal.signal
    numbers = [getattr(signal, "SIG" + name) for name in TAKEN]
    # Which signals each thread had blocked before it forked.
    masks = threading.local()

    def set_any_handler(number, handler):
        before = original(number, handler)
        if callable(handler):
            leave_signal_stack(number)
        return before

    def set_handler(number, handler):
        if number not in numbers:
            return set_any_handler(number, handler)
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
        signal.signal = set_any_handler
        for number in numbers:
            default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            original(number, default)
        unblock()

    signal.signal = set_handler
    os.register_at_fork(before=block, after_in_parent=unblock, after_in_child=restore)


# Of struct sigaction, bytes, with glibc and musl on x86-64 and aarch64.
SIGACTION_SIZE = 152
SIGACTION_FLAGS = 136
SA_ONSTACK = 0x08000000


def leave_signal_stack(number):
    """Has the handler of a signal run on the stack of the thread that gets it. Python asks for the thread's
    signal stack (sigaltstack(2)), and in the threads of a Rust program that has 8 KiB: with AVX-512 the
    kernel puts 3.4 KiB there for each signal, and the third that comes at the same time kills the process."""
    try:
        import ctypes
    except ImportError:
        return  # a Python without libffi: one signal, and two, are safe
    sigaction = ctypes.CDLL(None).sigaction
    action = ctypes.create_string_buffer(SIGACTION_SIZE)
    flags = ctypes.c_int.from_buffer(action, SIGACTION_FLAGS)
    if sigaction(number, None, action) == 0 and flags.value & SA_ONSTACK:
        flags.value &= ~SA_ONSTACK
        sigaction(number, action, None)
