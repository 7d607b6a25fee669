"""The rings of src/protocol/wsgi/byte_ring.ts, as Python writes and reads them where no JS can be called.

The GIL alone would not do, since a record takes several steps: whoever uses one sees to it that nobody
else does meanwhile.
"""

import threading

# As in src/protocol/wsgi/byte_ring.ts.
WRITTEN, READ, WRITER_WAITS = 0, 1, 2
SKIP = 0xFFFFFFFF
WORD = 4
MODULO = 0xFFFFFFFF

_fence = threading.Lock()


def order():
    """What was stored before is there for the server before what is stored, or loaded, after. Two pairs,
    as nothing keeps a processor from moving both into the first one."""
    with _fence:
        pass
    with _fence:
        pass


class RingWriter:
    """Fills a ring. `ring`, `control`: its memory."""

    def __init__(self, ring, control):
        self._bytes = ring
        self._words = ring.cast("I")
        self._control = control.cast("I")
        self._size = len(ring)
        self.resume()

    def resume(self):
        """Goes on where another writer has stopped."""
        self._written = self._next = self._control[WRITTEN]

    def write(self, head, values, data):
        """Writes a record: `values`, packed by `head` behind the length, and bytes. Returns False where
        there is no room. It is not there for the reader before commit()."""
        size = len(data)
        need = (head.size + size + WORD - 1) & -WORD
        start = self._written & (self._size - 1)
        skipped = self._size - start if start + need > self._size else 0
        used = (self._written - self._control[READ]) & MODULO
        if used + skipped + need > self._size:
            return False
        if skipped:
            self._words[start // WORD] = SKIP
            start = 0
        head.pack_into(self._bytes, start, head.size - WORD + size, *values)
        if size:
            start += head.size
            self._bytes[start : start + size] = data
        self._next = (self._written + skipped + need) & MODULO
        return True

    def commit(self):
        """Shows the reader what was written last."""
        self._written = self._next
        order()
        self._control[WRITTEN] = self._written
        order()


class RingReader:
    """Reads a ring whose other reader may have read on since the last record."""

    def __init__(self, ring, control):
        self._bytes = ring
        self._words = ring.cast("I")
        self._control = control.cast("I")
        self._size = len(ring)

    def take(self, head):
        """Takes a record: what `head` unpacks behind the length, and a copy of the bytes. None without
        one."""
        read = self._control[READ]
        if self._control[WRITTEN] == read:
            return None
        order()
        start = read & (self._size - 1)
        if self._words[start // WORD] == SKIP:
            read += self._size - start
            start = 0
        length, *values = head.unpack_from(self._bytes, start)
        end = start + WORD + length
        data = bytes(self._bytes[start + head.size : end])
        order()
        self._control[READ] = (read + ((length + WORD + WORD - 1) & -WORD)) & MODULO
        order()
        return values, data
