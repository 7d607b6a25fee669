"""What apps do to their environ, to the log and to their iterables without meaning harm, by the path."""

import sys

TEXT = [("Content-Type", "text/plain")]


class Failing:
    """An iterable that fails at once, and says when it is closed."""

    def __init__(self, log, message):
        self.log = log
        self.message = message

    def __iter__(self):
        return self

    def __next__(self):
        raise ValueError(self.message)

    def close(self):
        self.log.write("closed after %s\n" % ascii(self.message))


class Watched:
    """Says when nobody refers to it any more."""

    def __del__(self):
        print("let go of", file=sys.stderr, flush=True)


def application(environ, start_response):
    name = environ["PATH_INFO"].strip("/").replace("-", "_")
    return globals()[name](environ, start_response)


def surrogate(environ, start_response):
    start_response("200 OK", TEXT)
    return Failing(environ["wsgi.errors"], "bad file \udcff")


def surrogate_logged(environ, start_response):
    environ["wsgi.errors"].write("name \udcff\n")
    start_response("200 OK", TEXT)
    return [b"logged"]


def cleared(environ, start_response):
    log = environ["wsgi.errors"]
    environ.clear()
    start_response("200 OK", TEXT)
    return Failing(log, "after a clearing")


def to_head(environ, start_response):
    environ["REQUEST_METHOD"] = "HEAD"
    start_response("200 OK", TEXT)
    return [b"whole"]


def to_get(environ, start_response):
    environ["REQUEST_METHOD"] = "GET"
    start_response("200 OK", TEXT)
    return [b"whole"]


def unfinished_line(environ, start_response):
    environ["wsgi.errors"].write("half a line")
    start_response("200 OK", TEXT)
    return [b"answered"]


def unfinished_lines(environ, start_response):
    start_response("200 OK", TEXT)
    environ["wsgi.errors"].write("one line ")
    yield b"answered"
    environ["wsgi.errors"].write("in two writes")


def endless_line(environ, start_response):
    for _ in range(100):
        environ["wsgi.errors"].write("x" * 1000)
    environ["wsgi.errors"].write("end\n")
    start_response("200 OK", TEXT)
    return [b"answered"]


def watched(environ, start_response):
    environ["app.watched"] = Watched()
    start_response("200 OK", TEXT)
    return [b"answered"]


def large_head(environ, start_response):
    start_response("200 OK", [("X-Large", "\xe9" * int(environ["QUERY_STRING"]))])
    return [b"sent" * 32 * 1024]


def reset(environ, start_response):
    environ["wsgi.input"].read()
    start_response("205 Reset Content", [("Content-Length", "0")])
    return []


def next_line(environ, start_response):
    line = next(environ["wsgi.input"])
    start_response("200 OK", TEXT)
    return [b"%d" % len(line)]


def lines(environ, start_response):
    source, count = environ["wsgi.input"], 0
    try:
        while True:
            next(source)
            count += 1
    except StopIteration:
        start_response("200 OK", TEXT)
        return [b"%d" % count]


def listing(*blocks):
    def app(environ, start_response):
        start_response("200 OK", TEXT)
        return list(blocks)

    return app


def yielding(*blocks):
    def app(environ, start_response):
        start_response("200 OK", TEXT)
        return iter(blocks)

    return app


yields_none = yielding(None, b"x")
yields_empty_text = yielding("", b"x")
yields_zero = yielding(0, b"x")
yields_bytearray = yielding(bytearray(b"x"))
lists_text = listing("x")
lists_none = listing(b"x", None)
lists_bytearray = listing(bytearray(b"x"))
