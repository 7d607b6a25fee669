"""Files that the app has left open: a Python that ends closes them, and what it has in its buffers is written."""

import gc
import io
import sys
import threading
import time
import traceback
from contextlib import suppress

TEXT, CLOSED, BINARY, OTHER = range(4)

# What has to be closed to be whole, as its __del__ would do.
TO_CLOSE = (
    ("gzip", "GzipFile"),
    ("bz2", "BZ2File"),
    ("lzma", "LZMAFile"),
    ("zipfile", "ZipFile"),
    ("shelve", "Shelf"),
    ("tempfile", "_TemporaryFileWrapper"),
)

# A file that takes longer, seconds, keeps the next ones from their turn no more.
TURN_SECONDS = 0.1
# And so long is waited for such ones in the end: nobody reads the pipe, or a thread that writes into it has the
# lock. What has to be closed may have much to write, and has all of the time.
STUCK_SECONDS = 1


def finish_files(end):
    """Called once, behind everything else of the app's. Until `end`, by time.monotonic()."""
    slow = []
    for place, values in enumerate(find_files()):
        # Threads that take turns with it, each until it is stuck.
        rest = iter(values)
        while values and time.monotonic() < end:
            thread = threading.Thread(target=finish_all, args=(rest, place), daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no thread can be started
                finish_all(rest, place)
                break
            thread.join(max(0, min(TURN_SECONDS, end - time.monotonic())))
            if not thread.is_alive():
                break
            slow.append((place, thread))
    soon = min(end, time.monotonic() + STUCK_SECONDS)
    for place, thread in slow:
        thread.join(max(0, (end if place == CLOSED else soon) - time.monotonic()))


def finish_all(values, place):
    for value in values:
        try:
            value.close() if place == CLOSED else value.flush()
        except ValueError:
            pass  # it is closed
        except BaseException:  # SystemExit too
            with suppress(BaseException):  # standard error may be as broken
                traceback.print_exc()


def find_files():
    """By their places, the outermost first: each writes into the next one."""
    places = {io.TextIOWrapper: TEXT, io.BufferedWriter: BINARY, io.BufferedRandom: BINARY}
    for module, name in TO_CLOSE:
        places[getattr(sys.modules.get(module), name, None)] = CLOSED
    # By its identity: a class may have a hash of its own.
    known = {}
    found = [], [], []
    gc.disable()
    gc.unfreeze()
    for value in gc.get_objects():
        # Not by isinstance(), which asks the object for its class (a lazy one would be loaded), and takes
        # some µs for each of a million.
        kind = type(value)
        place = known.get(id(kind))
        if place is None:
            place = known[id(kind)] = place_of(kind, places)
        if place is not OTHER:
            found[place].append(value)
    return found


def place_of(kind, places):
    for base in type.__getattribute__(kind, "__mro__"):
        for known, place in places.items():
            if base is known:
                return place
    return OTHER
