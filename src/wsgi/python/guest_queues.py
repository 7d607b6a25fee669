"""A thread's queues (src/protocol/wsgi/wsgi.ts), as they are used by guests: threads that run no exchange of
its own, as those that the app has made, or an event loop's. Only the thread itself can call its JS, and
it may well wait for the guest: so a guest reads and writes the shared memory here.

Three things keep the two apart. The GIL, which the thread holds whenever it is at its rings; GUEST, by
which it sees that a guest is in the midst of something, or has been (the rings then go on elsewhere);
and between guests the lock of socket_ring.py, under which all of this runs.
"""

import struct
from threading import get_ident

import _denicorn_socket_ring as socket_ring
from _denicorn_byte_ring import MODULO, RingReader, RingWriter, order
from _denicorn_socket_ring import MAX_PIECE_BYTES, RECHECK_SECONDS

# As in src/protocol/wsgi/wsgi.ts: WsgiOut, WsgiBody, WsgiIn and WsgiWord.
RESPOND, CHUNK, RECEIVE, RECEIVED, LOG = 1, 2, 6, 7, 8
WHOLE, STREAMED = 0, 1
FAIL = 3
CURRENT, ABORTED, TAKEN, RECEIVING, SENT, GUEST, GUEST_WAITS = 1, 2, 3, 4, 5, 6, 7
AT_WORK, WAS_HERE = 1, 2
# As in context.py.
MORE = 2
# As in src/protocol/queue/queue.ts.
STREAM_WINDOW_BYTES = 256 * 1024

# Each begins with the length of the record and the operation.
RESPOND_HEAD = struct.Struct("=iiiiii")  # id, number of the head, its length, WsgiBody
PLAIN_HEAD = struct.Struct("=iii")  # id
VALUE_HEAD = struct.Struct("=iiii")  # id, value

# How long a guest waits for the server, which is reading, seconds.
ROOM_SECONDS = 0.002
# How long it waits for other guests and for senders before it logs elsewhere, seconds. One of them may
# have been stopped by a finalizer that wants a lock of whoever logs.
LOG_PATIENCE_SECONDS = 1
MAX_LOG_BYTES = 64 * 1024

OVER = "the request is over: its %s can no longer be used"


class GuestQueues:
    """`levels`: those that are logged, with their numbers."""

    def __init__(self, memory, levels):
        out, out_control, incoming, in_control, words = memory
        self.owner = get_ident()
        self._out = RingWriter(out, out_control)
        self._in = RingReader(incoming, in_control)
        self._words = words.cast("I")
        self._levels = levels
        # The guest that is at work.
        self._visit = None

    @property
    def current(self):
        """Id of the exchange that the thread runs, 0 for none."""
        return self._words[CURRENT]

    def forked(self):
        """In a process that the app forked: who calls is no longer the thread, and nobody reads."""
        self.owner = None

    def log(self, level, message):
        """Returns False where it cannot be written."""
        if level not in self._levels:
            return True
        data = message.encode("utf-8", "backslashreplace")[:MAX_LOG_BYTES]
        record = (VALUE_HEAD, (LOG, 0, self._levels[level]), data)
        visit = self._visit
        if visit is not None and visit.thread == get_ident():
            return visit.write(*record)
        try:
            with _Visit(self, LOG_PATIENCE_SECONDS) as visit:
                return visit.write(*record)
        except RuntimeError:  # in a finalizer, in a forked process, or after too long
            return False

    def send(self, context, make):
        """Sends the message that `make()` returns (see context.py). False when nobody waits for it."""
        with _Visit(self) as visit:
            # In this order: the context is the thread's no longer when it has come to another exchange.
            id = self.current
            if context.gateway.context is not context or id == 0:
                raise RuntimeError(OVER % "write()")
            number, head, data, follows = make()
            if head is not None:
                text = head.encode()
                kind = STREAMED if follows == MORE else WHOLE
                visit.write(RESPOND_HEAD, (RESPOND, id, number, len(text), kind), text)
            for at in range(0, len(data), MAX_PIECE_BYTES):
                if not self._may_go_on(visit, id):
                    return False
                piece = data[at : at + MAX_PIECE_BYTES]
                visit.write(PLAIN_HEAD, (CHUNK, id), piece)
                self._words[SENT] = (self._words[SENT] + len(piece)) & MODULO
            return self._may_go_on(visit, id)

    def receive(self, id):
        """Waits for more of the body of an exchange. b"" is its end; None says that it broke off."""
        words = self._words
        passed = False
        with _Visit(self) as visit:
            while True:
                if words[CURRENT] != id:
                    raise RuntimeError(OVER % "wsgi.input")
                if words[RECEIVING] != id:
                    words[RECEIVING] = id
                    visit.write(PLAIN_HEAD, (RECEIVE, id), b"")
                words[GUEST_WAITS] = 1
                order()
                record = self._in.take(PLAIN_HEAD)
                if record is not None:
                    (operation, of), data = record
                    if of != id:
                        passed = True  # over what an earlier exchange has left unread
                        continue
                    if operation == FAIL:
                        return None
                    if data:
                        visit.write(VALUE_HEAD, (RECEIVED, id, len(data)), b"")
                    return data
                if words[ABORTED] == id:
                    return None
                if passed:
                    # That has made room, for which what is to come may wait.
                    passed = False
                    visit.write(VALUE_HEAD, (RECEIVED, id, 0), b"")
                visit.wait(RECHECK_SECONDS)

    def _may_go_on(self, visit, id):
        words = self._words
        while True:
            words[GUEST_WAITS] = 1
            order()
            if words[ABORTED] == id:
                return False
            if (words[SENT] - words[TAKEN]) & MODULO < STREAM_WINDOW_BYTES:
                return True
            visit.wait(RECHECK_SECONDS)


class _Visit:
    """A guest at a thread's queues, from `with` to its end."""

    def __init__(self, queues, patience=-1):
        self._queues = queues
        self._patience = patience
        self._ring = socket_ring.ring
        self._writing = False

    def __enter__(self):
        self.thread = self._ring.enter()
        try:
            self._ring.start()
            if not self._ring.room.acquire(True, self._patience):
                raise RuntimeError("others do not make room")
        except BaseException:
            self._ring.leave(self.thread)
            raise
        self._begin()
        return self

    def __exit__(self, *_error):
        self._end()
        self._ring.room.release()
        self._ring.leave(self.thread)

    def write(self, head, values, data):
        """Returns False in a finalizer, which the garbage collector runs in the midst of another record."""
        if self._writing:
            return False
        self._writing = True
        out = self._queues._out
        try:
            while not out.write(head, values, data):
                self.wait(ROOM_SECONDS)
            out.commit()
        finally:
            self._writing = False
        self._ring.call_server()
        return True

    def wait(self, seconds):
        """Lets the thread and other guests go on, until something is new or the time is up."""
        self._end()
        try:
            self._ring.room.wait(seconds)
        finally:
            self._begin()

    def _begin(self):
        self._queues._visit = self
        self._queues._words[GUEST] = AT_WORK
        self._queues._out.resume()

    def _end(self):
        self._queues._words[GUEST] = WAS_HERE
        self._queues._visit = None
