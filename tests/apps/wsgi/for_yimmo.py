"""An app as it is written for yimmo-wsgi: bytes and flags, one set of callbacks for all paths."""

import json

try:
    import yimmo
except ImportError:
    yimmo = None

seen = []


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/module":
        body = {name: getattr(yimmo, name) for name in dir(yimmo) if name.startswith("YMO_")}
        body["context"] = isinstance(start_response.__self__, yimmo.Context)
        body["methods"] = [
            hasattr(yimmo.Context, name) for name in "start_response read readline readlines write".split()
        ]
    elif path == "/body":
        body = [line.decode() for line in start_response.__self__]
    else:
        body, seen[:] = list(seen), []
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(body).encode()]


def on_open(ws):
    seen.append("open")
    ws.send(b"welcome", yimmo.YMO_WS_FLAG_FIN | yimmo.YMO_WS_OP_TEXT)


def on_message(ws, msg, flags):
    seen.append("%s %d %d" % (type(msg).__name__, len(msg), flags))
    if msg == b"refuse":
        return 71
    if msg == b"odd":
        return "odd"
    if msg == b"close":
        return ws.close()
    if msg == b"fragments":
        ws.send("één ".encode()[:1], yimmo.YMO_WS_OP_TEXT)
        ws.send("één ".encode()[1:], yimmo.YMO_WS_OP_CONTINUATION)
        ws.send(b"message", yimmo.YMO_WS_FLAG_FIN | yimmo.YMO_WS_OP_CONTINUATION)
        return 0
    if msg == b"errors":
        errors = []
        for arguments in (("\ud800", "1"), (1, 0x81), (b"\xff", 0x81), (b"", 0x80), (b"", 0x83)):
            try:
                ws.send(*arguments)
            except (TypeError, ValueError) as error:
                errors.append(type(error).__name__)
        ws.send(" ".join(errors).encode(), 0x81)
        return None
    # What it returns is what the callback returns: None.
    return ws.send(msg, flags)


def on_close(ws):
    seen.append("close")


if hasattr(yimmo, "WebSocket"):
    yimmo.init_websockets(on_open=on_open, on_message=on_message, on_close=on_close)
