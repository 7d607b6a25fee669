"""What an app may have begun, and left open, when its process ends."""

import atexit
import concurrent.futures.thread
import gc
import gzip
import os
import sys
import tempfile
import threading
import time

atexit.register(lambda: print("the app was told of its end"))


def fail():
    raise ValueError("told of at the end")


class Unflushable:
    def __init__(self, stream):
        self.write = stream.write

    def flush(self):
        raise RuntimeError("it cannot be flushed")


class Silent:
    def write(self, text):
        raise OSError("nobody reads what is written here")

    flush = None


def tell():
    while not concurrent.futures.thread._shutdown:
        time.sleep(0.01)
    print("the end has begun")


class Returning(threading.Thread):
    """Its join() takes no limit, and raises what run() has raised: as many a program has it."""

    error = None

    def run(self):
        try:
            deliver()
            raise ValueError("raised in the thread")
        except ValueError as error:
            self.error = error

    def join(self):
        threading.Thread.join(self)
        raise self.error


kept = threading.local()


def deliver():
    # Until the end has begun: executors are the first to be told.
    while not concurrent.futures.thread._shutdown:
        time.sleep(0.01)
    time.sleep(0.2)
    print("the mail is delivered")
    threading.Thread(target=print, args=("and its copy",)).start()


def leave_open(directory):
    """What is written is less than a buffer each."""
    kept.text = open(directory + "/text", "w")
    kept.text.write("a line\n")
    kept.binary = open(directory + "/bytes", "wb")
    kept.binary.write(b"a line\n")
    kept.packed = gzip.open(directory + "/packed.gz", "wt")
    kept.packed.write("a line\n")
    kept.temporary = tempfile.NamedTemporaryFile(dir=directory, prefix="temporary")
    kept.closed = open(directory + "/closed", "w")
    kept.closed.close()
    kept.full = open("/dev/full", "w")
    kept.full.write("a line\n")
    # As an app does that wants less of the collector.
    gc.freeze()


def hang(directory):
    """Files, and between them a pipe that nobody reads, whose lock has who writes into it."""
    kept.before = open(directory + "/before", "wb")
    kept.before.write(b"a line\n")
    kept.reader, writer = os.pipe()
    kept.pipe = os.fdopen(writer, "wb")
    threading.Thread(target=kept.pipe.write, args=(b"x" * 1_000_000,), daemon=True).start()
    kept.after = open(directory + "/after", "wb")
    kept.after.write(b"a line\n")


def application(environ, start_response):
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    if path == "/mail":
        thread = threading.Thread(target=deliver)
        thread.start()
    elif path == "/daemon":
        thread = threading.Thread(target=time.sleep, args=(600,), daemon=True)
        thread.start()
    elif path == "/told":
        threading.Thread(target=tell, daemon=True).start()
    elif path == "/endless":
        thread = threading.Thread(target=time.sleep, args=(600,), name="an endless one")
        kept.began = time.monotonic()
        thread.start()
    elif path == "/age":
        start_response("200 OK", [])
        return [b"%f" % (time.monotonic() - kept.began)]
    elif path == "/fail":
        atexit.register(fail)
        sys.stdout = Unflushable(sys.stdout)
    elif path == "/silent":
        sys.stderr = Silent()
    elif path == "/join":
        Returning().start()
    elif path == "/hang":
        hang(query)
    elif path == "/open":
        leave_open(query)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(threading.current_thread().daemon).encode()]
