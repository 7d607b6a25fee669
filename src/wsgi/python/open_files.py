"""Files that the app has left open: a Python that ends closes them, and what it has in its buffers is written."""

import gc
import io
import sys
import traceback

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


def finish_files():
    """Called once, behind everything else of the app's."""
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
    # The outermost first: each writes into the next one.
    for place, values in enumerate(found):
        for value in values:
            try:
                value.close() if place == CLOSED else value.flush()
            except ValueError:
                pass  # it is closed
            except Exception:
                traceback.print_exc()


def place_of(kind, places):
    for base in type.__getattribute__(kind, "__mro__"):
        for known, place in places.items():
            if base is known:
                return place
    return OTHER
