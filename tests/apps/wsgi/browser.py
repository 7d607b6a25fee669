"""What the page ../browser.html asks for."""

import time
from pathlib import Path

import denicorn

PAGE = (Path(__file__).parent.parent / "browser.html").read_bytes()

found = b""


@denicorn.websocket("/echo", subprotocols=["chat"])
def echo(socket, message):
    socket.send(message)


def events():
    for number in range(1000):
        time.sleep(0.02)
        yield f"data: {number}\n\n".encode()


def application(environ, start_response):
    global found

    def answer(body, kind="text/plain"):
        start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    request = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
    if request == "GET /":
        return answer(PAGE, "text/html")
    if request == "GET /text":
        return answer(b"text")
    if request == "GET /number":
        return answer(environ["QUERY_STRING"].encode())
    if request == "POST /length":
        return answer(str(len(environ["wsgi.input"].read())).encode())
    if request == "GET /large":
        return answer(bytes(5_000_000))
    if request == "GET /events":
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return events()
    if request == "POST /found":
        found = environ["wsgi.input"].read()
        return answer(b"")
    if request == "GET /found":
        return answer(found)
    start_response("404 Not Found", [("Content-Length", "0")])
    return []
