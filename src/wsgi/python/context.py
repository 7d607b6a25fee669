"""One exchange as the app sees it (PEP 3333): start_response, write, and what it returns.

What is to be sent is handed to the thread's loop as `(number, head, data, follows)`. `number` is the
head's number (see response.py), `head` its text where the number is new, HEAD_SENT where the head is
out; `follows` says what comes after `data`, and where that is all of the body, whether it is ASCII.
"""

from threading import get_ident

from _denicorn_response import BODILESS, UNKEPT, read_head
from _denicorn_streams import ClientDisconnected

# `follows`: nothing at all; nothing to send, but finish() is to be called; more of the body.
NOTHING, FINISH, MORE = 0, 1, 2
ASCII = 4
HEAD_SENT = -1
# In place of a head's number: the exchange becomes a WebSocket. `head` is the subprotocol.
UPGRADE = -2

# Bodies above this are sent piece by piece, as the client takes them.
MAX_WHOLE_BYTES = 128 * 1024


class Context:
    __slots__ = (
        "gateway",
        "environ",
        "method",
        "target",
        "head",
        "length",
        "sent",
        "left",
        "iterator",
        "close",
        "bodiless",
    )

    def __init__(self, gateway, environ, method, target):
        self.gateway = gateway
        self.environ = environ
        self.method = method
        self.target = target
        self.head = None
        # The Content-Length that the app gave; what may still be sent of it. None without one.
        self.length = None
        self.left = None
        self.sent = False
        self.iterator = None
        self.close = None

    def start_response(self, status, headers, exc_info=None):
        if exc_info is not None:
            try:
                if self.sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # it refers to this frame
        elif self.head is not None:
            raise AssertionError(
                "start_response was called a second time, without exc_info (PEP 3333)"
            )
        self.head, self.length, bodiless = read_head(status, headers)
        self.bodiless = bodiless or self.method == "HEAD"
        return self.write

    def write(self, data):
        if not isinstance(data, bytes):
            raise TypeError("write() takes bytes, not %s" % type(data).__name__)
        if not data:
            return
        gateway = self.gateway
        if get_ident() != gateway.guests.owner:
            sent = gateway.guests.send(self, lambda: self.next_message(data, unkept))
        else:
            sent = gateway.send(self.next_message(data, gateway.numbered))
        if not sent:
            raise ClientDisconnected("the client went away")

    def next_message(self, data, numbered):
        return self.go_on(data) if self.sent else self.open(data, numbered)

    # yimmo-wsgi's Context is wsgi.input as well.

    def read(self, size=-1):
        return self.environ["wsgi.input"].read(size)

    def readline(self, size=-1):
        return self.environ["wsgi.input"].readline(size)

    def readlines(self, hint=-1):
        return self.environ["wsgi.input"].readlines(hint)

    def __iter__(self):
        return iter(self.environ["wsgi.input"])

    def answer(self, result):
        """What is to be sent first of what the app returned."""
        if result.__class__ is list or result.__class__ is tuple:
            if len(result) == 1 and result[0].__class__ is bytes:
                return self.whole(result[0], NOTHING)
            for data in result:
                if data.__class__ is not bytes:
                    check_block(data)
            return self.whole(b"".join(result), NOTHING)
        if result is None:
            raise TypeError("the app must return an iterable of bytes, not None")
        if callable(result) and not hasattr(result, "__iter__"):
            raise TypeError(
                "the app must return an iterable of bytes, not a callable %s; if it is a factory, "
                "name it with its call, as in module:create_app()" % type(result).__name__
            )
        self.close = getattr(result, "close", None)
        self.iterator = iter(result)
        data = self.next_block()
        if data is None:
            return self.whole(b"", FINISH)
        if self.length == len(data):
            # What Flask and Django return most: one block, whose length they give. It is sent
            # before the app goes on.
            return self.whole(data, FINISH)
        return self.go_on(data) if self.sent else self.open(data, self.gateway.numbered)

    def whole(self, data, follows):
        """What is sent where `data` is all of the body."""
        if self.head is None:
            raise AssertionError("the app did not call start_response before its body began")
        length = self.length
        if (
            self.sent
            or (length is not None and length != len(data))
            or self.bodiless
            or len(data) > MAX_WHOLE_BYTES
        ):
            return self.odd(data, follows)
        # Content-Length is Deno's to add: so a head is the same for bodies of any length.
        self.sent = True
        self.left = 0
        if follows == NOTHING:
            # Else what the app has put into its environ would live on until the next request.
            self.gateway.context = None
        if data.isascii():
            follows |= ASCII
        number = self.gateway.number(self.head)
        if number is None:
            return self.gateway.numbered(self.head) + (data, follows)
        return (number, None, data, follows)

    def odd(self, data, follows):
        """whole() for what is not plain."""
        if self.sent:
            return self.go_on(data)
        if self.length is None and (data or not self.bodiless):
            # An empty body may be an app's own way to answer HEAD.
            self.length = len(data)
        return self.open(data, self.gateway.numbered)

    def open(self, data, numbered):
        """What is sent where the body begins with `data`, and more may follow."""
        if self.head is None:
            raise AssertionError("the app did not call start_response before its body began")
        self.sent = True
        self.left = self.length
        if self.bodiless:
            return self.open_bodiless(data, numbered)
        return numbered(self.head_with_length()) + (self.fit(data), MORE)

    def open_bodiless(self, data, numbered):
        code = self.head[:3]
        self.left = 0
        self.iterator = None
        if code in BODILESS:
            if data:
                self.log("warning", "a response %s has no body: it is dropped" % code)
            return numbered(self.head) + (b"", FINISH)
        # HEAD. Where the length is not known, a body whose length is not known goes without it.
        follows = MORE if self.length is None else FINISH
        return numbered(self.head_with_length()) + (b"", follows)

    def go_on(self, data):
        """What is sent where the head is out."""
        if self.bodiless:
            data = b""
            self.iterator = None
        return (HEAD_SENT, None, self.fit(data), MORE)

    def more(self):
        """The next block; None at the end, False where less came than was announced."""
        data = self.next_block()
        if data is not None:
            data = self.fit(data)
            if data:
                return data
        if self.left:
            self.log(
                "error",
                "the body ends %d bytes before its Content-Length: the connection is cut" % self.left,
            )
            return False
        return None

    def finish(self):
        """Lets the app's iterable come to its end and closes it."""
        try:
            if self.left == 0 and self.next_block():
                self.say_too_long()
        finally:
            self.iterator = None
            close, self.close = self.close, None
            if close is not None:
                close()

    def next_block(self):
        """The next block of the app's iterable that is not empty; None at its end."""
        if self.iterator is None:
            return None
        for data in self.iterator:
            if data.__class__ is not bytes:
                check_block(data)
            if data:
                return data
        self.iterator = None
        return None

    def fit(self, data):
        """Cuts what goes beyond Content-Length (RFC 9112, 6.3: it would be taken for a response)."""
        if self.left is not None:
            if len(data) > self.left:
                self.say_too_long()
                data = data[: self.left]
                self.iterator = None
            self.left -= len(data)
        return data

    def say_too_long(self):
        self.log("warning", "the body is longer than its Content-Length: the rest is dropped")

    def log(self, level, message):
        self.gateway.log(level, "%s: %s" % (self.name, message))

    @property
    def name(self):
        """As the log names it: without its query."""
        return "%s %s" % (self.method, self.target.partition("?")[0])

    def head_with_length(self):
        if self.length is None:
            return self.head
        return "%s\ncontent-length\n%d" % (self.head, self.length)


def unkept(head):
    """A number for a head that a guest sends: the thread might send it before it is there."""
    return (UNKEPT, head)


def check_block(data):
    if not isinstance(data, bytes):
        raise TypeError("the app's iterable must yield bytes, not %s" % type(data).__name__)
