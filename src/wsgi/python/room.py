"""The lock under which threads write to the server, with a place to wait. The garbage collector stands
still for as long as it is held: a finalizer may want a lock of the app's, whose owner waits for this one.
"""

import gc
import threading
from _thread import allocate_lock
from collections import deque


class Stillness:
    """Keeps the collector still while anybody wants it so, and then leaves it as the app has it."""

    def __init__(self):
        gate = allocate_lock()
        self._acquire = gate.acquire
        self._release = gate.release
        self._count = 0
        self._collects = False

    def begin(self):
        # With the collector on, nothing that it might run at may come between the gate's acquire and its
        # release. Until 3.11 that is an allocation; from 3.12 on also the return of a call, but none that
        # a `for` makes: the first one here ends when the gate is taken.
        gate, enabled = iter(self._acquire, True), iter(gc.isenabled, None)
        for _ in gate:
            pass
        if self._count == 0:
            for self._collects in enabled:
                break
            gc.disable()
        self._count += 1
        self._release()

    def end(self):
        self._acquire()
        self._count -= 1
        if self._count == 0 and self._collects:
            gc.enable()
        self._release()

    def forked(self):
        """In a process that the app forked: those who wanted it have stayed behind."""
        collects = self._count > 0 and self._collects
        self.__init__()
        if collects:
            gc.enable()


# The one of the process.
stillness = Stillness()


class Room:
    """As threading.Condition, whose wait() would allocate under the lock, and hold it with the collector
    on."""

    def __init__(self):
        lock = threading.RLock()
        self._lock = lock
        self._waiters = deque()
        self.owned = lock._is_owned

    def acquire(self, blocking=True, timeout=-1):
        if self.owned():
            return self._lock.acquire()
        stillness.begin()
        taken = False
        try:
            taken = self._lock.acquire(blocking, timeout)
        finally:
            if not taken:
                stillness.end()
        return taken

    def release(self):
        self._lock.release()
        if not self.owned():
            stillness.end()

    def __enter__(self):
        self.acquire()

    def __exit__(self, *_error):
        self.release()

    def wait(self, timeout=None):
        """Lets others in until one of them notifies, or so many seconds have passed."""
        waiter = allocate_lock()
        waiter.acquire()
        self._waiters.append(waiter)
        depth = self._lock._release_save()
        try:
            stillness.end()
            try:
                waiter.acquire(True, -1 if timeout is None else timeout)
            finally:
                stillness.begin()
        finally:
            self._lock._acquire_restore(depth)
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def notify_all(self):
        while self._waiters:
            self._waiters.popleft().release()
