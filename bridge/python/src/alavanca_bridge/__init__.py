"""The sidecar: it joins Alavanca's engine to a MetaTrader 5 terminal over the official Python package.

Two processes. *net* (`net.py`, `bridge.py`) speaks with the engine and keeps the journal; *worker* (`worker.py`,
`terminal.py`) is the only one that calls MetaTrader5, since a terminal that hangs freezes every thread of its caller.
"""

__version__ = "0.1.0"
