"""The apps by their paths, and what several of them need."""

from urllib.parse import parse_qs

TEXT = [("Content-Type", "text/plain")]

# What happened, for /state.
state = {"closed": 0, "produced": 0, "gone": 0, "finished": 0}

VALID = {}
INVALID = {}


def valid(app):
    VALID["/" + app.__name__.replace("_", "-")] = app


def invalid(app):
    INVALID["/" + app.__name__.replace("_", "-")] = app


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
