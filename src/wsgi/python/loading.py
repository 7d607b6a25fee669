"""Finds the WSGI callable that the setting `app` names."""

import ast
import importlib
import math
import os
import sys
import threading
from types import FunctionType

import _denicorn_main_thread as main_thread
from _denicorn_traces import format_error

DEFAULT_NAMES = ("application", "app")

# environ and start_response.
WSGI_ARGUMENTS = 2
# Of a function that takes *args: CO_VARARGS of the inspect module, which is slow to import.
TAKES_MORE = 0x04
# Names that are offered in place of one that is not there.
MAX_NAMED = 3

_lock = threading.Lock()
_loaded = {}


class LoadError(Exception):
    """The app cannot be loaded: `message` says why; `trace` is the app's own, or empty."""

    def __init__(self, message, trace=""):
        super().__init__(message)
        self.message = message
        self.trace = trace


def load(specifier):
    """Returns the callable. The first thread imports it, and calls a factory; the others share it."""
    with _lock:
        if specifier not in _loaded:
            # On the main thread, which is where modules expect to be imported.
            _loaded[specifier] = main_thread.call(_load, specifier)
        return _loaded[specifier]


def extend_path(entries):
    """Puts directories in front of sys.path, the first one first, unless they are there."""
    for entry in reversed(entries):
        entry = os.path.abspath(entry)
        if entry not in sys.path:
            sys.path.insert(0, entry)


def _load(specifier):
    module_name, _, expression = specifier.partition(":")
    names, arguments = _parse(specifier, expression) if expression else (None, None)
    module = _import(specifier, module_name)
    # As yimmo-wsgi does it: apps for it need not import it.
    getattr(module, "__dict__", {}).setdefault("yimmo", sys.modules["yimmo"])
    if names is None:
        names = [next((name for name in DEFAULT_NAMES if hasattr(module, name)), None)]
        if names == [None]:
            example = _loadable(module, module_name) or module_name + ":NAME"
            raise LoadError(
                "Cannot load the app %s: module %s has neither %s nor %s; name it, as in %s"
                % (specifier, module_name, *DEFAULT_NAMES, example)
            )
    app = module
    for name in names:
        if not hasattr(app, name):
            owner = "module " + module_name if app is module else repr(app)
            others = _loadable(module, module_name) if app is module else ""
            hint = "; did you mean %s?" % others if others else ""
            raise LoadError("Cannot load the app %s: %s has no %s%s" % (specifier, owner, name, hint))
        app = getattr(app, name)
    if arguments is not None:
        app = _call(specifier, app, *arguments)
    if not callable(app):
        kind = type(app).__name__
        raise LoadError(
            "Cannot load the app %s: it is no callable, but of type %s" % (specifier, kind)
        )
    least, most = _positional(app)
    if not least <= WSGI_ARGUMENTS <= most:
        factory = "" if arguments is not None else "; if it makes the app, write %s()" % specifier
        raise LoadError(
            "Cannot load the app %s: it does not take environ and start_response%s"
            % (specifier, factory)
        )
    return app


def _positional(value):
    """The least and most arguments it can be called with, where that is plain to see."""
    function, own = value, 0
    if type(value) is not FunctionType:
        # Not by getattr, which does not tell a function from a staticmethod's.
        kinds = [vars(kind) for kind in type(value).__mro__]
        function, own = next((kind["__call__"] for kind in kinds if "__call__" in kind), None), 1
        if type(function) is staticmethod:
            function, own = function.__func__, 0
    if type(function) is not FunctionType:
        return 0, math.inf
    code, defaults = function.__code__, function.__defaults__ or ()
    most = math.inf if code.co_flags & TAKES_MORE else code.co_argcount - own
    return code.co_argcount - own - len(defaults), most


def _loadable(module, module_name):
    """What somebody may have meant of a module: its apps, and what by its name makes one."""
    found = []
    # A module may have put any object in its place.
    for name, value in getattr(module, "__dict__", {}).items():
        least, most = _positional(value)
        if name.startswith("_") or most == math.inf:
            continue
        if least == WSGI_ARGUMENTS:
            found.append("%s:%s" % (module_name, name))
        elif least <= 0 and type(value) is FunctionType and "app" in name:
            found.append("%s:%s()" % (module_name, name))
    return " or ".join(found[:MAX_NAMED])


def _parse(specifier, expression):
    """`name.attr` or `name.attr("literal", k=1)`: the names, and args and kwargs or None."""
    problem = "Cannot load the app %s: %r is neither a name nor a call with literal arguments" % (
        specifier,
        expression,
    )
    try:
        node = ast.parse(expression, mode="eval").body
        arguments = None
        if isinstance(node, ast.Call):
            if any(keyword.arg is None for keyword in node.keywords):
                raise LoadError(problem)
            arguments = (
                [ast.literal_eval(argument) for argument in node.args],
                {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords},
            )
            node = node.func
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):  # as its documentation has it
        raise LoadError(problem) from None
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        raise LoadError(problem)
    names.append(node.id)
    return names[::-1], arguments


def _import(specifier, name):
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # The module that was named, or a package above it; not one that it imports itself.
        if error.name is None or not (name + ".").startswith(error.name + "."):
            raise _failed(specifier, "importing " + name) from None
        raise LoadError(
            "Cannot load the app %s: there is no module %s in %s; --chdir or --pythonpath say "
            "where to look" % (specifier, error.name, os.pathsep.join(filter(None, sys.path)))
        ) from None
    except BaseException:  # SystemExit too: a module that ends the process is a failure to load
        raise _failed(specifier, "importing " + name) from None


def _call(specifier, factory, args, kwargs):
    if not callable(factory):
        raise LoadError("Cannot load the app %s: the factory is no callable" % specifier)
    try:
        return factory(*args, **kwargs)
    except BaseException:
        raise _failed(specifier, "calling its factory") from None


def _failed(specifier, what):
    """The exception under way as a LoadError."""
    error = sys.exc_info()[1]
    trace = format_error(error)
    summary = trace.splitlines()[-1]
    if isinstance(error, ModuleNotFoundError):
        # As a rule it is installed, but for another Python.
        summary += " (for %s; $VIRTUAL_ENV or --python name another)" % sys.executable
    return LoadError("Cannot load the app %s: %s failed: %s" % (specifier, what, summary), trace)
