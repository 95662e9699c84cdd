"""Named points at which a test lets the bridge die as if by `kill -9`. Off unless `ALAVANCA_BRIDGE_CRASH_AT` is set.

`ALAVANCA_BRIDGE_CRASH_AT=order:before_sending` dies at that point's first passing, `order:before_sending#3` at its third;
several are joined by commas. With `ALAVANCA_BRIDGE_CRASH_ONCE=FILE` each dies once only: FILE notes which have.
"""

import os
import signal

#: Every point, in the order in which an order passes them.
POINTS = (
    "session:before_epoch",
    "session:after_epoch",
    "order:before_journal",
    "order:after_journal",
    "order:after_accepted",
    "order:before_sending",
    "order:after_sending",
    "worker:before_order_send",
    "worker:after_order_send",
    "order:before_answered",
    "order:after_answered",
    "order:after_result",
    "deadman:before_journal",
    "deadman:after_journal",
    "deadman:before_answered",
    "deadman:after_answered",
)

_passed = {}


def point(name):
    """Dies here if a test said so."""
    wanted = os.environ.get("ALAVANCA_BRIDGE_CRASH_AT")
    if not wanted:
        return
    _passed[name] = _passed.get(name, 0) + 1
    for entry in wanted.split(","):
        at, _, times = entry.partition("#")
        if at == name and _passed[name] == int(times or 1) and _not_yet(entry):
            _die()


def _not_yet(entry):
    noted = os.environ.get("ALAVANCA_BRIDGE_CRASH_ONCE")
    if not noted:
        return True
    try:
        with open(noted, encoding="utf-8") as file:
            if entry in file.read().split():
                return False
    except FileNotFoundError:
        pass
    with open(noted, "a", encoding="utf-8") as file:
        file.write(entry + "\n")
    return True


def _die():
    if hasattr(signal, "SIGKILL"):
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(137)
