"""The sidecar's own settings: caps of its own, which hold where they are stricter than the engine's.

    [caps]
    symbols = WINZ26, WDOZ26
    order_lots = 2
    position_lots = 4
    orders_per_minute = 6
"""

import configparser
from dataclasses import dataclass
from decimal import Decimal

from . import decimals


class SettingsError(Exception):
    """The settings cannot be used."""


@dataclass(frozen=True)
class Caps:
    """What is never exceeded; `None` for no limit of one's own."""

    symbols: frozenset | None = None
    order_lots: Decimal | None = None
    position_lots: Decimal | None = None
    orders_per_minute: int | None = None

    def with_engines(self, caps):
        """The stricter of both, field by field. `caps` is the engine's, which always has each."""
        symbols = frozenset(caps["symbols"])
        return Caps(
            symbols if self.symbols is None else symbols & self.symbols,
            _least(self.order_lots, caps["order_lots"]),
            _least(self.position_lots, caps["position_lots"]),
            _least(self.orders_per_minute, caps["orders_per_minute"]),
        )


def read_caps(path):
    """The caps of a settings file. A key that is not known is an error: a limit that is misspelt would be none."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
    except (OSError, configparser.Error, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    for section in parser.sections():
        for key in parser[section]:
            if section != "caps" or key not in READERS:
                raise SettingsError(f"{path}: [{section}] {key} is not known; [caps] has {', '.join(READERS)}")
    caps = {}
    for key, read in READERS.items():
        if parser.has_option("caps", key):
            try:
                caps[key] = read(parser["caps"][key].strip())
            except ValueError as error:
                raise SettingsError(f"{path}: [caps] {key}: {error}") from None
    return Caps(**caps)


def _symbols(text):
    return frozenset(symbol.strip() for symbol in text.split(",") if symbol.strip())


def _lots(text):
    lots = decimals.parse(text)
    if lots <= 0:
        raise ValueError("not greater than 0")
    return lots


def _count(text):
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"`{text}` is not a whole number")
    return int(text)


READERS = {"symbols": _symbols, "order_lots": _lots, "position_lots": _lots, "orders_per_minute": _count}


def _least(own, engines):
    return engines if own is None else min(own, engines)
