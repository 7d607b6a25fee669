"""WebSockets in a WSGI app: a chat room, to which plain requests can speak as well.

    deno run -A mod.ts --chdir examples -w 1 -t 4 chat:app
    curl -d "Hello, all" http://127.0.0.1:8000/say

Threads share the room. Processes do not: with more than one it would take something like Redis.
"""

import threading
from urllib.parse import parse_qs

try:
    import denicorn
except ImportError:  # on another server: no WebSockets
    denicorn = None

PAGE = b"""<!doctype html>
<title>Chat</title>
<form><input autofocus autocomplete="off"></form>
<ul id="list"></ul>
<script>
  const input = document.querySelector("input");
  const socket = new WebSocket(location.href.replace(/^http/, "ws") + "chat?name=" +
    encodeURIComponent(prompt("Your name?") || "somebody"));
  socket.onmessage = ({ data }) => {
    list.prepend(Object.assign(document.createElement("li"), { textContent: data }));
  };
  document.querySelector("form").onsubmit = (event) => {
    event.preventDefault();
    socket.send(input.value);
    input.value = "";
  };
</script>
"""

room = set()
# Callbacks of different sockets run side by side.
lock = threading.Lock()


def tell(text):
    with lock:
        everybody = list(room)
    for ws in everybody:
        # A client that takes nothing is not waited for: it misses what does not fit.
        if ws.writable:
            ws.send(text)


def enter(ws):
    ws.name = parse_qs(ws.query_string).get("name", ["somebody"])[0]
    with lock:
        room.add(ws)
    tell("%s is here" % ws.name)


def leave(ws):
    with lock:
        room.discard(ws)
    tell("%s has left" % ws.name)


def say(ws, message):
    if isinstance(message, bytes):
        ws.close(1003, "text, please")
    else:
        tell("%s: %s" % (ws.name, message))


if denicorn is not None:
    denicorn.websocket("/chat", on_open=enter, on_message=say, on_close=leave)


def app(environ, start_response):
    if environ["PATH_INFO"] == "/say" and environ["REQUEST_METHOD"] == "POST":
        tell(environ["wsgi.input"].read().decode("utf-8", "replace"))
        start_response("204 No Content", [])
        return []
    if environ["PATH_INFO"] != "/":
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"Not found\n"]
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [PAGE]
