"""Holds frames against the protocol's schema, `docs/mt5-protocol.schema.json`: as much of JSON Schema as it uses."""

import functools
import json
import pathlib
import re

SCHEMA = pathlib.Path(__file__).resolve().parents[3] / "docs" / "mt5-protocol.schema.json"

_KINDS = {
    "object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float),
    "null": type(None),
}  # fmt: skip


@functools.cache
def _whole():
    return json.loads(SCHEMA.read_text(encoding="utf-8"))


def check(frame):
    """Why a frame of the bridge's is none, or `None`."""
    envelope, messages = _of_bridge()
    if frame.get("type") not in messages:
        return f"no message of type {frame.get('type')}"
    wrong = _wrong(frame, envelope, "") or _wrong(frame, messages[frame["type"]], "")
    return wrong or _nulls(frame, "")


@functools.cache
def _of_bridge():
    """The envelope without its message, and the messages by type."""
    for found in _whole()["$defs"].values():
        messages = {choice["properties"]["type"]["const"]: choice for choice in found.get("oneOf", ()) if "properties" in choice}
        if "hello" in messages:
            return {name: part for name, part in found.items() if name != "oneOf"}, messages
    raise AssertionError("no envelope of the bridge's in the schema")


def _nulls(value, where):
    """What is absent is left out, never null."""
    if value is None:
        return f"{where}: null"
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return next((wrong for name, part in parts if (wrong := _nulls(part, f"{where}/{name}"))), None)


def _wrong(value, schema, where):
    """What does not fit, or `None`."""
    if schema is True:
        return None
    if "$ref" in schema:
        wrong = _wrong(value, _whole()["$defs"][schema["$ref"].rsplit("/", 1)[1]], where)
        if wrong:
            return wrong
    kinds = schema.get("type")
    if kinds is not None:
        kinds = kinds if isinstance(kinds, list) else [kinds]
        if not any(_is(value, kind) for kind in kinds):
            return f"{where}: {value!r} is no {kinds}"
    if "const" in schema and value != schema["const"]:
        return f"{where}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{where}: {value!r} is not one of {schema['enum']}"
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        return f"{where}: {value!r} does not fit {schema['pattern']}"
    if isinstance(value, int) and not isinstance(value, bool):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            return f"{where}: {value} is out of range"
        bits = {"uint32": (0, 2**32), "uint64": (0, 2**64), "int64": (-(2**63), 2**63), "uint8": (0, 256)}
        least, most = bits.get(schema.get("format"), (value, value + 1))
        if not least <= value < most:
            return f"{where}: {value} is no {schema['format']}"
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            return f"{where}: {len(value)} items"
        items = schema.get("prefixItems") or [schema.get("items", True)] * len(value)
        for number, (one, item) in enumerate(zip(value, items)):
            wrong = _wrong(one, item, f"{where}/{number}")
            if wrong:
                return wrong
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                return f"{where}: lacks {name}"
        for name, of in schema.get("properties", {}).items():
            if name in value:
                wrong = _wrong(value[name], of, f"{where}/{name}")
                if wrong:
                    return wrong
    for choices in ("oneOf", "anyOf"):
        if choices in schema:
            wrongs = [_wrong(value, choice, where) for choice in schema[choices]]
            if None not in wrongs:
                return wrongs[0] if len(wrongs) == 1 else f"{where}: {wrongs}"
    return None


def _is(value, kind):
    if kind in ("integer", "number") and isinstance(value, bool):
        return False
    return isinstance(value, _KINDS[kind])
