"""What the setting `app` can name."""

import os


def said(text):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [text.encode()]

    return app


application = said("application")
other = said("other")


class Site:
    wsgi = staticmethod(said("attribute"))


site = Site()
number = 42

# How often a factory was called in this process.
calls = 0


def factory(name="default", *, count=1, flags=()):
    global calls
    calls += 1
    return said("%s %s %s, call %d in process %d" % (name, count, list(flags), calls, os.getpid()))


def failing_factory():
    raise RuntimeError("no database")


def create_app():
    return "what is no app"


def create_with(settings=None, debug=False):
    """Can be called with two arguments, as an app is."""
    return application


class Static:
    @staticmethod
    def __call__(environ, start_response):
        return said("static")(environ, start_response)


class Inheriting(Static):
    pass


static = Inheriting()
