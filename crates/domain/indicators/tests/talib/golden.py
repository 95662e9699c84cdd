"""Writes the golden files beside it: series of bars that it makes itself, and TA-Lib's values on them.

Made with Python 3.11, numpy 2.4.6 and TA-Lib 0.8.2 (the package carries its C library):

    pip install TA-Lib==0.8.2 numpy==2.4.6
    python golden.py

A cell is empty where TA-Lib has no value yet. All other cells are the shortest text that reads back as the same
double. The same versions write the same bytes; tests/talib.rs reads the files and needs no Python.
"""

from decimal import Decimal
from pathlib import Path

import numpy as np
import talib

COUNT = 200


def draws(seed):
    """A generator that is the same everywhere: whole numbers below `below`."""
    while True:
        seed = (seed * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
        below = yield
        if below:
            yield (seed >> 33) % below


def draw(source, below):
    next(source)
    return source.send(below)


def walk(seed, start, tick, spread, drift, jump_every=0, jump=0, still=()):
    """Bars in whole ticks: a walk with `drift`, gaps of up to `jump` ticks, and stretches where nothing moves."""
    source, close, bars = draws(seed), start, []
    for i in range(COUNT):
        if any(begin <= i < end for begin, end in still):
            bars.append((close, close, close, close, 0))
            continue
        lean = drift if i // 50 % 2 == 0 else -drift
        gap = draw(source, 2 * jump + 1) - jump if jump_every and i % jump_every == jump_every - 1 else 0
        opening = close + gap
        close = opening + draw(source, 2 * spread + 1) - spread + lean
        high = max(opening, close) + draw(source, spread)
        low = min(opening, close) - draw(source, spread)
        bars.append((opening, high, low, close, 1 + draw(source, 500)))
    return [tuple(Decimal(price) * Decimal(tick) for price in bar[:4]) + bar[4:] for bar in bars]


SERIES = {
    "win_trend": walk(1, 26_000, "5", 20, 6),
    "win_jumpy": walk(2, 26_000, "5", 15, 0, jump_every=9, jump=500),
    "win_stretches": walk(3, 26_000, "5", 15, 3, still=((0, 12), (60, 95), (120, 121), (150, 172))),
    "eurusd_walk": walk(4, 108_500, "0.00001", 12, 2),
    "eurusd_stretches": walk(5, 108_500, "0.00001", 8, 1, still=((40, 48), (90, 125))),
    "flat": walk(6, 26_000, "5", 1, 0, still=((0, COUNT),)),
}

TICKS = {name: "0.00001" if name.startswith("eurusd") else "5" for name in SERIES}


def columns(bars, tick):
    opening, high, low, close = (np.array([float(bar[k]) for bar in bars]) for k in range(4))
    # Direction compares two movements, and doubles of 0.00001 make two equal ones differ in the last bit, which side
    # counts then being an accident. In whole ticks they are equal; the outputs are percentages, so nothing else changes.
    ticks = [np.array([float(bar[k] / Decimal(tick)) for bar in bars]) for k in (1, 2, 3)]
    macd, signal, histogram = talib.MACD(close, 12, 26, 9)
    upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    centre, reach = talib.EMA(close, 20), 1.5 * talib.ATR(high, low, close, 20)
    return {
        "sma_2": talib.SMA(close, 2),
        "sma_20": talib.SMA(close, 20),
        "ema_2": talib.EMA(close, 2),
        "ema_9": talib.EMA(close, 9),
        "ema_21": talib.EMA(close, 21),
        "atr_2": talib.ATR(high, low, close, 2),
        "atr_14": talib.ATR(high, low, close, 14),
        "adx_2": talib.ADX(*ticks, 2),
        "adx_14": talib.ADX(*ticks, 14),
        "plus_di_14": talib.PLUS_DI(*ticks, 14),
        "minus_di_14": talib.MINUS_DI(*ticks, 14),
        "rsi_2": talib.RSI(close, 2),
        "rsi_14": talib.RSI(close, 14),
        "macd": macd,
        "macd_signal": signal,
        "macd_histogram": histogram,
        "roc_1": talib.ROC(close, 1),
        "roc_10": talib.ROC(close, 10),
        "bb_upper": upper,
        "bb_middle": middle,
        "bb_lower": lower,
        "stddev_2": talib.STDDEV(close, 2),
        "stddev_20": talib.STDDEV(close, 20),
        "max_20": talib.MAX(high, 20),
        "min_20": talib.MIN(low, 20),
        "keltner_upper": centre + reach,
        "keltner_lower": centre - reach,
    }


def cell(value):
    return "" if np.isnan(value) else repr(float(value))


for name, bars in SERIES.items():
    values = columns(bars, TICKS[name])
    lines = [",".join(["open", "high", "low", "close", "volume", *values])]
    for i, bar in enumerate(bars):
        lines.append(",".join([*(str(field) for field in bar), *(cell(column[i]) for column in values.values())]))
    Path(__file__).with_name(f"{name}.csv").write_text("\n".join(lines) + "\n")
