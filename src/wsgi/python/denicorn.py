"""WebSockets for WSGI apps that denicorn serves.

    import denicorn

    @denicorn.websocket("/echo")
    def echo(ws, message):
        ws.send(message)

The module is there without being installed, but only in a denicorn process; it is also called yimmo,
and has what yimmo-wsgi's module of that name has. Callbacks run on the app's threads: those of one
socket one after another, those of different sockets side by side.
"""

from __future__ import annotations

import time
from collections import deque
from threading import Lock
from typing import Any, Callable, Iterable, Mapping, Optional, Union

import _denicorn_socket_ring
from _denicorn_context import Context
from _denicorn_socket_ring import BINARY, CLOSE, DROP, GONE, TEXT

__all__ = ["Context", "WebSocket", "init_websockets", "websocket"]

# The first byte of a frame (RFC 6455, 5.2), under yimmo's names.
YMO_WS_FLAG_FIN = 0x80
YMO_WS_FLAG_RSV1 = 0x40
YMO_WS_FLAG_RSV2 = 0x20
YMO_WS_FLAG_RSV3 = 0x10
YMO_WS_MASK_OP = 0x0F
YMO_WS_OP_CONTINUATION = 0x00
YMO_WS_OP_TEXT = 0x01
YMO_WS_OP_BINARY = 0x02
YMO_WS_OP_CLOSE = 0x08
YMO_WS_OP_PING = 0x09
YMO_WS_OP_PONG = 0x0A
# And the second one.
YMO_WS_FLAG_MASKED = 0x80
YMO_WS_MASK_LEN = 0x7F

__all__ += [name for name in list(globals()) if name.startswith("YMO_")]

# Bytes that may wait for a client to take them; as SOCKET_WINDOW_BYTES of src/protocol/queue/queue.ts.
WINDOW_BYTES = 1024 * 1024

MAX_REASON_BYTES = 123
# What an endpoint may say (RFC 6455, 7.4, and IANA's registry).
CLOSE_CODES = frozenset((1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014))

CONNECTING, OPEN, CLOSING, CLOSED = range(4)

Message = Union[str, bytes]
_Callback = Optional[Callable[..., Any]]


class Headers(dict):
    """Fields of the handshake by their names, in any case; repeated ones are joined with a comma."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


class WebSocket:
    """One connection. Callbacks are given it; it may be kept, given attributes, and used from any thread.

    path: of the request, decoded; without the prefix of `script_name`.
    query_string: as it was sent.
    headers: of the handshake, a mapping that ignores case.
    remote_addr: the client's address.
    environ: the handshake as WSGI's environ, for a framework's cookies and sessions.
    subprotocol: the one that was agreed on, or "".
    close_code, close_reason: how it ended, once it has; 1006 where the client just left.
    error: why it did not end well, or "".
    """

    path: str
    query_string: str
    headers: Mapping[str, str]
    remote_addr: str
    environ: Mapping[str, Any]
    subprotocol: str
    close_code: Optional[int]
    close_reason: str
    error: str

    # Seconds that send() waits; set from the configuration, None without a bound.
    _patience: Optional[float] = None

    def __init__(self, id: int, route: Any, environ: Mapping[str, Any], path: str, fields: str):
        self.path = path
        self.query_string = environ["QUERY_STRING"]
        self.headers = Headers()
        parts = fields.split("\n")
        for name, value in zip(parts[::2], parts[1::2]):
            known = self.headers.get(name)
            self.headers[name] = value if known is None else known + ", " + value
        self.remote_addr = environ["REMOTE_ADDR"]
        self.environ = environ
        self.subprotocol = route.choose(self.headers.get("sec-websocket-protocol", ""))
        self.close_code = None
        self.close_reason = ""
        self.error = ""
        # For the log: as it was sent, hence without line feeds, and without what may be secret.
        self._shown = environ["RAW_URI"].partition("?")[0]
        self._id = id
        self._route = route
        self._state = CONNECTING
        # The server knows that nothing arrives any more; what has come before may still have to be told.
        self._gone = False
        self._opened = False
        self._events: Any = deque()
        self._unsent = 0
        self._fragments: Any = None
        # One message at a time: long ones cross in pieces.
        self._sending = Lock()

    @property
    def closed(self) -> bool:
        """Whether what is sent now goes nowhere: it is closed, or about to be."""
        return self._gone or self._state >= CLOSING

    @property
    def writable(self) -> bool:
        """Whether send() would send, and not wait for the client: for those who would rather leave it out."""
        return not self.closed and self._unsent < WINDOW_BYTES

    def send(self, message: Message, flags: Optional[int] = None) -> None:
        """Sends a str as a text message and bytes as a binary one.

        `flags` are yimmo's: YMO_WS_FLAG_FIN | YMO_WS_OP_TEXT says that bytes are text; without
        YMO_WS_FLAG_FIN they are kept until the rest of the message follows.

        Where the client has not taken the last megabyte yet, this waits, at most for `write_timeout`
        and half of `timeout`; then the client is dropped. To a closed socket it sends nothing and
        raises nothing, so that a broadcast need not care who has just left.

        Raises TypeError and ValueError where the arguments are wrong, or text is no UTF-8; RuntimeError in
        a finalizer (`__del__`) that is run where nothing may wait.
        """
        if flags is None:
            operation, data = _encode(message)
        else:
            found = self._assemble(message, flags)
            if found is None:
                return
            operation, data = found
        ring = _ring()
        thread = ring.enter()
        try:
            with self._sending:
                with ring.room:
                    if not self._wait_for_window(ring):
                        return
                    self._unsent += len(data)
                ring.put_message(operation, self._id, data)
        finally:
            ring.leave(thread)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Says goodbye to the client. on_close follows when it has answered, or is gone."""
        if code not in CLOSE_CODES and not 3000 <= code <= 4999:
            raise ValueError("a socket cannot be closed with code %r (RFC 6455, 7.4)" % (code,))
        data = reason.encode("utf-8", "replace")
        if len(data) > MAX_REASON_BYTES:
            raise ValueError(
                "a close reason has at most %d bytes, not %d" % (MAX_REASON_BYTES, len(data))
            )
        ring = _ring()
        with ring.room:
            if self._state < CLOSING:
                self._state = CLOSING
                ring.put(CLOSE, self._id, code, data)
                ring.room.notify_all()

    def __repr__(self) -> str:
        states = ("connecting", "open", "closing", "closed")
        return "<denicorn.WebSocket %s from %s, %s>" % (
            self.path,
            self.remote_addr or "a unix socket",
            states[self._state],
        )

    def _assemble(self, message: Message, flags: int) -> Any:
        """What a frame with these flags is: an operation and its payload, or None."""
        if not isinstance(flags, int):
            raise TypeError("flags must be an int, not %s" % type(flags).__name__)
        data = _encode(message)[1]
        operation = flags & YMO_WS_MASK_OP
        if operation == YMO_WS_OP_CLOSE:
            code = int.from_bytes(data[:2], "big") if len(data) >= 2 else 1000
            self.close(code, data[2:].decode("utf-8", "replace"))
            return None
        if operation in (YMO_WS_OP_PING, YMO_WS_OP_PONG):
            return None  # the server's business
        if operation not in (YMO_WS_OP_CONTINUATION, YMO_WS_OP_TEXT, YMO_WS_OP_BINARY):
            raise ValueError("there are no frames with the operation 0x%x (RFC 6455, 5.2)" % operation)
        if operation == YMO_WS_OP_CONTINUATION:
            if self._fragments is None:
                raise ValueError("a continuation without a message that it continues")
        elif self._fragments is not None:
            raise ValueError("a new message before the end of the one that was begun")
        elif flags & YMO_WS_FLAG_FIN:
            return _checked(operation, data)
        else:
            self._fragments = [operation]
        self._fragments.append(data)
        if not flags & YMO_WS_FLAG_FIN:
            return None
        operation, *parts = self._fragments
        self._fragments = None
        return _checked(operation, b"".join(parts))

    def _wait_for_window(self, ring: Any) -> bool:
        """Waits, under the ring's lock, until the client has taken enough. False where it never will."""
        if self._unsent >= WINDOW_BYTES:
            end = None if self._patience is None else time.monotonic() + self._patience
            while not self.closed and self._unsent >= WINDOW_BYTES:
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    self._state = CLOSING
                    ring.put(DROP, self._id)
                    ring.room.notify_all()
                else:
                    ring.room.wait(left)
        return not self.closed

    def _taken(self, count: int) -> None:
        """The client took so many bytes. Called under the ring's lock."""
        if count == GONE:
            self._gone = True
        else:
            self._unsent -= count


class _Route:
    """Callbacks for a path, and how they want to be called."""

    def __init__(self, on_open: _Callback, on_message: _Callback, on_close: _Callback):
        for name, value in (("on_open", on_open), ("on_message", on_message), ("on_close", on_close)):
            if value is not None and not callable(value):
                raise TypeError("%s must be callable or None, not %r" % (name, value))
        self.on_open, self.on_message, self.on_close = on_open, on_message, on_close
        self.subprotocols: tuple = ()
        # yimmo's callbacks get bytes and flags, and return None or 0 where all is well.
        self.yimmo = False

    def choose(self, offered: str) -> str:
        names = [name.strip() for name in offered.split(",")]
        return next((name for name in names if name in self.subprotocols), "")


_routes: dict = {}
_prefixes: list = []
_any: Optional[_Route] = None


def websocket(
    path: str,
    *,
    on_open: _Callback = None,
    on_message: _Callback = None,
    on_close: _Callback = None,
    subprotocols: Iterable[str] = (),
) -> Callable[[Callable], Callable]:
    """Makes WebSockets of the requests for `path` that ask for one. "/rooms/*" stands for every path
    that begins with "/rooms/", "*" for all; the longest one that fits is taken.

    on_open(ws), on_close(ws): called once each. What on_open raises ends the socket with 1011.
    on_message(ws, message): called with a str or bytes for each message.
    subprotocols: the first one that a client offers and that is among these is agreed on.

    What it returns is a decorator for on_message. A request for another path is the WSGI app's.
    """
    if not isinstance(path, str) or not (path.startswith("/") or path == "*"):
        raise ValueError('the path of a WebSocket begins with "/", or is "*": not %r' % (path,))
    route = _Route(on_open, on_message, on_close)
    route.subprotocols = (subprotocols,) if isinstance(subprotocols, str) else tuple(subprotocols)
    _routes[path] = route
    _prefixes[:] = sorted((key for key in _routes if key.endswith("*")), key=len, reverse=True)

    def decorate(function: Callable) -> Callable:
        if not callable(function):
            raise TypeError("on_message must be callable, not %r" % (function,))
        route.on_message = function
        return function

    return decorate


def init_websockets(on_open: _Callback, on_message: _Callback, on_close: _Callback) -> None:
    """yimmo-wsgi's: makes WebSockets of all requests that ask for one, whatever their path.

    on_open(ws), on_message(ws, msg, flags), on_close(ws). `msg` is bytes; `flags` is
    YMO_WS_FLAG_FIN | YMO_WS_OP_TEXT or YMO_WS_OP_BINARY, as messages come whole. Where the first two
    return something else than None or 0, or raise, the socket is closed.
    """
    global _any
    route = _Route(on_open, on_message, on_close)
    route.yimmo = True
    _any = route


def _find(path: str) -> Optional[_Route]:
    route = _routes.get(path)
    if route is None:
        for prefix in _prefixes:
            if path.startswith(prefix[:-1]):
                return _routes[prefix]
    return route or _any


def _ring() -> Any:
    return _denicorn_socket_ring.ring


def _encode(message: Message) -> Any:
    if isinstance(message, str):
        return TEXT, message.encode("utf-8", "replace")
    if isinstance(message, bytes):
        return BINARY, message
    if isinstance(message, (bytearray, memoryview)):
        return BINARY, bytes(message)
    raise TypeError("a message must be str or bytes, not %s" % type(message).__name__)


def _checked(operation: int, data: bytes) -> Any:
    if operation == YMO_WS_OP_BINARY:
        return BINARY, data
    data.decode("utf-8")  # UnicodeDecodeError is a ValueError
    return TEXT, data
