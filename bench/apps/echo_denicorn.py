"""WebSocket echo, and hello, as a WSGI app of denicorn."""

import denicorn


@denicorn.websocket("*")
def echo(ws, message):
    ws.send(message)


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "14")])
    return [b"Hello, world!\n"]
