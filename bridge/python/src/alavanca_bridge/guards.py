"""When an extra is to be closed without the engine: a pure rule over a leg of the journal and the market."""

from decimal import Decimal

from .decimals import text


def due(leg, ticks, server_now):
    """Why the leg is to be closed now, or `None`. `ticks` are the wire's rows, oldest first."""
    stop, target, until = levels(leg)
    sign = 1 if leg["side"] == "buy" else -1
    for tick in ticks:
        price = _exit_price(leg["side"], tick)
        if price and stop is not None and sign * (price - stop) <= 0:
            return f"its stop {text(stop)} was reached at {text(price)}"
        if price and target is not None and sign * (price - target) >= 0:
            return f"its target {text(target)} was reached at {text(price)}"
        server_now = max(server_now or 0, tick[0])
    if until is not None and (server_now or 0) >= until:
        return "its time was over"
    return None


def levels(leg):
    """Stop, target and time limit of a leg; `None` for what it has not."""
    guard, sign = leg["guard"], 1 if leg["side"] == "buy" else -1
    stop, target = Decimal(guard["stop"]), Decimal(guard["target"])
    return (
        leg["entry"] - sign * stop if stop > 0 else None,
        leg["entry"] + sign * target if target > 0 else None,
        leg["since"] + guard["hold_seconds"] * 1000 if guard["hold_seconds"] else None,
    )


def told(leg):
    """The leg as `reconcile` tells it."""
    stop, target, until = levels(leg)
    return {
        "magic": str(leg["magic"]),
        "symbol": leg["symbol"],
        "side": leg["side"],
        "volume": text(leg["volume"]),
        "stop": text(stop if stop is not None else Decimal(0)),
        "target": text(target if target is not None else Decimal(0)),
        "until_server": until or 0,
        "closed_by_bridge": leg["closed_by_bridge"],
    }


def _exit_price(side, tick):
    """What closing would get: a long leg sells at the bid, a short one buys at the ask; the last price without them."""
    quote = Decimal(tick[1] if side == "buy" else tick[2])
    return quote or Decimal(tick[3])
