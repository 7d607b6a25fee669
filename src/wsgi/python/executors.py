"""Ends the executors of concurrent.futures, as a Python that ends does (threading._shutdown)."""

import queue
import sys
import threading

# How often is looked whether the time is over, seconds.
POLL_SECONDS = 0.05


def end_executors(is_over):
    """Without it the processes of a ProcessPoolExecutor stay for ever: each keeps its siblings' pipes open.
    `is_over()`: whether what is at work may take no longer."""
    threads = [
        # Each waits for its kind, and what is at work may take for ever.
        threading.Thread(target=function, daemon=True)
        for function in getattr(threading, "_threading_atexits", ())
    ]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive() and not is_over():
                thread.join(POLL_SECONDS)
    except RuntimeError:  # no thread can be started
        pass
    for manager in list(getattr(sys.modules.get("concurrent.futures.process"), "_threads_wakeups", ())):
        if manager.is_alive():
            dismiss(manager)


def dismiss(manager):
    """Has the processes end with what they are at: behind it nobody would be there to tell them."""
    # It takes the id of one that has ended for a result, and fails (CPython 3.11): nobody waits for it any more.
    manager._invoke_excepthook = lambda thread: None
    # A function of atexit waits for all that it knows of, and those behind it would never be called.
    children = getattr(sys.modules.get("multiprocessing.process"), "_children", set())
    children.difference_update(manager.processes.values())
    executor = manager.executor_reference()
    if executor is not None:
        executor.shutdown(wait=False, cancel_futures=True)
    calls = manager.call_queue
    try:
        while True:
            calls.get_nowait()
    except queue.Empty:
        pass
    try:
        for _ in list(manager.processes):
            calls.put_nowait(None)
    except (queue.Full, ValueError):  # closed: it has told them itself
        pass
