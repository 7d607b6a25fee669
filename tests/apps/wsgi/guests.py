"""What apps do with an exchange from threads that are not its own."""

import asyncio
import gc
import hashlib
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import _denicorn_socket_ring

BLOCK = bytes(range(256)) * 256

pool = ThreadPoolExecutor(4)
# Of the exchange before.
kept = {}
failures = []


def elsewhere(function, *arguments):
    """Calls it in another thread, for which this one waits."""
    return pool.submit(function, *arguments).result()


def log_from_the_start():
    """A thread that is there before any request, as an exporter's."""
    while "wsgi.errors" not in kept:
        time.sleep(0.01)
    print("from a thread of the import", file=kept["wsgi.errors"])


threading.Thread(target=log_from_the_start, daemon=True).start()


def answer(start_response, value):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(value).encode()]


def digest(read):
    """Reads to the end, in pieces that fit nothing."""
    hash, length = hashlib.sha256(), 0
    while True:
        block = read(50_001)
        if not block:
            return "%d %s" % (length, hash.hexdigest())
        hash.update(block)
        length += len(block)


def write(environ, start_response):
    """Each of `n` blocks is written by whichever thread has its turn; n < 0: in this one too."""
    count = int(environ["QUERY_STRING"])
    send = start_response("200 OK", [("Content-Type", "application/octet-stream")])
    for i in range(abs(count)):
        if count < 0 and i % 2:
            send(BLOCK)
        else:
            elsewhere(send, BLOCK)
    return []


def write_short(environ, start_response):
    """Less than a Content-Length, and more than it."""
    length = int(environ["QUERY_STRING"])
    send = start_response("200 OK", [("Content-Length", str(length))])
    elsewhere(send, b"12345")
    elsewhere(send, b"67890")
    return []


def write_bodiless(environ, start_response):
    send = start_response("204 No Content", [])
    elsewhere(send, b"dropped")
    return []


def write_endlessly(environ, start_response):
    send = start_response("200 OK", [])

    def go_on():
        try:
            while True:
                send(BLOCK)
        except ConnectionError as error:
            failures.append(type(error).__name__)
            raise

    elsewhere(go_on)


def keep(environ, start_response):
    """Leaves behind what belongs to this exchange."""
    kept.update(environ, write=start_response("200 OK", []))
    return [b"kept"]


def use_kept(environ, start_response):
    """Tries it while another exchange runs."""
    texts = []
    for function in (kept["wsgi.input"].read, lambda: kept["write"](b"into another response")):
        try:
            function()
            texts.append("nothing")
        except Exception as error:
            texts.append("%s: %s" % (type(error).__name__, error))
        try:
            elsewhere(function)
            texts.append("nothing")
        except Exception as error:
            texts.append("%s: %s" % (type(error).__name__, error))
    return answer(start_response, "\n".join(texts))


def alternate(environ, start_response):
    """Reads in two threads by turns."""
    read = environ["wsgi.input"].read
    turn = [False]

    def some(size):
        turn[0] = not turn[0]
        return elsewhere(read, size) if turn[0] else read(size)

    return answer(start_response, digest(some))


def crowd(environ, start_response):
    """Streams while other threads log, one line after another."""
    count = int(environ["QUERY_STRING"])

    def log(who):
        for i in range(count):
            print("crowd %d says %d" % (who, i), file=environ["wsgi.errors"])

    logs = [pool.submit(log, who) for who in range(4)]
    start_response("200 OK", [])
    for _ in range(count):
        yield BLOCK
        print("the stream goes on", file=environ["wsgi.errors"])
    for log in logs:
        log.result()


class Garbage:
    """Wants a lock when the collector finds it, as one does that logs."""

    lock = threading.RLock()

    def __init__(self):
        self.cycle = self

    def __del__(self):
        with self.lock:
            pass


def finalize(environ, start_response):
    """Two threads log, one of them under the lock that finalizers want wherever they run."""
    count = int(environ["QUERY_STRING"])
    errors = environ["wsgi.errors"]

    def log():
        for i in range(count):
            Garbage()
            errors.write("guest %d\n" % i)

    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    sys.setswitchinterval(1e-6)
    try:
        other = pool.submit(log)
        for i in range(count):
            with Garbage.lock:
                Garbage()
                errors.write("own %d\n" % i)
        other.result()
    finally:
        gc.set_threshold(*before)
        sys.setswitchinterval(0.005)
    return answer(start_response, gc.isenabled())


def log_while_sending(environ, start_response):
    """Another thread logs while this one is in the midst of a message, and waits for it."""
    with _denicorn_socket_ring.ring.room:
        elsewhere(environ["wsgi.errors"].write, "logged all the same\n")
    return answer(start_response, "")


def collect_nowhere(environ, start_response):
    """Another thread reads blocks and says so of each. Then tells what the collector was seen to do
    while its thread held what others wait for."""
    room = _denicorn_socket_ring.ring.room
    seen = []

    def look(phase, info):
        if room._lock._is_owned():
            seen.append(phase)

    send = start_response("200 OK", [("Content-Type", "text/plain")])
    before = gc.get_threshold()
    gc.callbacks.append(look)
    gc.set_threshold(1, 1, 1)
    try:

        def go():
            while environ["wsgi.input"].read(len(BLOCK)):
                send(b"read;")

        elsewhere(go)
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(look)
    return [b"%d %d" % (len(seen), gc.isenabled())]


def keep_still(environ, start_response):
    """An app that collects by itself, when it likes."""
    gc.disable()
    try:
        elsewhere(environ["wsgi.input"].read)
        return answer(start_response, gc.isenabled())
    finally:
        gc.enable()


def start_no_thread(environ, start_response):
    """The system has no more threads when a guest first needs one of the server's, and then has again."""
    ring = _denicorn_socket_ring
    start = ring.start_new_thread

    def refuse(*_arguments):
        raise RuntimeError("can't start new thread")

    send = start_response("200 OK", [("Content-Type", "text/plain")])
    ring.start_new_thread = refuse
    try:
        elsewhere(send, b"never")
    except RuntimeError as error:
        text = str(error).encode()
    finally:
        ring.start_new_thread = start
    elsewhere(send, text)
    readers = []
    while not readers:
        readers = [thread for thread in threading.enumerate() if thread.name == "denicorn-credits"]
    return [b", then %d" % len(readers)]


def in_loop(environ, start_response):
    """asyncio.run() as a view has it, reading in a thread of the loop's."""

    async def read():
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, digest, environ["wsgi.input"].read)

    return answer(start_response, asyncio.run(read()))


def in_map(environ, start_response):
    with ThreadPoolExecutor(4) as four:
        return answer(start_response, sum(four.map(lambda x: x * x, range(100))))


def read(environ, start_response):
    return answer(start_response, elsewhere(digest, environ["wsgi.input"].read))


def read_here(environ, start_response):
    return answer(start_response, digest(environ["wsgi.input"].read))


def read_broken(environ, start_response):
    try:
        elsewhere(digest, environ["wsgi.input"].read)
    except ConnectionError as error:
        failures.append(type(error).__name__)
        raise


def tell_failures(environ, start_response):
    return answer(start_response, " ".join(failures))


def application(environ, start_response):
    return globals()[environ["PATH_INFO"].strip("/")](environ, start_response)
