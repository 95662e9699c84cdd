"""What the terminal's answers mean: the one table that everything goes by."""

from enum import Enum

#: `retcode` where the terminal was not called at all: nothing happened, and nothing will.
NOT_SENT = 0

#: `last_error` after `order_send` gave None: these prove that nothing was sent. Anything else is unknown.
ERRORS_NOT_SENT = frozenset({-2, -8, -10004})


class Meaning(Enum):
    """What an answer asks of whoever sent the request."""

    DONE = "done"
    PLACED = "placed"
    NEW_PRICE = "new price"
    BACK_OFF = "back off"
    UNKNOWN = "unknown"
    LOOK_AGAIN = "look again"
    FINAL = "final"
    HALT_ENTRIES = "halt entries"


#: Retcode, its name, its meaning.
TABLE = (
    (10004, "REQUOTE", Meaning.NEW_PRICE),
    (10006, "REJECT", Meaning.FINAL),
    (10007, "CANCEL", Meaning.FINAL),
    (10008, "PLACED", Meaning.PLACED),
    (10009, "DONE", Meaning.DONE),
    (10010, "DONE_PARTIAL", Meaning.DONE),
    (10011, "ERROR", Meaning.UNKNOWN),
    (10012, "TIMEOUT", Meaning.UNKNOWN),
    (10013, "INVALID", Meaning.FINAL),
    (10014, "INVALID_VOLUME", Meaning.FINAL),
    (10015, "INVALID_PRICE", Meaning.FINAL),
    (10016, "INVALID_STOPS", Meaning.FINAL),
    (10017, "TRADE_DISABLED", Meaning.HALT_ENTRIES),
    (10018, "MARKET_CLOSED", Meaning.HALT_ENTRIES),
    (10019, "NO_MONEY", Meaning.HALT_ENTRIES),
    (10020, "PRICE_CHANGED", Meaning.NEW_PRICE),
    (10021, "PRICE_OFF", Meaning.NEW_PRICE),
    (10022, "INVALID_EXPIRATION", Meaning.FINAL),
    (10023, "ORDER_CHANGED", Meaning.LOOK_AGAIN),
    (10024, "TOO_MANY_REQUESTS", Meaning.BACK_OFF),
    (10025, "NO_CHANGES", Meaning.DONE),
    (10026, "SERVER_DISABLES_AT", Meaning.HALT_ENTRIES),
    (10027, "CLIENT_DISABLES_AT", Meaning.HALT_ENTRIES),
    (10028, "LOCKED", Meaning.BACK_OFF),
    (10029, "FROZEN", Meaning.BACK_OFF),
    (10030, "INVALID_FILL", Meaning.FINAL),
    (10031, "CONNECTION", Meaning.UNKNOWN),
    (10032, "ONLY_REAL", Meaning.HALT_ENTRIES),
    (10033, "LIMIT_ORDERS", Meaning.HALT_ENTRIES),
    (10034, "LIMIT_VOLUME", Meaning.HALT_ENTRIES),
    (10035, "INVALID_ORDER", Meaning.FINAL),
    (10036, "POSITION_CLOSED", Meaning.LOOK_AGAIN),
    (10038, "INVALID_CLOSE_VOLUME", Meaning.FINAL),
    (10039, "CLOSE_ORDER_EXIST", Meaning.LOOK_AGAIN),
    (10040, "LIMIT_POSITIONS", Meaning.HALT_ENTRIES),
    (10041, "REJECT_CANCEL", Meaning.LOOK_AGAIN),
    (10042, "LONG_ONLY", Meaning.HALT_ENTRIES),
    (10043, "SHORT_ONLY", Meaning.HALT_ENTRIES),
    (10044, "CLOSE_ONLY", Meaning.HALT_ENTRIES),
    (10045, "FIFO_CLOSE", Meaning.HALT_ENTRIES),
    (10046, "HEDGE_PROHIBITED", Meaning.HALT_ENTRIES),
)

_MEANINGS = {retcode: meaning for retcode, _, meaning in TABLE}
_NAMES = {retcode: name for retcode, name, _ in TABLE}


def meaning(retcode):
    """The meaning of a retcode. One that no table names proves nothing: it is unknown."""
    return _MEANINGS.get(retcode, Meaning.UNKNOWN)


def name(retcode):
    """Its name, for people."""
    return _NAMES.get(retcode, "no retcode that is known")


def is_unknown(retcode):
    """Whether an order that was answered so may exist or not."""
    return meaning(retcode) is Meaning.UNKNOWN
