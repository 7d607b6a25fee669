"""One WSGI app for each path. Those of VALID keep to PEP 3333, and under wsgiref.validate it is seen that
the server does; those of INVALID do not."""

import json
import os
import sys
import threading
import time
from urllib.parse import parse_qs
from wsgiref.validate import validator

TEXT = [("Content-Type", "text/plain")]

# What happened, for /state.
state = {"closed": 0, "produced": 0, "gone": 0, "finished": 0}

VALID = {}
INVALID = {}


def valid(app):
    VALID["/" + app.__name__.replace("_", "-")] = app


def invalid(app):
    INVALID["/" + app.__name__.replace("_", "-")] = app


def application(environ, start_response):
    path = environ["PATH_INFO"]
    app = VALID.get(path) or INVALID.get(path) or missing
    return app(environ, start_response)


def validated(environ, start_response):
    """The same, watched; which makes an iterator of every list."""
    app = VALID.get(environ["PATH_INFO"], missing)
    return validator(app)(environ, start_response)


def missing(environ, start_response):
    start_response("404 Not Found", TEXT)
    return [b"no such app: ", environ["PATH_INFO"].encode("latin-1")]


def query(environ, name, default):
    return type(default)(parse_qs(environ["QUERY_STRING"]).get(name, [default])[0])


class Blocks:
    """An iterable that counts how often it is closed."""

    def __init__(self, *blocks):
        self.blocks = iter(blocks)

    def __iter__(self):
        return self

    def __next__(self):
        block = next(self.blocks)
        if isinstance(block, BaseException):
            raise block
        return block

    def close(self):
        state["closed"] += 1


def get_state(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(state).encode()]


VALID["/state"] = get_state


@valid
def hello(environ, start_response):
    start_response("200 OK", TEXT)
    return [b"hello"]


@valid
def several(environ, start_response):
    start_response("200 OK", TEXT)
    return (b"one ", b"two ", b"", b"three")


@valid
def empty(environ, start_response):
    start_response("200 OK", TEXT)
    return []


@valid
def generator(environ, start_response):
    start_response("200 OK", TEXT)
    yield b"one "
    yield b""
    yield b"two"


@valid
def late_start(environ, start_response):
    """As a generator it runs only when the server asks for its first block."""
    start_response("202 Accepted", TEXT)
    yield b"late"


@valid
def iterator(environ, start_response):
    start_response("200 OK", TEXT)
    return Blocks(b"one ", b"two")


@valid
def known_length(environ, start_response):
    start_response("200 OK", TEXT + [("Content-Length", "7")])
    return Blocks(b"one ", b"two")


@valid
def one_block(environ, start_response):
    start_response("200 OK", TEXT + [("Content-Length", "3")])
    return Blocks(b"one")


@valid
def nothing(environ, start_response):
    start_response("200 OK", TEXT)
    return Blocks()


@valid
def write(environ, start_response):
    write = start_response("200 OK", TEXT)
    write(b"written ")
    write(b"twice ")
    return [b"and returned"]


@valid
def odd_status(environ, start_response):
    start_response("999 As the upstream said", TEXT)
    return [b"odd"]


@valid
def teapot(environ, start_response):
    start_response("418 I am a teapot", TEXT + [("X-A", "1"), ("x-a", "2")])
    return [b"short and stout"]


@valid
def no_content(environ, start_response):
    start_response("204 No Content", [])
    return []


@valid
def not_modified(environ, start_response):
    start_response("304 Not Modified", [("ETag", '"x"')])
    return []


@valid
def cookies(environ, start_response):
    start_response("200 OK", TEXT + [("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2")])
    return [b"ok"]


@valid
def latin1(environ, start_response):
    start_response("200 OK", TEXT + [("X-Name", "caf\xe9 \xff"), ("X-Empty", "")])
    return [b"\x00\xff\r\n"]


@valid
def replaced(environ, start_response):
    start_response("200 OK", TEXT + [("X-First", "1")])
    try:
        raise ValueError("noticed in time")
    except ValueError:
        start_response("500 Noticed", TEXT + [("X-Second", "1")], sys.exc_info())
    return [b"noticed"]


@valid
def large(environ, start_response):
    start_response("200 OK", TEXT)
    return [b"%07d\n" % number for number in range(query(environ, "lines", 1_000_000))]


@valid
def large_generator(environ, start_response):
    start_response("200 OK", TEXT)
    for number in range(query(environ, "blocks", 100)):
        yield b"%07d\n" % number * 12_500


# What bodies are made of, over and over; see bodies_test.ts, which knows them as well.
PATTERNS = {
    "ascii": bytes(range(32, 127)),
    "zero": b"a" * 100 + b"\0",
    "zeros": b"\0",
    "latin1": "déjà vu ".encode("latin-1"),
    "utf8": "déjà vu, 既視感, 👀 ".encode(),
    "bytes": bytes(range(256)),
}


@valid
def body(environ, start_response):
    size = query(environ, "size", 0)
    kind = parse_qs(environ["QUERY_STRING"])["kind"][0]
    pattern = PATTERNS[kind]
    # No two sizes begin alike, so that what was left of another body would be seen.
    start = size % len(pattern)
    data = (pattern * (size // len(pattern) + 2))[start : start + size]
    start_response("200 OK", TEXT + [("X-Kind", kind)])
    return [data] if query(environ, "list", 1) else Blocks(data[: size // 3], data[size // 3 :])


@valid
def file(environ, start_response):
    size = os.path.getsize(__file__)
    start_response("200 OK", TEXT + [("Content-Length", str(size))])
    query, wrap = environ["QUERY_STRING"], environ["wsgi.file_wrapper"]
    if query == "names":
        return wrap(filelike=open(__file__, "rb"), blksize=1024)
    return wrap(open(__file__, "rb"), 1024)


@valid
def echo(environ, start_response):
    body = environ["wsgi.input"].read(-1)
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return [body]


@valid
def read_in_pieces(environ, start_response):
    """Reads by every means in turn, and says what each gave."""
    source = environ["wsgi.input"]
    pieces = [source.read(3), source.readline(), source.readline(4), source.readline()]
    lines = source.readlines(10)
    rest = list(source)
    start_response("200 OK", [("Content-Type", "application/json")])
    text = lambda blocks: [block.decode("latin-1") for block in blocks]
    return [json.dumps([text(pieces), text(lines), text(rest), len(source.read(5))]).encode()]


@valid
def count(environ, start_response):
    total, source = 0, environ["wsgi.input"]
    while True:
        block = source.read(query(environ, "block", 65536))
        if not block:
            break
        total += len(block)
    start_response("200 OK", TEXT)
    return [b"%d" % total]


@valid
def count_lines(environ, start_response):
    lines = sum(1 for _ in environ["wsgi.input"])
    start_response("200 OK", TEXT)
    return [b"%d" % lines]


@valid
def ignore(environ, start_response):
    start_response("200 OK", TEXT)
    return [b"not read"]


@valid
def disconnected(environ, start_response):
    try:
        environ["wsgi.input"].read(-1)
    except OSError as error:
        state["gone"] += 1
        state["error"] = "%s: %s" % (type(error).__name__, error)
    start_response("200 OK", TEXT)
    return [b"too late"]


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


# From here on: what PEP 3333 forbids, and what the server has to make of it.


@invalid
def no_start(environ, start_response):
    return [b"no head"]


@invalid
def start_twice(environ, start_response):
    start_response("200 OK", TEXT)
    start_response("200 OK", TEXT)
    return [b"twice"]


@invalid
def return_none(environ, start_response):
    start_response("200 OK", TEXT)


@invalid
def return_str(environ, start_response):
    start_response("200 OK", TEXT)
    return "text"


@invalid
def yield_str(environ, start_response):
    start_response("200 OK", TEXT)
    return Blocks("text")


@invalid
def write_str(environ, start_response):
    start_response("200 OK", TEXT)("text")
    return []


HEADS = {
    "lf": ("200 OK", [("X-A", "1\nX-Injected: 1")]),
    "crlf": ("200 OK", [("X-A", "1\r\nX-Injected: 1")]),
    "cr": ("200 OK", [("X-A", "1\rX-Injected: 1")]),
    "nul": ("200 OK", [("X-A", "1\0")]),
    "name": ("200 OK", [("X-A: 1\r\nX-Injected", "1")]),
    "space": ("200 OK", [("X A", "1")]),
    "no-name": ("200 OK", [("", "1")]),
    "snowman": ("200 OK", [("X-A", "\u2603")]),
    "snowman-status": ("200 \u2603", []),
    "status-crlf": ("200 OK\r\nX-Injected: 1", []),
    "status-int": (200, []),
    "status-word": ("OK", []),
    "status-long": ("2000 OK", []),
    "continue": ("100 Continue", []),
    "switching": ("101 Switching Protocols", []),
    "connection": ("200 OK", [("Connection", "close")]),
    "te": ("200 OK", [("Transfer-Encoding", "chunked")]),
    "keep-alive": ("200 OK", [("keep-alive", "timeout=5")]),
    "bytes": ("200 OK", [("X-A", b"1")]),
    "int": ("200 OK", [("X-A", 1)]),
    "not-a-pair": ("200 OK", [("X-A", "1", "2")]),
    "length": ("200 OK", [("Content-Length", "-1")]),
    "huge-length": ("200 OK", [("Content-Length", "18446744073709551616")]),
    "lengths": ("200 OK", [("Content-Length", "1"), ("Content-Length", "2")]),
}


@invalid
def head(environ, start_response):
    status, headers = HEADS[query(environ, "of", "")]
    start_response(status, headers)
    return [b"x"]


@invalid
def fail(environ, start_response):
    raise ValueError("secret of the app")


@invalid
def fail_started(environ, start_response):
    start_response("200 OK", TEXT)
    raise ValueError("secret of the app")


@invalid
def fail_first(environ, start_response):
    start_response("200 OK", TEXT)
    return Blocks(ValueError("secret of the app"))


@invalid
def fail_midway(environ, start_response):
    start_response("200 OK", TEXT)
    return Blocks(b"begun", ValueError("secret of the app"))


@invalid
def fail_written(environ, start_response):
    start_response("200 OK", TEXT)(b"begun")
    raise ValueError("secret of the app")


@invalid
def fail_closing(environ, start_response):
    class Failing(Blocks):
        def close(self):
            super().close()
            raise ValueError("secret of the app")

    start_response("200 OK", TEXT)
    return Failing(b"whole")


@invalid
def too_late(environ, start_response):
    """exc_info after the headers went out: start_response has to raise it again."""
    start_response("200 OK", TEXT)(b"begun")
    try:
        raise ValueError("secret of the app")
    except ValueError:
        start_response("500 Too Late", TEXT, sys.exc_info())
    return [b"never"]


@invalid
def exit(environ, start_response):
    sys.exit("secret of the app")


@invalid
def interrupt(environ, start_response):
    raise KeyboardInterrupt


@invalid
def too_short(environ, start_response):
    start_response("200 OK", TEXT + [("Content-Length", "10")])
    return [b"short"] if query(environ, "list", 0) else Blocks(b"sho", b"rt")


@invalid
def too_long(environ, start_response):
    start_response("200 OK", TEXT + [("Content-Length", "5")])
    return [b"hello, world"] if query(environ, "list", 0) else Blocks(b"hel", b"lo, ", b"world")


@invalid
def length_and_more(environ, start_response):
    start_response("200 OK", TEXT + [("Content-Length", "5")])
    return Blocks(b"hello", b", world")


@invalid
def body_of_204(environ, start_response):
    start_response("204 No Content", [("Content-Length", "4")])
    return [b"body"]
