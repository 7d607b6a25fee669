"""The ring through which what WebSockets send leaves Python; see src/protocol/wsgi/sockets.ts.

Any thread may write, those that the app made too, and those cannot call JS: so Python writes into the
shared memory itself.
"""

import os
import struct
import threading
from _thread import start_new_thread
from collections import deque
from threading import get_ident

from _denicorn_byte_ring import WRITER_WAITS, RingWriter, order
from _denicorn_room import Room, stillness

# As in src/protocol/wsgi/sockets.ts.
TEXT, BINARY, PART, CLOSE, DROP, DONE, ASCII = 1, 2, 3, 4, 5, 6, 7
GONE = -1

# As in src/protocol/wsgi/common_queue.ts.
SERVER_SLEEPS = 4
HURRY = 9

# Length of the record, operation, id, value.
HEAD = struct.Struct("=iiii")
CREDIT = struct.Struct("=ii")

# A longer message crosses in records of this size; as in src/protocol/wsgi/wsgi.ts.
MAX_PIECE_BYTES = 64 * 1024

# How long somebody sleeps whom nobody has told of room, seconds: a bound, not the rule.
RECHECK_SECONDS = 0.2

# The sockets that the server knows of, by their ids.
live = {}


class SocketRing:
    """`room` is the lock of all that is written, and where whoever cannot write waits."""

    def __init__(self, ring, control, queue):
        self.room = Room()
        # Threads that send, or wait to send.
        self._senders = set()
        self._out = RingWriter(ring, control)
        self._control = control.cast("I")
        self._queue = queue.cast("I")
        self._writing = False
        self._late = deque()
        # How a thread of denicorn's wakes the server; other threads do it through a pipe.
        self._wakers = {}
        self.wakes, self._wake = os.pipe()
        self._credits, self.credits = os.pipe()
        for fd in (self._wake, self.credits):
            os.set_blocking(fd, False)
        self._reads = False
        self._starting = threading.Lock()

    def set_waker(self, wake):
        self._wakers[get_ident()] = wake

    def forked(self):
        """In a process that the app forked: its memory is a copy, its locks may be held for ever, and nobody
        reads what it writes."""

        def refuse(*_arguments):
            raise RuntimeError("a forked process has no clients: they are its parent's")

        self.room = Room()
        stillness.forked()
        self.enter = self.put = refuse

    def enter(self):
        """To be called before something is sent, and leave() after it, with what it returns. Raises
        RuntimeError in a finalizer that the garbage collector runs where nothing may wait: in the midst of
        another message, or under `room`. It would wait for a thread that waits for this one."""
        thread = get_ident()
        if thread in self._senders or self.room.owned():
            raise RuntimeError(
                "a finalizer cannot send or receive where the garbage collector has called it, in "
                "the midst of another message: let a thread do it"
            )
        self._senders.add(thread)
        return thread

    def leave(self, thread):
        self._senders.discard(thread)

    def put(self, operation, id, value=0, data=b""):
        """Writes one record. To be called under `room`; waits where the server is far behind."""
        if self._writing:
            # A finalizer, which the garbage collector runs in the midst of another record.
            self._late.append((operation, id, value, data))
            return
        self._writing = True
        try:
            values = (operation, id, value)
            if not self._out.write(HEAD, values, data):
                self._write_late(values, data)
            self._out.commit()
            self.call_server()
        finally:
            self._writing = False
        while self._late:
            self.put(*self._late.popleft())

    def put_message(self, operation, id, data):
        """Writes a message of any length; the caller sees to it that the socket has one writer."""
        begin = 0
        while len(data) - begin > MAX_PIECE_BYTES:
            with self.room:
                self.put(PART, id, 0, data[begin : begin + MAX_PIECE_BYTES])
            begin += MAX_PIECE_BYTES
        with self.room:
            if begin:
                self.put(operation, id, 0, data[begin:])
            elif operation == TEXT and data.isascii():
                self.put(ASCII, id, 0, data + b"\0")
            else:
                self.put(operation, id, 0, data)

    def _write_late(self, values, data):
        """Writes when there is room."""
        while True:
            self._control[WRITER_WAITS] = 1
            order()
            if self._out.write(HEAD, values, data):
                break
            self._writing = False
            self.room.wait(RECHECK_SECONDS)
            self._writing = True
        self._control[WRITER_WAITS] = 0

    def call_server(self):
        """Something was written for the server, which may sleep."""
        if self._queue[SERVER_SLEEPS]:
            self._queue[SERVER_SLEEPS] = 0
            self._wake_server()

    def hurries(self):
        """Whether a quick stop has come in the midst of the end."""
        return self._queue[HURRY] != 0

    def _wake_server(self):
        wake = self._wakers.get(get_ident())
        if wake is not None:
            wake(None)
            return
        try:
            os.write(self._wake, b"\0")
        except BlockingIOError:
            pass  # it has thousands of calls that it has not heard yet

    def start(self):
        """Begins to listen for what clients have taken, and for whatever else is waited for. Raises
        RuntimeError where no thread can be had: the next one tries again. Not to be called under `room`."""
        # Nobody waits for another who does it: a finalizer that runs here might want a lock of his.
        if self._reads or not self._starting.acquire(False):
            return
        try:
            if not self._reads:
                # Not threading's: gevent and eventlet make a greenlet of that, and it would block its thread.
                start_new_thread(self._listen, ())
                self._reads = True
        finally:
            self._starting.release()

    def _listen(self):
        threading.current_thread().name = "denicorn-credits"
        # What waits to send waits for this thread: no finalizer may do so here.
        self._senders.add(get_ident())
        while True:
            # In a frame of its own, which lets go of the sockets when it is done.
            self._hear(os.read(self._credits, CREDIT.size * 4096))

    def _hear(self, data):
        with self.room:
            for id, count in CREDIT.iter_unpack(data):
                socket = live.get(id)
                if socket is not None:
                    socket._taken(count)
            self.room.notify_all()


# The one of the process.
ring = None


def set_up(memory, control, queue):
    """Called once. Returns the descriptors of the server: one to read calls
    from, one to write what clients have taken."""
    global ring
    ring = SocketRing(memory, control, queue)
    os.register_at_fork(after_in_child=ring.forked)
    return "%d %d" % (ring.wakes, ring.credits)
