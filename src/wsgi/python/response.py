"""The head of a response: what start_response is given, checked and put into the form that crosses.

That form is one str: the status code, then `\\nname\\nvalue` for each field. Heads repeat, so each thread
numbers them: a head that the server has seen crosses as its number alone.
"""

# Kept under a bound, as in environ.py.
MAX_KEPT = 512
MAX_KEPT_LENGTH = 512
# Number of a head that always comes with its text.
UNKEPT = MAX_KEPT

# A head crosses in one piece, which has to fit in its way whatever characters it is made of, and beside a
# whole body. Clients and proxies take less.
MAX_HEAD_CHARACTERS = 128 * 1024

# RFC 9110, 7.6.1, and what PEP 3333 (by way of RFC 2616, 13.5.1) calls hop-by-hop besides.
HOP_BY_HOP = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer "
    "trailers transfer-encoding upgrade".split()
)

# What has more does not fit into Deno's 64 bits, and would go out as 0.
MAX_LENGTH_DIGITS = 19

TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

# Statuses whose responses have no body (RFC 9110, 6.4.1).
BODILESS = frozenset(("204", "205", "304"))

_codes = {}
_lines = {}
_heads = {}


def code_of(status):
    """Checks a status ("200 OK") and returns its code, "200". The phrase is Deno's own."""
    code = _codes.get(status)
    if code is not None:
        return code
    if not isinstance(status, str):
        raise TypeError("the status must be a str, not %r" % (status,))
    code, space, phrase = status.partition(" ")
    if not (len(code) == 3 and code.isascii() and code.isdigit() and "200" <= code):
        raise ValueError(
            "the status must begin with a code from 200 to 999 and a space, not %r" % status
        )
    check_text("the status", status)
    return _keep(_codes, status, code)


def line_of(field):
    """Checks a (name, value) pair and returns `name\\nvalue`, or an int for a Content-Length."""
    try:
        name, value = field
    except (TypeError, ValueError):
        raise TypeError("a header must be a pair (name, value), not %r" % (field,)) from None
    if not isinstance(name, str) or not isinstance(value, str):
        raise TypeError("a header's name and value must be of type str, not %r" % (field,))
    if not name or not TOKEN.issuperset(name):
        raise ValueError("a header's name must be a token (RFC 9110, 5.6.2), not %r" % name)
    check_text("the value of header " + name, value)
    lower = name.lower()
    if lower in HOP_BY_HOP:
        raise ValueError(
            "header %r belongs to the connection, which is the server's (PEP 3333): "
            "the app must not set it" % name
        )
    if lower == "content-length":
        length = value.strip()
        if not (length.isascii() and length.isdigit() and len(length) <= MAX_LENGTH_DIGITS):
            raise ValueError("Content-Length must be a number of bytes, not %r" % value)
        line = int(length)
    else:
        line = "%s\n%s" % (name, value.strip(" \t"))
    if type(field) is tuple and len(value) <= MAX_KEPT_LENGTH:
        _keep(_lines, field, line)
    return line


def check_text(what, text):
    """Refuses what would end a line on the wire, and what is no latin-1."""
    if text.isascii() and text.isprintable():
        return
    for character in text:
        if character < " " and character != "\t" or character == "\x7f":
            raise ValueError("%s holds a control character: %r" % (what, text))
        if character > "\xff":
            raise ValueError("%s holds a character that is no latin-1: %r" % (what, text))


def read_head(status, headers):
    """Returns the head without Content-Length, the Content-Length or None, and whether the status has no
    body."""
    key = (status, *headers)
    try:
        head = _heads.get(key)
    except TypeError:  # a list in place of a tuple
        head = None
    if head is not None:
        return head
    lines = [code_of(status)]
    length = None
    repeats = True
    for field in key[1:]:
        try:
            line = _lines.get(field)
        except TypeError:
            line = None
        if line is None:
            line = line_of(field)
            repeats = False
        if line.__class__ is int:
            if length is not None and length != line:
                raise ValueError("two different Content-Length: %d and %d" % (length, line))
            length = line
            continue
        lines.append(line)
    text = "\n".join(lines)
    if len(text) > MAX_HEAD_CHARACTERS:
        raise ValueError(
            "the head of the response has %d characters: at most %d can be sent"
            % (len(text), MAX_HEAD_CHARACTERS)
        )
    head = (text, length, lines[0] in BODILESS)
    # A field that is new, as a session's cookie, may well be so each time.
    return _keep(_heads, key, head) if repeats else head


class Numbers:
    """Numbers for the heads that one thread has sent. The server keeps the same table."""

    def __init__(self):
        self._numbers = {}
        self.get = self._numbers.get

    def add(self, head):
        """A number for a head that has none; the server forgets what it knew under it."""
        if len(self._numbers) >= MAX_KEPT:
            self._numbers.clear()
        number = self._numbers[head] = len(self._numbers)
        return number


def _keep(kept, key, value):
    if len(kept) >= MAX_KEPT:
        kept.clear()
    kept[key] = value
    return value
