"""The worker's process: one errand a line on standard input, one answer a line on the pipe that was its standard output.

It lives as long as its input is open and holds a lock for that long: a new worker begins only when the old one, which may
still sit in a call, is gone.
"""

import importlib
import json
import os
import sys

from .lock import Lock, Locked
from .terminal import Failed, Terminal

ERRANDS = (
    "identity",
    "flags",
    "spec",
    "poll",
    "snapshot",
    "reconcile",
    "submit",
    "prepare_close",
    "change",
    "keep_exits",
    "check",
    "calc_margin",
    "calc_profit",
    "bars",
)


def main():
    """Runs until standard input ends. The first line says how to reach the terminal."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    # What the package or its libraries print must not get between the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    begin = json.loads(sys.stdin.buffer.readline())
    try:
        lock = Lock(begin["lock"])
    except Locked as error:
        _answer(answers, {"busy": str(error), "pid": error.pid})
        return 3
    with lock:
        terminal = Terminal(importlib.import_module("MetaTrader5"), begin["login"])
        _answer(answers, {"ready": os.getpid()})
        for line in sys.stdin.buffer:
            _answer(answers, _run(terminal, json.loads(line)))
    return 0


def _run(terminal, errand):
    name = errand.pop("do")
    number = errand.pop("id")
    if name not in ERRANDS:
        raise ValueError(f"no errand `{name}`")
    try:
        return {"id": number, "ok": getattr(terminal, name)(**errand)}
    except Failed as error:
        return {"id": number, "error": {"code": error.code, "text": str(error)}}
    except Exception as error:  # A reading that is none: the errand has failed, the worker has not.
        return {"id": number, "error": {"code": -1, "text": f"{name}: {type(error).__name__}: {error}"}}


def _answer(answers, answer):
    answers.write(json.dumps(answer, separators=(",", ":")).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
