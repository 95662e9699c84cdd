"""Frames of the wire protocol: one line of JSON each, an envelope with a body.

`docs/mt5-protocol.md` is the protocol's text. A field that is not known is passed over, a type that is not known is
refused.
"""

import json

from . import decimals

VERSION = 1
FRAME_MAX = 64 * 1024
#: How deep objects and arrays of a frame may lie in each other.
DEPTH_MAX = 16
#: How many entries one of them may have.
ITEMS_MAX = 4096
CID_MAX = 64


class FrameError(Exception):
    """No frame of this protocol."""


def encode(envelope):
    """An envelope as one line."""
    line = json.dumps(envelope, separators=(",", ":"), allow_nan=False).encode() + b"\n"
    if len(line) > FRAME_MAX:
        raise FrameError(f"a frame of {len(line)} bytes is longer than {FRAME_MAX}")
    return line


def decode(line):
    """What the engine's line says: the envelope, with `body` read into Python's types.

    Ids become `int`, decimals `Decimal`. Absent optional fields are `None`.
    """
    if len(line) > FRAME_MAX:
        raise FrameError(f"a frame of more than {FRAME_MAX} bytes")
    try:
        read = json.loads(line.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_doubles)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"not one line of JSON: {error}") from None
    if not isinstance(read, dict):
        raise FrameError("not an object")
    if _depth(read) > DEPTH_MAX:
        raise FrameError(f"nested more than {DEPTH_MAX} deep, or with more than {ITEMS_MAX} entries in one place")
    try:
        if _uint32(read.get("v")) != VERSION:
            raise FrameError(f"version {read['v']} instead of {VERSION}")
        envelope = {
            "type": _text(read.get("type")),
            "session": _session(read.get("session", "")),
            "seq": _uint64(read.get("seq")),
            "ack": _uint64(read.get("ack")),
            "cid": None if read.get("cid") is None else _cid(read["cid"]),
            "ts_utc": _int64(read.get("ts_utc")),
        }
    except ValueError as error:
        raise FrameError(f"the envelope: {error}") from None
    fields = BODIES.get(envelope["type"])
    if fields is None:
        raise FrameError(f"a message of type `{envelope['type'][:40]}`, which is not known")
    envelope["body"] = _object(fields)(read.get("body"), envelope["type"])
    return envelope


class Lines:
    """Cuts what arrives into lines; what is longer than a frame may be is refused before it has arrived."""

    def __init__(self):
        self._rest = bytearray()

    def take_in(self, data):
        """The lines that are whole now, without their ends."""
        self._rest += data
        lines = []
        while (end := self._rest.find(b"\n")) >= 0:
            if end + 1 > FRAME_MAX:
                raise FrameError(f"a frame of more than {FRAME_MAX} bytes")
            lines.append(bytes(self._rest[:end]))
            del self._rest[: end + 1]
        if len(self._rest) >= FRAME_MAX:
            raise FrameError(f"a frame of more than {FRAME_MAX} bytes")
        return lines


def _depth(value):
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if parts is not None and len(parts) > ITEMS_MAX:
        return DEPTH_MAX + 1
    return 0 if parts is None else 1 + max(map(_depth, parts), default=0)


def _no_constant(text):
    raise ValueError(f"{text} is no number")


def _no_doubles(pairs):
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("a field is there twice")
    return read


def _whole(least, most):
    def read(value, name="number"):
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"`{name}` is {_shown(value)}, not a whole number from {least} to {most}")
        return value

    return read


_uint32 = _whole(0, 2**32 - 1)
_uint64 = _whole(0, 2**64 - 1)
_int64 = _whole(-(2**63), 2**63 - 1)


def _text(value, name="text"):
    if not isinstance(value, str):
        raise ValueError(f"`{name}` is {_shown(value)}, not a text")
    return value


def _truth(value, name):
    if not isinstance(value, bool):
        raise ValueError(f"`{name}` is {_shown(value)}, neither true nor false")
    return value


def _decimal(value, name):
    try:
        return decimals.parse(value)
    except ValueError as error:
        raise ValueError(f"`{name}`: {error}") from None


def _id(value, name):
    try:
        return decimals.parse_id(value)
    except ValueError as error:
        raise ValueError(f"`{name}`: {error}") from None


def _one_of(*words):
    def read(value, name):
        if value not in words:
            raise ValueError(f"`{name}` is {_shown(value)}, not one of {', '.join(words)}")
        return value

    return read


def _hex(digits):
    def read(value, name):
        text = _text(value, name)
        if len(text) != digits or any(letter not in "0123456789abcdef" for letter in text):
            raise ValueError(f"`{name}` is not {digits} lower-case hexadecimal digits")
        return text

    return read


def _session(value):
    return value if value == "" else _hex(32)(value, "session")


def _cid(value):
    if len(_text(value, "cid").encode()) > CID_MAX:
        raise ValueError(f"`cid` is longer than {CID_MAX} bytes")
    return value


def _list(item):
    def read(value, name):
        if not isinstance(value, list):
            raise ValueError(f"`{name}` is {_shown(value)}, not a list")
        return [item(entry, name) for entry in value]

    return read


class _Optional:
    def __init__(self, read):
        self.read = read


def _object(fields):
    def read(value, name):
        if not isinstance(value, dict):
            raise FrameError(f"`{name}` is {_shown(value)}, not an object")
        body = {}
        for field, reader in fields.items():
            optional = isinstance(reader, _Optional)
            if optional and value.get(field) is None:
                body[field] = None
                continue
            if field not in value:
                raise FrameError(f"`{name}` lacks `{field}`")
            try:
                body[field] = (reader.read if optional else reader)(value[field], field)
            except ValueError as error:
                raise FrameError(f"{name}: {error}") from None
        return body

    return read


def _shown(value):
    return json.dumps(value, default=str)[:40]


_side = _one_of("buy", "sell")
_SUBMIT = {
    "magic": _id,
    "epoch": _uint64,
    "symbol": _text,
    "side": _side,
    "volume": _decimal,
    "intent": _one_of("open", "close"),
    "price": _decimal,
    "deviation": _uint32,
    "sl": _decimal,
    "tp": _decimal,
    "filling": _one_of("fok", "ioc", "return"),
    "comment": _text,
    "position": _Optional(_id),
    "closes": _Optional(_id),
    "guard": _Optional(_object({"stop": _decimal, "target": _decimal, "hold_seconds": _uint32})),
    "not_after_server": _int64,
}

#: What the engine says, and the fields of each message.
BODIES = {
    "challenge": {"nonce": _hex(64), "versions": _list(_uint32), "engine": _text},
    "auth": {
        "session": _hex(32),
        "epoch": _uint64,
        "armed": _truth,
        "heartbeat_ms": _uint32,
        "lost_after_ms": _uint32,
        "window": _uint32,
        "deadman": _one_of("enforce", "flatten"),
        "caps": _object(
            {
                "symbols": _list(_text),
                "order_lots": _decimal,
                "position_lots": _decimal,
                "orders_per_minute": _uint32,
            }
        ),
        "proof": _text,
    },
    "refuse": {
        "reason": _one_of("version", "proof", "account", "busy", "epoch", "protocol", "terminal"),
        "text": _text,
    },
    "heartbeat": {"state": _text, "echo_utc": _Optional(_int64)},
    "bye": {"text": _text},
    "subscribe": {"symbols": _list(_text), "ticks": _truth},
    "bars_req": {
        "symbol": _text,
        "seconds": _uint32,
        "from_server": _Optional(_int64),
        "to_server": _Optional(_int64),
        "count": _Optional(_uint32),
    },
    "order_submit": _SUBMIT,
    "order_check": _SUBMIT,
    "order_modify": {"order": _id, "price": _decimal, "sl": _decimal, "tp": _decimal},
    "order_cancel": {"order": _id, "magic": _id},
    "position_sltp": {"symbol": _text, "position": _id, "sl": _decimal, "tp": _decimal},
    "close_by": {"magic": _id, "epoch": _uint64, "position": _id, "position_by": _id},
    "calc_margin": {"symbol": _text, "side": _side, "volume": _decimal, "price": _decimal},
    "calc_profit": {"symbol": _text, "side": _side, "volume": _decimal, "open": _decimal, "close": _decimal},
    "reconcile_req": {"deals_since_server": _int64, "orders": _list(_id)},
}
