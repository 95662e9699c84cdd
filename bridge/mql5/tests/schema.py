"""Holds a frame of the advisor against the protocol's own schema, which is made of the engine's types."""

import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[3]
SCHEMA = json.loads((ROOT / "docs" / "mt5-protocol.schema.json").read_text(encoding="utf-8"))
WORDS = {"$schema", "$defs", "title", "description", "default"}
SIDES = [side for side in SCHEMA["$defs"].values() if '"hello"' in json.dumps(side.get("oneOf"))]
KINDS = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    # What is optional and absent is left out, never null.
    "null": lambda value: False,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
}
RANGES = {"uint8": (0, 2**8), "uint32": (0, 2**32), "uint64": (0, 2**64), "int64": (-(2**63), 2**63)}


def faults_of_bridge(frame):
    """What is wrong with a bridge's frame."""
    assert len(SIDES) == 1, "the schema does not say what a bridge's frame is"
    return faults(frame, SIDES[0], "frame")


def faults(value, schema, where):
    """What is wrong with a value, as texts; nothing for a good one."""
    found = []
    for word, wanted in schema.items():
        found += fault(value, word, wanted, where) if word not in WORDS else []
    return found


def fault(value, word, wanted, where):
    """By one keyword; one that is not known here is a fault of this file."""
    if word == "$ref":
        return faults(value, SCHEMA["$defs"][wanted.removeprefix("#/$defs/")], where)
    if word == "type":
        kinds = wanted if isinstance(wanted, list) else [wanted]
        return [] if any(KINDS[kind](value) for kind in kinds) else [f"{where}: {value!r} is no {wanted}"]
    if word in ("anyOf", "oneOf"):
        tries = [faults(value, one, where) for one in wanted]
        return [] if any(not one for one in tries) else min(tries, key=lambda one: (any("const" in text for text in one), len(one)))
    if word == "properties":
        return [text for name in wanted if name in value for text in faults(value[name], wanted[name], f"{where}.{name}")]
    if word == "required":
        return [f"{where}: `{name}` is missing" for name in wanted if name not in value]
    if word == "const":
        return [] if value == wanted else [f"{where}: {value!r} is not const {wanted!r}"]
    if word == "pattern":
        return [] if not isinstance(value, str) or re.search(wanted, value) else [f"{where}: {value!r} is not {wanted}"]
    if word in ("format", "minimum", "maximum") and not isinstance(value, int):
        return []
    if word == "format":
        low, high = RANGES.get(wanted, (None, None))
        return [] if low is None or low <= value < high else [f"{where}: {value!r} is no {wanted}"]
    if word == "minimum":
        return [] if value >= wanted else [f"{where}: {value} is below {wanted}"]
    if word == "maximum":
        return [] if value <= wanted else [f"{where}: {value} is above {wanted}"]
    if word == "minItems":
        return [] if len(value) >= wanted else [f"{where}: fewer than {wanted} items"]
    if word == "maxItems":
        return [] if len(value) <= wanted else [f"{where}: more than {wanted} items"]
    if word == "prefixItems":
        return [text for n, (one, item) in enumerate(zip(wanted, value)) for text in faults(item, one, f"{where}[{n}]")]
    if word == "items":
        if wanted is False or wanted is True:
            return []
        return [text for n, item in enumerate(value) for text in faults(item, wanted, f"{where}[{n}]")]
    raise AssertionError(f"the schema has a keyword that is not known here: {word}")
