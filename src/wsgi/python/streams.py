"""wsgi.input of a streamed body, wsgi.errors, and wsgi.file_wrapper."""

import sys
from io import BytesIO
from threading import get_ident

# What one read of a file or of a body asks for.
BLOCK_BYTES = 65536

# What is written to wsgi.errors without the end of a line is logged in pieces above this.
MAX_LINE_CHARACTERS = 8192


class ClientDisconnected(ConnectionError):
    """The client went away, or sent less than it had announced."""


class Input:
    """The body of the exchange that runs, which arrives while it is read. `receive()` waits for some of it,
    b"" at its end; in another thread, as an event loop's, `guests` does."""

    def __init__(self, receive, guests):
        self._receive = receive
        self._guests = guests
        self._id = guests.current
        self._here = BytesIO()
        self._ended = False

    def read(self, size=-1):
        if size is None or size < 0:
            size = sys.maxsize
        # A file gives as much as was asked for, and so do other servers.
        parts = []
        while size > 0:
            part = self._here.read(size)
            parts.append(part)
            size -= len(part)
            if size > 0 and not self._fill():
                break
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readline(self, size=-1):
        if size is None or size < 0:
            size = sys.maxsize
        parts = []
        while size > 0:
            part = self._here.readline(size)
            parts.append(part)
            size -= len(part)
            if part.endswith(b"\n") or (size > 0 and not self._fill()):
                break
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readlines(self, hint=-1):
        lines, total = [], 0
        for line in self:
            lines.append(line)
            total += len(line)
            if hint is not None and 0 < hint <= total:
                break
        return lines

    def __iter__(self):
        return iter(self.readline, b"")

    def __next__(self):
        line = self.readline()
        if line:
            return line
        raise StopIteration

    def close(self):
        """Nothing to do: the server takes care of what is not read."""

    def _fill(self):
        """Waits for more. Returns whether there is more."""
        if self._ended:
            return False
        guests = self._guests
        if get_ident() == guests.owner and guests.current == self._id:
            more = self._receive(None)
        else:
            more = guests.receive(self._id)
        if more is None:
            raise ClientDisconnected("the client did not send the whole request body")
        self._here = BytesIO(more)
        self._ended = not more
        return not self._ended


class Errors:
    """wsgi.errors: the lines that are written at once are one record of the error log, as a logger's traceback
    is; what has no end of a line goes with what is written next, or when the exchange ends."""

    encoding = "utf-8"

    def __init__(self, log):
        self._log = log
        # What each thread has written of a line.
        self.rests = {}

    def write(self, text):
        thread = get_ident()
        lines, _, rest = (self.rests.pop(thread, "") + text).rpartition("\n")
        lines = lines.strip("\n")
        if lines:
            self._log("error", lines)
        if len(rest) > MAX_LINE_CHARACTERS:
            self._log("error", rest)
        elif rest:
            self.rests[thread] = rest
        return len(text)

    def writelines(self, lines):
        self.write("".join(lines))

    def flush(self):
        rest = self.rests.pop(get_ident(), "")
        if rest:
            self._log("error", rest)

    def end(self):
        """The exchange is over: what has no end of a line has none to wait for."""
        for thread in list(self.rests):
            rest = self.rests.pop(thread, "")
            if rest:
                self._log("error", rest)

    def isatty(self):
        return False


class FileWrapper:
    """Yields a file's blocks (PEP 3333, "Optional Platform-Specific File Handling")."""

    def __init__(self, filelike, blksize=8192):  # named as in wsgiref, werkzeug and gunicorn
        self.filelike = filelike
        self.blksize = blksize
        self._read = filelike.read
        # Smaller blocks would cost a message each.
        self._block_size = max(blksize, BLOCK_BYTES)
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self):
        return self

    def __next__(self):
        block = self._read(self._block_size)
        if block:
            return block
        raise StopIteration
