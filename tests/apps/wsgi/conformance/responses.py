"""Heads and bodies of every kind."""

import os
import sys
from urllib.parse import parse_qs

from .paths import TEXT, Blocks, query, valid


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
