"""The app of bench/wsgi_leaks.ts: each kind of request, and what the interpreter holds."""

import gc
import json
import sys

PAGE = b"0123456789abcde\n" * 640
TEXT = [("Content-Type", "text/plain")]


def hello(environ, start_response):
    start_response("200 OK", TEXT)
    return [b"Hello, world!\n"]


def page(environ, start_response):
    start_response("200 OK", [*TEXT, ("Content-Length", str(len(PAGE)))])
    return [PAGE]


def post(environ, start_response):
    data = environ["wsgi.input"].read()
    start_response("200 OK", [*TEXT, ("X-Length", str(len(data)))])
    return iter([data])


def upload(environ, start_response):
    """A body too large to cross whole."""
    total = sum(len(line) for line in environ["wsgi.input"])
    start_response("200 OK", TEXT)
    return [b"%d\n" % total]


def fail(environ, start_response):
    raise ValueError("as was to be expected")


def stream(environ, start_response):
    start_response("200 OK", TEXT)
    for _ in range(1_000):
        yield PAGE


def objects(environ, start_response):
    gc.collect()
    counts = {"objects": len(gc.get_objects()), "blocks": sys.getallocatedblocks()}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(counts).encode()]


APPS = {"/" + app.__name__: app for app in (hello, page, post, upload, fail, stream, objects)}


def application(environ, start_response):
    return APPS[environ["PATH_INFO"]](environ, start_response)
