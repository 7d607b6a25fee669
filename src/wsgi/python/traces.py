"""Exceptions as text for the error log."""

import importlib
import traceback

# Frames that say nothing to the author of an app: ours, and those of the import machinery.
OURS = ("<denicorn/", "<frozen importlib", importlib.__file__)


def format_error(error):
    """The traceback as Python prints it, with its causes, without the frames of OURS."""
    try:
        report = traceback.TracebackException(type(error), error, error.__traceback__)
        strip(report, set())
        return "".join(report.format()).rstrip()
    except Exception:  # an exception whose __str__ fails
        return "%s (it cannot be shown)" % type(error).__name__


def strip(report, seen):
    """Takes the frames of OURS out of a report and of what caused it."""
    if report is None or id(report) in seen:
        return
    seen.add(id(report))
    kept = [frame for frame in report.stack if not frame.filename.startswith(OURS)]
    report.stack[:] = kept
    if not kept:
        # Without frames it would still say "most recent call last".
        report.stack = None
    strip(report.__cause__, seen)
    strip(report.__context__, seen)
    for one in getattr(report, "exceptions", None) or ():  # of an ExceptionGroup
        strip(one, seen)
