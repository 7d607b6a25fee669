"""A module with no `application`, in a package."""

from .. import inner  # relative imports work


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("%s %s" % (__name__, inner.__name__)).encode()]
