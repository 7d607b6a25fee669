"""What a program does when it is imported, where it takes its thread for the main one."""

import asyncio
import functools
import json
import os
import re
import signal
import sys
import threading
import time

if sys.version_info < (3, 14):
    loop = asyncio.get_event_loop()
    loop.run_until_complete(asyncio.sleep(0))

imported_by = threading.current_thread()
# gevent's monkey.patch_all() fails where there are more.
known = len(threading.enumerate())
handled = []


def handle(number, frame):
    handled.append([signal.Signals(number).name, threading.current_thread() is imported_by])
    if number == signal.SIGVTALRM:
        raise TimeoutError("raised by a handler")


for number in (signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF):
    signal.signal(number, handle)

# So many that their frames, one upon the other, are larger than a thread's signal stack.
for number in range(signal.SIGRTMIN + 1, signal.SIGRTMIN + 21):
    signal.signal(number, lambda *_: None)


def recurse(depth=0):
    return recurse(depth + 1)


def nest(depth=0):
    """Through C, too."""
    return functools.reduce(lambda x, _: nest(depth + 1), [0, 0])


for function in (recurse, nest):
    try:
        function()
    except RecursionError:
        pass

signal.setitimer(signal.ITIMER_REAL, 0.01)
while not handled:
    time.sleep(0.01)


def application(environ, start_response):
    path = environ["PATH_INFO"]
    result = None
    if path == "/imported":
        result = [
            imported_by is threading.main_thread(),
            imported_by is threading.current_thread(),
            imported_by.name,
            known,
            handled[:1],
        ]
    elif path == "/set":
        try:
            signal.signal(signal.SIGALRM, handle)
        except ValueError as error:
            result = str(error)
    elif path == "/raise":
        del handled[:]
        for number in range(signal.SIGRTMIN + 1, signal.SIGRTMIN + 21):
            os.kill(os.getpid(), number)
        for number in (signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF):
            os.kill(os.getpid(), number)
    elif path == "/handled":
        result = sorted(handled)
    elif path == "/profile":
        del handled[:]
        signal.setitimer(signal.ITIMER_PROF, 0.002, 0.002)
    elif path == "/work":
        result = sum(len(re.sub("a", "b", "a" * 100)) for _ in range(1000))
    elif path == "/fork":
        # Its own signals are a forked process's own.
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGALRM, lambda *_: os._exit(7))
            signal.alarm(1)
            time.sleep(20)
            os._exit(1)
        result = os.waitpid(pid, 0)[1] >> 8
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(result).encode()]
