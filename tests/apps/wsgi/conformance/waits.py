"""Apps that log, wait for something or for one another, or go deep."""

import os
import threading
import time

from .paths import TEXT, query, state, valid


@valid
def errors(environ, start_response):
    log = environ["wsgi.errors"]
    log.write("first line\nsecond ")
    log.writelines(["line\n", "third line"])
    log.flush()
    log.write("Trace:\n  one\n\n  two\n")
    start_response("200 OK", TEXT)
    return [b"written"]


@valid
def sleep(environ, start_response):
    environ["wsgi.errors"].write("falls asleep\n")
    time.sleep(query(environ, "s", 1.0))
    start_response("200 OK", TEXT)
    return [threading.current_thread().name.encode()]


@valid
def hold(environ, start_response):
    """Keeps its thread until the file that the query names is there."""
    environ["wsgi.errors"].write("holds its thread\n")
    while not os.path.exists(query(environ, "until", "")):
        time.sleep(0.01)
    start_response("200 OK", TEXT)
    return [b"held"]


meeting = threading.Barrier(4)


@valid
def meet(environ, start_response):
    """Returns only when four requests are in here at once."""
    meeting.wait(20)
    start_response("200 OK", TEXT)
    return [b"met"]


gate = threading.Event()


@valid
def wait(environ, start_response):
    gate.wait(20)
    start_response("200 OK", TEXT)
    return [b"waited"]


@valid
def open_gate(environ, start_response):
    gate.set()
    start_response("200 OK", TEXT)
    return [b"open"]


@valid
def stepwise(environ, start_response):
    """Yields the first block, and the second only when the gate is open."""
    start_response("200 OK", TEXT)
    yield b"first\n"
    gate.wait(20)
    yield b"second\n"


@valid
def endless(environ, start_response):
    start_response("200 OK", TEXT)
    block = b"x" * 65536
    try:
        while True:
            state["produced"] += len(block)
            yield block
    finally:
        state["finished"] += 1


local = threading.local()


@valid
def keep(environ, start_response):
    """How many requests this thread has had, by what it keeps in threading.local."""
    local.count = getattr(local, "count", 0) + 1
    start_response("200 OK", TEXT)
    return [b"%d" % local.count]


@valid
def recurse(environ, start_response):
    def down(level):
        return max([level], key=lambda _: down(level + 1))

    try:
        down(0)
    except RecursionError:
        start_response("200 OK", TEXT)
        return [b"too deep"]
