"""Calls an app for its WebSockets: what the server has seen of one becomes calls of its callbacks.

The server gives a socket at most one task at a time (src/protocol/wsgi/sockets.ts), so nothing here is
called twice at once for the same socket, and its events come in their order.
"""

import time

import _denicorn_socket_ring
from _denicorn_socket_ring import DONE, live
from denicorn import (
    CLOSED,
    OPEN,
    YMO_WS_FLAG_FIN,
    YMO_WS_OP_BINARY,
    YMO_WS_OP_TEXT,
    WebSocket,
    _find,
)
from _denicorn_traces import format_error

# After so many seconds the rest of a task makes way for what waits for a thread.
TURN_SECONDS = 0.05

FAILED = (1011, "Internal error")


def accept(id, environ, head):
    """Makes a WebSocket of a request that asks for one. Returns None where the app wants none."""
    if not asks_for_one(environ):
        return None
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    route = _find(path)
    if route is None:
        return None
    socket = WebSocket(id, route, environ, path, head.split("\n", 3)[3])
    _denicorn_socket_ring.ring.start()
    live[id] = socket
    return socket


def asks_for_one(environ):
    """RFC 6455, 4.2.1. The server has checked key, version and origin of what does."""
    return (
        environ["REQUEST_METHOD"] == "GET"
        and environ["SERVER_PROTOCOL"] == "HTTP/1.1"
        and has_token(environ.get("HTTP_UPGRADE", ""), "websocket")
        and has_token(environ.get("HTTP_CONNECTION", ""), "upgrade")
    )


def has_token(text, token):
    return token in (it.strip().lower() for it in text.split(","))


def run(id, events, body, log):
    """Calls the callbacks of a socket. `events`: `<kind><bytes>`, between commas."""
    socket = live.get(id)
    rest = False
    try:
        if socket is not None:
            socket._events.extend(read_events(events, body))
            end = time.monotonic() + TURN_SECONDS
            while socket._events:
                call(socket, *socket._events.popleft(), log)
                if time.monotonic() > end:
                    break
            rest = bool(socket._events)
    finally:
        ring = _denicorn_socket_ring.ring
        with ring.room:
            ring.put(DONE, id, int(rest))


def read_events(events, body):
    if events.startswith("T"):
        yield "T", events[1:]
        return
    at = 0
    for event in events.split(",") if events else ():
        end = at + int(event[1:])
        yield event[0], body[at:end]
        at = end


def call(socket, kind, data, log):
    route = socket._route
    name = ""
    try:
        if kind == "o":
            socket._state = OPEN
            socket._opened = True
            name, callback, arguments = "on_open", route.on_open, (socket,)
        elif kind == "c":
            name, callback, arguments = "on_close", route.on_close, (socket,)
            if not close(socket, data):
                return
        else:
            if socket._state != OPEN:
                return  # the app has closed it: what was under way is dropped
            name, callback = "on_message", route.on_message
            arguments = (socket, *message(kind, data, route.yimmo))
        if callback is None:
            return
        result = callback(*arguments)
        if route.yimmo and kind != "c" and result is not None and result != 0:
            log("warning", "%s of the WebSocket %s returned %r" % (name, socket._shown, result))
            socket.close(*FAILED)
    except BaseException as error:  # SystemExit and KeyboardInterrupt too: the thread goes on
        log("error", "%s of the WebSocket %s failed: %s" % (name, socket._shown, format_error(error)))
        socket.close(*FAILED)


def message(kind, data, yimmo):
    """`kind`: "T" for text that is a str, "t" for text that is bytes, "b"."""
    if yimmo:
        if kind == "T":
            data = data.encode()
        return data, YMO_WS_FLAG_FIN | (YMO_WS_OP_BINARY if kind == "b" else YMO_WS_OP_TEXT)
    return (data.decode() if kind == "t" else data,)


def close(socket, data):
    """The socket is closed. Returns whether the app knows it."""
    live.pop(socket._id, None)
    code, _clean, socket.error, socket.close_reason = data.decode().split("\n", 3)
    socket.close_code = int(code)
    ring = _denicorn_socket_ring.ring
    with ring.room:
        socket._state = CLOSED
        ring.room.notify_all()
    return socket._opened
