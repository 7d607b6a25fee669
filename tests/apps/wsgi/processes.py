"""What an app may do with its process: look at it, fork, set signal handlers, want to be told of its end."""

import atexit
import concurrent.futures
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

if __name__ == "processes" and multiprocessing.parent_process() is None:
    signal.signal(signal.SIGTERM, lambda *_: print("the app's handler was called"))
    atexit.register(lambda: print("the app was told of its end"))


def answer(start_response, value):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(value).encode()]


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return "%03o" % mask


def square(number):
    # In a process of its own the app may set handlers as it likes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return number * number


class Executors(dict):
    def __missing__(self, method):
        context = multiprocessing.get_context(method)
        self[method] = concurrent.futures.ProcessPoolExecutor(2, context)
        return self[method]


executors = Executors()


def wait_for(file):
    while not os.path.exists(file):
        time.sleep(0.01)


def fork(end, start_response):
    """Answers with how a process ended that went on where this one does."""
    if end == "yield":
        start_response("200 OK", [("Content-Type", "application/json")])
        return yield_status()
    child = os.fork()
    if child == 0 and end == "exit":
        sys.exit(7)
    if child == 0 and end == "text":
        sys.exit("why the fork ends")
    if child == 0 and end == "raise":
        raise ValueError("raised in the fork")
    return answer(start_response, 0 if child == 0 else status_of(child))


def yield_status():
    yield b" "
    child = os.fork()
    yield b"0" if child == 0 else b"%d" % status_of(child)


def status_of(child):
    return os.waitpid(child, 0)[1]


def application(environ, start_response):
    path = environ["PATH_INFO"]
    main = sys.modules["__main__"]
    if path == "/surroundings":
        return answer(start_response, {
            "argv": sys.argv,
            "executable": sys.executable,
            "prefix": sys.prefix,
            "main": main.__name__,
            # python-dotenv asks for it, and takes a process without it for somebody's prompt.
            "file": hasattr(main, "__file__"),
            "thread": threading.current_thread().name,
            "main_thread": threading.current_thread() is threading.main_thread(),
            "environ": {key: os.environ.get(key) for key in ("FROM_OUTSIDE", "FROM_CONFIG", "SERVER_SOFTWARE")},
            "control": [key for key in os.environ if key.startswith("DENICORN_CONTROL")],
            "encoding": [sys.getfilesystemencoding(), sys.stdout.encoding],
            "umask": umask(),
        })
    if path == "/multiprocessing":
        method = environ["QUERY_STRING"]
        with multiprocessing.get_context(method).Pool(2) as pool:
            return answer(start_response, pool.map(square, [1, 2, 3]))
    if path == "/exit-codes":
        threading.current_thread()  # as logging asks for it
        processes = [multiprocessing.get_context("fork").Process(target=sys.exit, args=(it,)) for it in (0, 9)]
        for process in processes:
            process.start()
            process.join()
        return answer(start_response, [it.exitcode for it in processes])
    if path == "/executor":
        # It lives on, as one that was made by an import does.
        executor = executors[environ["QUERY_STRING"]]
        return answer(start_response, executor.submit(os.getpid).result())
    if path == "/job":
        # More than its processes begin at once.
        jobs = [executors["fork"].submit(wait_for, environ["QUERY_STRING"]) for _ in range(8)]
        while not any(job.running() for job in jobs):
            pass
        return answer(start_response, list(executors["fork"]._processes))
    if path == "/endless":
        start_response("200 OK", [])
        return iter(lambda: time.sleep(0.01) or b"more", b"")
    if path == "/exit":
        os._exit(int(environ["QUERY_STRING"]))
    if path == "/fork":
        return fork(environ["QUERY_STRING"], start_response)
    if path == "/subprocess":
        done = subprocess.run([sys.executable, "-c", "print(6 * 7)"], stdout=subprocess.PIPE)
        return answer(start_response, [done.returncode, done.stdout.decode().strip()])
    if path == "/numpy":
        import numpy
        return answer(start_response, [float(x) for x in numpy.linalg.solve([[3, 1], [1, 2]], [9, 8])])
    if path == "/extensions":
        import _json, _ssl, sqlite3, ssl, zlib
        database = sqlite3.connect(":memory:")
        (version,) = database.execute("select sqlite_version()").fetchone()
        return answer(start_response, [
            json.encoder.c_make_encoder is not None,
            bool(ssl.create_default_context()),
            bool(version),
            zlib.decompress(zlib.compress(b"x")).decode(),
        ])
    if path == "/print":
        print("printed, not flushed")
        print("café ☃")
        return answer(start_response, None)
    if path == "/background":
        done = threading.Event()
        results = []

        def work():
            results.append(len(environ["wsgi.input"].read()))
            print("in the background", file=environ["wsgi.errors"])
            done.set()

        threading.Thread(target=work).start()
        done.wait(20)
        return answer(start_response, results)
    if path == "/asyncio":
        import asyncio
        return answer(start_response, asyncio.run(asyncio.sleep(0.01, "slept")))
    start_response("404 Not Found", [])
    return []
