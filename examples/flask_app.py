"""A Flask app: sessions, an upload, a streamed response, an error.

    deno run -A mod.ts --chdir examples flask_app:app
"""

import hashlib
import os

from flask import Flask, Response, redirect, request, session, stream_with_context, url_for

app = Flask(__name__)
# Every process has to sign with the same key: set it in production.
app.secret_key = os.environ.get("SECRET_KEY", "only for trying it out")


@app.get("/")
def index():
    name = session.get("name")
    return f"Hello, {name}!\n" if name else "Hello! POST /login with name=...\n"


@app.post("/login")
def login():
    session["name"] = request.form["name"]
    return redirect(url_for("index"))


@app.post("/logout")
def logout():
    session.clear()
    return redirect(url_for("index"))


@app.post("/upload")
def upload():
    """Reads a file of any size: it streams in while it is read."""
    file = request.files["file"]
    digest, size = hashlib.sha256(), 0
    while block := file.stream.read(65536):
        digest.update(block)
        size += len(block)
    return {"name": file.filename, "bytes": size, "sha256": digest.hexdigest()}


@app.get("/count/<int:to>")
def count(to):
    """Each line goes out when it is yielded."""

    @stream_with_context
    def lines():
        for number in range(1, to + 1):
            yield f"{number} of {to} from {request.path}\n"

    return Response(lines(), mimetype="text/plain")


@app.get("/fail")
def fail():
    return str(1 // 0)


@app.errorhandler(404)
def not_found(_):
    return {"error": f"no page {request.path}"}, 404
