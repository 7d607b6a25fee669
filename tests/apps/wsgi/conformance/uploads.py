"""Ways to read a request's body."""

import json

from .paths import TEXT, query, state, valid


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
