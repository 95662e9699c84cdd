"""The log: what happened, never a secret, a password, a nonce or a proof."""

import logging
import logging.handlers
import sys
import time

FILE_BYTES = 5_000_000
FILES = 5


def begin(path, level):
    """Writes to a file that is turned over at 5 MB, five of them at most, and to standard error."""
    root = logging.getLogger("alavanca_bridge")
    root.setLevel(level.upper())
    form = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    form.converter = time.gmtime
    handlers = [logging.StreamHandler(sys.stderr)]
    if path:
        handlers.append(logging.handlers.RotatingFileHandler(path, maxBytes=FILE_BYTES, backupCount=FILES, encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(form)
        root.addHandler(handler)
    return root
