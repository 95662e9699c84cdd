"""Requests as the official package wants them: floats for prices and volumes, whole numbers for the rest."""

ACTION_DEAL = 1
ACTION_SLTP = 6
ACTION_MODIFY = 7
ACTION_REMOVE = 8
ACTION_CLOSE_BY = 10

TYPE_BUY = 0
TYPE_SELL = 1

FILLINGS = {"fok": 0, "ioc": 1, "return": 2}
TIME_GTC = 0
TIME_DAY = 1
#: Bits of `SymbolInfo.expiration_mode`.
EXPIRES_GTC = 1
EXPIRES_DAY = 2

COMMENT_MAX = 26


def market_order(order, type_time):
    """The request of an `order_submit`, from its fields in text (as the journal keeps them)."""
    request = {
        "action": ACTION_DEAL,
        "magic": int(order["magic"]),
        "symbol": order["symbol"],
        "volume": float(order["volume"]),
        "price": float(order["price"]),
        "sl": float(order["sl"]),
        "tp": float(order["tp"]),
        "deviation": int(order["deviation"]),
        "type": TYPE_BUY if order["side"] == "buy" else TYPE_SELL,
        "type_filling": FILLINGS[order["filling"]],
        "type_time": type_time,
        "comment": comment(order["comment"]),
    }
    if order.get("position"):
        request["position"] = int(order["position"])
    return request


def close_by(order):
    """The request of a `close_by`."""
    return {
        "action": ACTION_CLOSE_BY,
        "magic": int(order["magic"]),
        "position": int(order["position"]),
        "position_by": int(order["position_by"]),
    }


def position_sltp(change):
    """The request of a `position_sltp`."""
    return {
        "action": ACTION_SLTP,
        "symbol": change["symbol"],
        "position": int(change["position"]),
        "sl": float(change["sl"]),
        "tp": float(change["tp"]),
    }


def order_modify(change, type_time, expiration):
    """The request of an `order_modify`; what it does not change has to be said again."""
    return {
        "action": ACTION_MODIFY,
        "order": int(change["order"]),
        "price": float(change["price"]),
        "sl": float(change["sl"]),
        "tp": float(change["tp"]),
        "type_time": type_time,
        "expiration": expiration,
    }


def order_cancel(ticket):
    """The request of an `order_cancel`."""
    return {"action": ACTION_REMOVE, "order": ticket}


def time_in_force(expiration_mode):
    """Good till cancelled where the symbol takes it, else for the day."""
    if expiration_mode & EXPIRES_GTC or not expiration_mode & EXPIRES_DAY:
        return TIME_GTC
    return TIME_DAY


def comment(text):
    """A comment that every terminal takes: ASCII, at most 26 characters."""
    return "".join(letter for letter in text if " " <= letter <= "~")[:COMMENT_MAX]
