"""Numbers on the wire: exact decimal strings with at most eight places, and strings of digits."""

import math
import re
from decimal import Decimal

PLACES = 8
RAW_MAX = 2**63 - 1
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]{1,8})?\Z")
_ID = re.compile(r"[0-9]{1,20}\Z")


def parse(text):
    """The decimal that a string of the wire is; `ValueError` for anything else."""
    if not isinstance(text, str) or not _DECIMAL.match(text):
        raise ValueError(f"`{str(text)[:40]}` is not a decimal with at most eight places, such as 5.25")
    number = Decimal(text)
    if abs(number.scaleb(PLACES)) > RAW_MAX:
        raise ValueError(f"`{text[:40]}` is too large")
    return number


def parse_id(text):
    """The number that a string of digits is; `ValueError` for anything else."""
    if not isinstance(text, str) or not _ID.match(text) or int(text) >= 2**64:
        raise ValueError(f"`{str(text)[:40]}` is not a string of at most 20 digits")
    return int(text)


def text(number):
    """A number of the terminal's (a float or an int) or a `Decimal`, as the wire has it.

    The terminal's floats stand for decimals: what lies beyond eight places is the float's own error.
    """
    if isinstance(number, float) and not math.isfinite(number):
        raise ValueError(f"{number} is no number")
    if isinstance(number, int):
        number = Decimal(number)
    written = f"{number:.{PLACES}f}".rstrip("0").rstrip(".")
    if written in ("-0", ""):
        return "0"
    if abs(Decimal(written).scaleb(PLACES)) > RAW_MAX:
        raise ValueError(f"{number} is too large")
    return written


def text_within(number):
    """As `text`, but what is too large becomes the largest: for limits such as `volume_max`."""
    try:
        return text(number)
    except ValueError:
        return "92233720368" if number > 0 else "-92233720368"
