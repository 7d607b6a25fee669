"""Calls the app for one exchange after another. One gateway for each thread that runs the app.

The thread's loop, in JS, calls begin() with the head and the body of an exchange and sends what it
returns. Where more follows it calls more() until there is no more, and then finish(). Called back, in
the midst of the app's own calls, are only write(), reading a streamed body, and wsgi.errors. For what
asks for a WebSocket it calls upgrade() in place of begin(), and run() for what happens to one.
"""

import json
import os
import sys
from threading import current_thread, get_ident

# The files beside this one, which are run before it under these names.
import _denicorn_main_thread as main_thread
import _denicorn_socket_calls as socket_calls
import _denicorn_socket_ring as socket_ring
from _denicorn_context import NOTHING, UPGRADE, Context
from _denicorn_environ import create_reader
from _denicorn_guest_queues import GuestQueues
from _denicorn_loading import LoadError, load
from _denicorn_own_threads import register_caller
from _denicorn_signals import set_logger
from _denicorn_stacks import register
from _denicorn_response import Numbers
from _denicorn_traces import format_error
from _denicorn_streams import ClientDisconnected, Errors, FileWrapper, Input
from denicorn import WebSocket


class Gateway:
    """`send(message)` sends at once, false when the client is gone; `receive(None)` waits for more of a
    streamed body, None when it breaks off; `log(level, message)` works in any thread."""

    def __init__(self, settings, send, receive, log, guests):
        self.app = load(settings["app"])
        self.send = send
        # The same for other threads than the one that runs the app.
        self.guests = guests
        # The exchange that runs, until nothing is left to do of it.
        self.context = None
        self.log = log
        self._receive = receive
        self._errors = Errors(self.log)
        self._numbers = Numbers()
        self.number = self._numbers.get
        self._read = create_reader(
            {
                "wsgi.version": (1, 0),
                "wsgi.multithread": settings["multithread"],
                "wsgi.multiprocess": settings["multiprocess"],
                "wsgi.run_once": False,
                "wsgi.errors": self._errors,
                "wsgi.file_wrapper": FileWrapper,
                "wsgi.input_terminated": True,
                "SERVER_SOFTWARE": settings["software"],
                "SCRIPT_NAME": settings["script_name"],
            },
            settings["script_name"],
            lambda: Input(receive, guests),
        )

    def begin(self, head, body):
        """Returns what is to be sent (see context.py), None for a 500, False to cut the connection."""
        context = None
        try:
            environ, method, target = self._read(head, body)
            context = self.context = Context(self, environ, method, target)
            message = context.answer(self.app(environ, context.start_response))
            if self._errors.rests and self.context is None:
                self._errors.end()
            if self.guests.owner is None:
                main_thread.end_fork(None)
            return message
        except BaseException as error:  # SystemExit and KeyboardInterrupt too: the thread goes on
            self._end_fork(error)
            if context is None:
                self.log("error", "cannot make an environ: " + format_error(error))
                return None
            return self._failed(context, error)

    def upgrade(self, head, body, id):
        """begin() for a request that asks for a WebSocket."""
        try:
            socket = socket_calls.accept(id, self._read(head, body)[0], head)
        except BaseException as error:
            self.log("error", "cannot make a WebSocket: " + format_error(error))
            return None
        if socket is None:
            return self.begin(head, body)
        return (UPGRADE, socket.subprotocol, b"", NOTHING)

    def run(self, events, body, id):
        """Calls an app for what happened to one of its WebSockets."""
        if body is True:
            body = Input(self._receive, self.guests).read()
        try:
            socket_calls.run(id, events, body or b"", self.log)
        finally:
            self._end_fork()
            self._errors.end()

    def more(self):
        """Returns more of the body, None at its end, False to cut the connection."""
        context = self.context
        try:
            data = context.more()
            self._end_fork()
            return data
        except BaseException as error:
            self._end_fork(error)
            return self._failed(context, error)

    def finish(self):
        """The response is sent, or nobody waits for it any more."""
        context = self.context
        if context is None:  # it failed, and is finished already
            return
        try:
            context.finish()
            self._end_fork()
        except BaseException as error:
            self._end_fork(error)
            self._report(context, error, "after its response was sent")
        finally:
            self.context = None
            if self._errors.rests:
                self._errors.end()

    def _end_fork(self, error=None):
        """Ends a process that the app has forked where its call ends: what called it is JS, of which a fork
        has no more than this thread."""
        if self.guests.owner is None:
            main_thread.end_fork(error)

    def numbered(self, head):
        number = self.number(head)
        if number is None:
            return (self._numbers.add(head), head)
        return (number, None)

    def _failed(self, context, error):
        """The answer where the app failed: None where it can still be a 500."""
        try:
            self._report(context, error, "while its response was sent" if context.sent else "")
        finally:
            context.left = None
            context.iterator = None
            self.finish()
        return False if context.sent else None

    def _report(self, context, error, when):
        what = "%s failed%s" % (context.name, when and " " + when)
        if isinstance(error, ClientDisconnected):
            self.log("info", "%s: %s" % (what, error))
            return
        self.log("error", "%s: %s" % (what, format_error(error)))


def create(settings, send, receive, log, wake, *memory):
    """`memory`: of the thread's queues, for guest_queues.py. Returns (gateway, None, None), or (None,
    message, trace) where the app cannot be loaded."""
    socket_ring.ring.set_waker(wake)
    settings = json.loads(settings)
    register(settings["thread"])
    register_caller()
    WebSocket._patience = settings["patience"]
    guests = GuestQueues(memory, settings["levels"])
    os.register_at_fork(after_in_child=guests.forked)

    def log_anywhere(level, message):
        if get_ident() == guests.owner:
            log(level + "\n" + message)
        elif not guests.log(level, message):
            sys.stderr.write(message + "\n")

    set_logger(lambda message: log_anywhere("warning", message))
    try:
        gateway = Gateway(settings, send, receive, log_anywhere, guests)
    except LoadError as error:
        return (None, error.message, error.trace)
    # Behind the import: where threading knows of several threads, gevent's monkey.patch_all() fails.
    thread = current_thread()
    thread.name = "denicorn-%d" % settings["thread"]
    # As any thread that Python itself has started: those that a request starts take it from here, and a
    # daemon would be waited for by nobody.
    thread._daemonic = False
    return (gateway, None, None)
