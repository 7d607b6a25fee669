"""Answers with its environ, as JSON; what is no str by its repr."""

import json
import sys


def application(environ, start_response):
    shown = {}
    for key, value in environ.items():
        assert type(key) is str, key
        shown[key] = value if type(value) in (str, bool, tuple) else type(value).__name__
        if type(value) is str:
            assert all(character <= "\xff" for character in value), value
    shown["body"] = environ["wsgi.input"].read().decode("latin-1")
    body = json.dumps(shown).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]
