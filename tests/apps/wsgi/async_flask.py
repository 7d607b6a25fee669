"""Async views of Flask: asgiref runs them on an event loop in another thread."""

from flask import Flask, request

app = Flask(__name__)


@app.post("/upload")
async def upload():
    return str(len(request.get_data()))
