"""An app made for gevent, which makes greenlets of threads."""

from gevent import monkey

monkey.patch_all()

import atexit
import threading
import time

begun = time.monotonic()
atexit.register(lambda: print("the app was told of its end"))
inside = []


def deliver():
    time.sleep(0.3)
    print("the mail is delivered")


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/both":
        # Each of two threads runs a greenlet that never ends.
        threading.Thread(target=time.sleep, args=(600,), name="an endless one").start()
        inside.append(path)
        while len(inside) < 2:
            time.sleep(0.01)
    elif path == "/mail":
        threading.Thread(target=deliver).start()
    start_response("200 OK", [])
    return [b"%f" % (time.monotonic() - begun)]
