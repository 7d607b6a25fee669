"""Where threads are, for `timeout_warning`.

The server must never wait for the GIL, and so cannot look. It asks a thread of Python's own through a
pipe, which looks when it gets the GIL and answers through another pipe. Where the app keeps the GIL in
a C extension, there is no answer before that is over.
"""

import _thread
import json
import os
import struct
import sys
import traceback

from _denicorn_traces import OURS

# Number of the thread, id of the exchange.
QUESTION = struct.Struct("=ii")
# The innermost ones of a deep recursion.
MAX_FRAMES = 40

# What Python calls each thread.
_idents = {}


def register(thread):
    _idents[thread] = _thread.get_ident()


def set_up():
    """Called once. Returns the descriptors of the server: one to ask, one to read answers from."""
    questions, ask = os.pipe()
    answers, answer = os.pipe()
    os.set_blocking(ask, False)
    _thread.start_new_thread(_listen, (questions, os.fdopen(answer, "w")))
    return "%d %d" % (ask, answers)


def _listen(questions, answers):
    while True:
        for thread, exchange in QUESTION.iter_unpack(os.read(questions, QUESTION.size * 64)):
            answer = {"thread": thread, "exchange": exchange, "stack": _stack_of(thread)}
            print(json.dumps(answer), file=answers, flush=True)


def _stack_of(thread):
    """As a traceback shows it, without our frames; empty where the thread runs no Python."""
    frame = sys._current_frames().get(_idents.get(thread))
    if frame is None:
        return ""
    stack = traceback.extract_stack(frame, MAX_FRAMES)
    kept = [entry for entry in stack if not entry.filename.startswith(OURS)]
    return "".join(traceback.format_list(kept)).rstrip()
