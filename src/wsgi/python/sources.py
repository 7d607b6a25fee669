"""Which files of the user's own are loaded, for `reload`: told as they come, since frameworks import much of
an app with the first request (Django its URLs and views).

The server must never wait for the GIL, and so does not look itself: a thread does, and writes to a pipe.
"""

import _thread
import json
import os
import site
import sys
import sysconfig
from time import sleep

INTERVAL_SECONDS = 0.5


def watch():
    """Called once. Returns a descriptor, from which JSON lists of paths can be read, each in a line."""
    files, told = os.pipe()
    _thread.start_new_thread(_tell, (os.fdopen(told, "w"),))
    return str(files)


def _tell(out):
    known = set()
    count = 0
    while True:
        if count != len(sys.modules):
            count = len(sys.modules)
            new = loaded_files() - known
            if new:
                known |= new
                print(json.dumps(sorted(new)), file=out, flush=True)
        sleep(INTERVAL_SECONDS)


def loaded_files():
    """Paths of the modules that are loaded, without Python's own and those of packages."""
    paths = sysconfig.get_paths()
    known = [paths[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib")]
    # Debian's own packages lie in another place than those that are installed beside them.
    known += [*site.getsitepackages(), site.getusersitepackages()]
    own = tuple(path + os.sep for path in known)
    files = [file_of(module) for module in list(sys.modules.values())]
    paths = [os.path.abspath(file) for file in files if file and not file.startswith("<")]
    return {path for path in paths if not path.startswith(own)}


def file_of(module):
    """Not by getattr(), with which a lazy module is loaded, or raises what it likes."""
    try:
        file = object.__getattribute__(module, "__dict__").get("__file__")
    except Exception:
        return None
    return file if isinstance(file, str) else None
