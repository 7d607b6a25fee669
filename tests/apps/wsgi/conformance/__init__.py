"""One WSGI app for each path. Those of VALID keep to PEP 3333, and under wsgiref.validate it is seen that
the server does; those of INVALID do not."""

import json
from wsgiref.validate import validator

from . import forbidden, responses, uploads, waits  # each brings its apps
from .paths import INVALID, TEXT, VALID, state


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


def get_state(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(state).encode()]


VALID["/state"] = get_state
