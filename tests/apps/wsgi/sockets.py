"""WebSockets of denicorn's own kind, one for each path, and the requests that meddle with them."""

import gc
import json
import os
import sys
import threading
from urllib.parse import parse_qs

import denicorn

TEXT = [("Content-Type", "text/plain")]

gate = threading.Event()
audience = set()
log = []


@denicorn.websocket("/echo")
def echo(ws, message):
    ws.send(message)


def describe(ws):
    ws.send(
        json.dumps(
            [
                ws.path,
                ws.query_string,
                ws.headers["User-Agent"],
                ws.headers.get("X-None", "none"),
                "HOST" in ws.headers,
                ws.remote_addr,
                ws.subprotocol,
                ws.closed,
                ws.close_code,
                ws.environ["PATH_INFO"],
            ]
        )
    )


denicorn.websocket("/describe/*", on_open=describe, subprotocols=["chat", "other"])
denicorn.websocket("/describe/it/*", on_open=lambda ws: ws.send("the longer one"))


@denicorn.websocket("/kinds")
def kinds(ws, message):
    ws.send("%s %d" % (type(message).__name__, len(message)))


def joined(ws):
    audience.add(ws)


def left(ws):
    audience.discard(ws)
    log.append("%s %s" % (ws.close_code, ws.close_reason or ws.error))
    sys.stdout.write("left %s\n" % ws.close_code)  # one write, unlike print: threads leave at once


denicorn.websocket("/audience", on_open=joined, on_close=left)


class Order:
    """Sees whether the callbacks of a socket overlap, or come in another order than they should."""

    def __init__(self):
        self.busy = threading.Lock()
        self.expected = 0
        self.threads = set()


def order_open(ws):
    ws.order = Order()
    with ws.order.busy:
        threading.Event().wait(0.05)


def order_message(ws, message):
    if not ws.order.busy.acquire(blocking=False):
        return ws.close(4002, "side by side")
    with_gil_given_away = threading.Event()
    with_gil_given_away.wait(0.0001)
    ws.order.threads.add(threading.get_ident())
    if int(message) != ws.order.expected:
        ws.close(4003, "out of order")
    ws.order.expected += 1
    ws.order.busy.release()
    if message == "299":
        ws.send("in order")


def order_close(ws):
    log.append("order %d %s" % (ws.order.expected, ws.order.busy.locked()))


denicorn.websocket("/order", on_open=order_open, on_message=order_message, on_close=order_close)


@denicorn.websocket("/wait")
def wait(ws, message):
    gate.wait()
    ws.send("waited")


@denicorn.websocket("/slow")
def slow(ws, message):
    threading.Event().wait(float(message))
    ws.send("slept")


def leave_slowly(ws):
    threading.Event().wait(0.05)
    print("slowly left", flush=True)


denicorn.websocket("/slow-to-leave", on_open=lambda ws: ws.send("open"), on_close=leave_slowly)


@denicorn.websocket("/hang")
def hang(ws, message):
    threading.Event().wait()


@denicorn.websocket("/fail/*")
def fail(ws, message):
    if message == "exit":
        sys.exit(5)
    raise RuntimeError(message)


@denicorn.websocket("/fail-cleared")
def fail_cleared(ws, message):
    ws.environ.clear()
    raise RuntimeError("bad name \udcff")


def fail_open(ws):
    raise RuntimeError("in on_open")


def fail_close(ws):
    log.append("fail_close")
    raise RuntimeError("in on_close")


denicorn.websocket("/fail-open", on_open=fail_open, on_close=fail_close)


@denicorn.websocket("/close")
def close(ws, message):
    code, _, reason = message.partition(" ")
    try:
        ws.close(int(code), reason)
        ws.send("nobody gets this")
    except ValueError as error:
        ws.send(str(error))


class Cycle:
    """Garbage whose finalizer speaks, in the midst of whatever the collector comes across."""

    def __init__(self, ws):
        self.cycle, self.ws = self, ws

    def __del__(self):
        try:
            self.ws.send("")
        except RuntimeError:
            pass  # it says why


def storm(number):
    """Sends messages of all lengths, each of one character."""
    for size in (1, 100, 5_000, 70_000, 300_000) * 3:
        for ws in list(audience):
            ws.send(bytes([number]) * size)
            ws.send(chr(0xC0 + number) * size)
            ws.send(chr(0x40 + number) * size)
            Cycle(ws)


def in_a_fork(use):
    """What comes of it there."""
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            use()
            os.write(there, b"nothing")
        except RuntimeError as error:
            os.write(there, str(error).encode())
        finally:
            os._exit(0)
    os.close(there)
    os.waitpid(child, 0)
    with open(here) as file:
        return file.read()


def application(environ, start_response):
    path = environ["PATH_INFO"]
    query = parse_qs(environ["QUERY_STRING"])
    body = "ok"
    if path == "/say":
        for ws in list(audience):
            ws.send(query["text"][0])
    elif path == "/say-from-a-thread":
        thread = threading.Thread(target=lambda: [ws.send("from a thread") for ws in list(audience)])
        thread.start()
        thread.join()
    elif path == "/flood":
        # Until the one who does not read is given up.
        (ws,) = audience
        data = bytes(int(query["size"][0]))
        sent = 0
        while not ws.closed and sent < int(query["total"][0]):
            ws.send(data)
            sent += len(data)
        body = "%d %s" % (sent, ws.closed)
    elif path == "/storm":
        threads = [threading.Thread(target=storm, args=(number,)) for number in range(1, 7)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for ws in list(audience):
            ws.send("calm")
    elif path == "/fork":
        (ws,) = audience
        body = in_a_fork(lambda: ws.send("from a fork")) + "; " + in_a_fork(ws.close)
        ws.send("from its parent")
    elif path == "/offer":
        (ws,) = audience
        sent = 0
        while ws.writable:
            ws.send(bytes(65536))
            sent += 65536
        body = str(sent)
    elif path == "/open-gate":
        gate.set()
    elif path == "/audience":
        body = str(len(audience))
    elif path == "/log":
        body, log[:] = json.dumps(log), []
    elif path == "/alive":
        gc.collect()
        body = str(sum(isinstance(it, denicorn.WebSocket) for it in gc.get_objects()))
    elif path != "/hello":
        start_response("404 Not Found", TEXT)
        return [b"no such path"]
    start_response("200 OK", TEXT)
    return [body.encode()]
