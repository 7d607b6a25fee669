"""An app whose calls are quick, but for those of /wait: these block until they are let go, by /go in the
same process or by whoever writes into the pipe named `go` in the directory of GO."""

import os
import threading
import time

TEXT = [("Content-Type", "text/plain")]
DIRECTORY = os.environ.get("GO")

gate = threading.Event()
calls = 0


def application(environ, start_response):
    global calls
    path = environ["PATH_INFO"]
    if path == "/wait":
        # Not through the log, which is the thread's own, and wakes the server.
        os.write(2, b"/wait blocks after %d quick calls\n" % calls)
        wait()
    elif path == "/go":
        gate.set()
    elif path == "/pause":
        # Not long enough to be taken for one that blocks.
        time.sleep(0.001)
    else:
        calls += 1
    start_response("200 OK", TEXT)
    return [path.encode()]


def wait():
    if DIRECTORY is None:
        gate.wait()
        gate.clear()
    else:
        with open(os.path.join(DIRECTORY, "go")) as pipe:
            pipe.read()


if DIRECTORY is not None:
    os.mkfifo(os.path.join(DIRECTORY, "go"))
