"""Makes the environ of an exchange from its head (PEP 3333, and gunicorn's choices where it has none)."""

from io import BytesIO
from urllib.parse import unquote_to_bytes

# What clients send again and again is kept, each under a bound, so that nobody can fill the memory:
# how many different ones, and how long one may be.
MAX_KEPT = 256
MAX_KEPT_LENGTH = 2048

# Values that differ between requests with the same fields. A copy has places for them already, so that
# it need not grow.
PER_REQUEST = dict.fromkeys(
    (
        "REQUEST_METHOD",
        "wsgi.url_scheme",
        "RAW_URI",
        "PATH_INFO",
        "QUERY_STRING",
        "SERVER_PROTOCOL",
        "SERVER_NAME",
        "SERVER_PORT",
        "REMOTE_ADDR",
        "wsgi.input",
    )
)

# Fields that are not called HTTP_ in an environ (RFC 3875, 4.1).
CGI_KEYS = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


def create_reader(base, script_name, open_stream):
    """Returns read(head, body), which makes an environ; beside it, since that is the app's to change, it
    returns method and target.

    `base`: what all of them have. `open_stream()` makes the wsgi.input of a body that is streamed.
    """
    connections, targets, blocks, keys = {}, {}, {}, {}
    base = {**PER_REQUEST, **base}

    def read(head, body):
        connection, method, url, fields = head.split("\n", 3)
        block = blocks.get(fields)
        if block is None:
            block = keep(blocks, fields, read_fields(fields))
        environ = block.copy()
        environ["REQUEST_METHOD"] = method
        ends = connections.get(connection)
        if ends is None:
            ends = keep(connections, connection, read_connection(connection))
        environ.update(ends)
        if "SCRIPT_NAME" in ends:  # from a trusted proxy
            target = read_target(url, ends["SCRIPT_NAME"])
        else:
            target = targets.get(url)
            if target is None:
                target = keep(targets, url, read_target(url, script_name))
        environ["wsgi.url_scheme"], raw, environ["PATH_INFO"], environ["QUERY_STRING"] = target
        environ["RAW_URI"] = raw
        if "SERVER_NAME" not in ends:
            name_by_host(environ)
        if body is None:
            environ["wsgi.input"] = BytesIO()
        elif body is True:
            environ["wsgi.input"] = open_stream()
        else:
            environ["wsgi.input"] = BytesIO(body)
        return environ, method, raw

    def read_fields(fields):
        environ = base.copy()
        parts = fields.split("\n")
        for name, value in zip(parts[::2], parts[1::2]):
            key = CGI_KEYS.get(name) or keys.get(name)
            if key is None:
                key = keep(keys, name, "HTTP_" + name.upper().replace("-", "_"))
            if key in environ:
                # RFC 9110, 5.3; crumbs of one cookie are joined with "; " (RFC 9113, 8.2.3).
                separator = "; " if key == "HTTP_COOKIE" else ","
                value = environ[key] + separator + value
            environ[key] = value
        return environ

    return read


def keep(kept, key, value):
    if len(key) <= MAX_KEPT_LENGTH:
        if len(kept) >= MAX_KEPT:
            kept.clear()
        kept[key] = value
    return value


def read_target(url, script_name):
    """Returns scheme, RAW_URI, PATH_INFO and QUERY_STRING."""
    scheme, _, rest = url.partition("://")
    slash = rest.find("/")
    raw = rest[slash:] if slash >= 0 else "/"
    if not raw.isascii():
        # Bytes in the shape of a str (PEP 3333, "Unicode Issues"). Deno has read them as UTF-8, and refused
        # what is none.
        raw = raw.encode().decode("latin-1")
    path, _, query = raw.partition("?")
    if script_name and (path + "/").startswith(script_name + "/"):
        path = path[len(script_name) :]
    if "%" in path:
        # Whatever encoding they are in.
        path = unquote_to_bytes(path.encode("latin-1")).decode("latin-1")
    return scheme, raw, path, query


def read_connection(line):
    """Reads `client address, its port, protocol, own address, own port, mount point`, between tabs. Unix
    sockets have no ports."""
    remote, remote_port, protocol, local, local_port, script_name = line.split("\t")
    ends = {"REMOTE_ADDR": remote, "SERVER_PROTOCOL": protocol}
    if remote_port != "0":
        ends["REMOTE_PORT"] = remote_port
    if local_port != "0":
        ends["SERVER_NAME"] = local
        ends["SERVER_PORT"] = local_port
    if script_name:
        ends["SCRIPT_NAME"] = script_name
    return ends


def name_by_host(environ):
    """A unix socket has no name and port of its own: those that the client meant are as good."""
    host = environ.get("HTTP_HOST", "")
    name, colon, port = host.rpartition(":")
    if not colon or port.endswith("]"):
        name, port = host, ""
    environ["SERVER_NAME"] = name or "localhost"
    environ["SERVER_PORT"] = port or ("443" if environ["wsgi.url_scheme"] == "https" else "80")
