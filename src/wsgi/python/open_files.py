"""Files that the app has left open: a Python that ends closes them, and what it has in its buffers is written."""

import gc
import io
import sys
import traceback

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
    to_close = tuple(
        getattr(sys.modules[module], name)
        for module, name in TO_CLOSE
        if hasattr(sys.modules.get(module), name)
    )
    gc.unfreeze()
    texts, closed, binaries = [], [], []
    for value in gc.get_objects():
        # Not by isinstance(), which asks the object for its class: a lazy one would be loaded.
        kind = type(value)
        if issubclass(kind, io.TextIOWrapper):
            texts.append(value.flush)
        elif issubclass(kind, to_close):
            closed.append(value.close)
        elif issubclass(kind, (io.BufferedWriter, io.BufferedRandom)):
            binaries.append(value.flush)
    # The outermost first: each writes into the next one.
    for finish in texts + closed + binaries:
        try:
            finish()
        except ValueError:
            pass  # it is closed
        except Exception:
            traceback.print_exc()
