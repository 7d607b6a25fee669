"""What PEP 3333 forbids, and what the server has to make of it."""

import sys

from .paths import TEXT, Blocks, invalid, query


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
