"""The dead-man's switch: while the engine is lost no entry is sent, the server's stops stay, and each extra's stop, target
and time limit are enforced from the journal, or the extra is closed at once, as the engine said.
"""

import logging
import sqlite3

from . import crash, guards, retcodes
from .decimals import text
from .journal import ATTEMPT, ATTEMPTS, BRIDGE_MAGIC
from .trade import note

log = logging.getLogger("alavanca_bridge")

LOST_AFTER_MS = 10_000
#: A closing order that would not be taken is tried again after so long.
AGAIN_MS = 1_000
#: One that was sent and did not close all is followed by the next after so long, twice as long each time.
NEXT_MS = 1_000
NEXT_MOST_MS = 30_000
#: How much worse than the quote the bridge's own closing order may be, in points.
DEVIATION = 1_000
NEVER = 2**62


class Deadman:
    """Looks after extras while no engine does."""

    def __init__(self, bridge):
        self._bridge = bridge
        self._journal = bridge.journal
        self._heard = None
        self._left = False
        self._said = False
        self._closing = set()
        self._again = {}
        self._tried = {}
        self._reached = {}
        self._given_up = set()

    def engine_heard(self):
        """An engine whose session is armed is there."""
        self._heard, self._left = self._bridge.now, False
        self._said = False

    def engine_came(self):
        """An armed session begins: what was reached is for the engine now."""
        self._reached.clear()

    def engine_left(self):
        """It said that it goes."""
        self._left = True

    def time(self):
        """Looks whether an extra is to be closed."""
        if self._heard is None:
            self._heard = self._bridge.now
        self._look({})

    def take_in(self, ticks):
        """Ticks of the market, by symbol."""
        self._look(ticks)

    def symbols(self):
        """Whose market is needed, and since when (server milliseconds)."""
        needed = {}
        for leg in () if self._bridge.armed else self._open():
            needed[leg["symbol"]] = min(leg["since"], needed.get(leg["symbol"], leg["since"]))
        return needed

    def is_on(self):
        """Whether the engine is lost."""
        if self._bridge.armed or self._heard is None:
            return False
        return self._left or self._bridge.now - self._heard >= self._terms()["lost_after_ms"]

    # -- parts --------------------------------------------------------------------------------------------------------

    def _terms(self):
        return self._journal.fact("deadman") or {"mode": "enforce", "lost_after_ms": LOST_AFTER_MS}

    def _open(self):
        return [leg for leg in self._journal.legs() if leg["volume"] > 0]

    def _look(self, ticks):
        legs = self._open()
        if not legs:
            return
        # What is reached while the engine is silent, but not lost yet, counts when it is. One that stays has seen it.
        if self._bridge.armed:
            late = self._bridge.now - self._terms()["lost_after_ms"]
            self._reached = {magic: (why, at) for magic, (why, at) in self._reached.items() if at >= late}
        for leg in legs:
            if leg["magic"] not in self._reached:
                why = guards.due(leg, ticks.get(leg["symbol"], ()), self._bridge.server_now)
                if why is not None:
                    self._reached[leg["magic"]] = (why, self._bridge.now)
        if not self.is_on():
            return
        if not self._said:
            self._said = True
            log.warning("the engine is lost; guarding %s", ", ".join(str(leg["magic"]) for leg in legs))
        flatten = self._terms()["mode"] == "flatten"
        for leg in legs:
            magic = leg["magic"]
            if leg["in_doubt"] or magic in self._closing or not self._was_read_since(self._tried.get(magic)):
                continue
            why = self._reached[magic][0] if magic in self._reached else "flattened" if flatten else None
            if why is None and leg["attempts"] and leg["tried_in"] >= self._journal.fact("armed_epoch", NEVER):
                why = "its closing order did not close it"
            if why is None:
                continue
            if leg["attempts"] >= ATTEMPTS:
                self._give_up(leg)
            elif self._bridge.now >= self._again.setdefault(magic, self._bridge.now + _pause(leg)):
                self._close(leg, why)

    def _was_read_since(self, tried):
        """Whether the account was read whole after the last attempt: what it filled is in the journal then."""
        read = self._bridge.state.stable_at
        return read is not None and (tried is None or read > tried)

    def _give_up(self, leg):
        magic = leg["magic"]
        if magic not in self._given_up:
            self._given_up.add(magic)
            words = f"{ATTEMPTS} closing orders did not close it: it is left to the server's stop. Close it by hand"
            self._bridge.act("deadman", magic, words)

    def _close(self, leg, why):
        magic = leg["magic"]
        self._closing.add(magic)
        order = {
            # A name of its own for each attempt: none is ever sent twice.
            "magic": str(magic + BRIDGE_MAGIC + leg["attempts"] * ATTEMPT),
            "epoch": self._journal.epoch(),
            "symbol": leg["symbol"],
            "side": "sell" if leg["side"] == "buy" else "buy",
            "volume": text(leg["volume"]),
            "intent": "close",
            "price": "0",
            "deviation": DEVIATION,
            "sl": "0",
            "tp": "0",
            "filling": leg["filling"],
            "comment": "deadman",
            "closes": str(magic),
            "not_after_server": NEVER,
            # The position that the extra was opened or added to; it lasts from flat to flat. No later one is its business.
            "identifier": str(leg["position"]),
        }
        if (self._journal.fact("account") or {}).get("margin_mode") == 2:
            order["position"] = str(leg["position"])
        begin = lambda: None if self._bridge.armed else {"order": order, "limits": self._bridge.limits()}  # noqa: E731

        def told(answer):
            found = answer.get("ok") or {"not_now": answer["error"]["text"]}
            if "not_now" in found:
                self._later(magic, found["not_now"])
            else:
                self._send(magic, {**order, **found}, why)

        self._bridge.errands.add("prepare_close", None, told, rank=0, begin=lambda: self._or_give_up(magic, begin()))

    def _keep_exits(self, symbol):
        """On netting accounts the rest of the position keeps its stop and target: they are looked at, and set again."""
        bridge, position = self._bridge, self._bridge.state.position_of(symbol)
        if position is None or (self._journal.fact("account") or {}).get("margin_mode") == 2:
            return

        def told(answer):
            said = answer.get("ok") or {"unknown": answer["error"]["text"]}
            if said != {"kept": True}:
                bridge.act("deadman", 0, f"the stop and target of {symbol} were set again: {_said(said)}")

        arguments = {name: position[name] for name in ("symbol", "identifier", "sl", "tp")}
        begin = lambda: None if bridge.armed else {**arguments, "limits": bridge.limits()}  # noqa: E731
        bridge.errands.add("keep_exits", None, told, rank=0, begin=begin)

    def _or_give_up(self, magic, arguments):
        if arguments is None:
            self._closing.discard(magic)
        return arguments

    def _later(self, magic, why):
        log.warning("extra %s is not closed yet: %s", magic, why)
        self._closing.discard(magic)
        self._again[magic] = self._bridge.now + AGAIN_MS

    def _send(self, magic, order, why):
        bridge, own = self._bridge, int(order["magic"])
        attempt = (own - BRIDGE_MAGIC - magic) // ATTEMPT + 1

        def begin():
            if bridge.armed:
                self._closing.discard(magic)
                return None
            crash.point("deadman:before_journal")
            try:
                self._journal.write(order, bridge.utc, bridge.server_now, "sending")
            except sqlite3.IntegrityError:
                self._later(magic, f"an order {own} is in the journal already")
                return None
            crash.point("deadman:after_journal")
            return {"order": order, "limits": bridge.limits()}

        def told(answer):
            said = answer.get("ok") or {"unknown": answer["error"]["text"]}
            crash.point("deadman:before_answered")
            note(self._journal, own, said)
            crash.point("deadman:after_answered")
            self._closing.discard(magic)
            self._tried[magic] = bridge.now
            self._again[magic] = bridge.now + _pause({"attempts": attempt})
            self._keep_exits(order["symbol"])
            bridge.market.look_at_trade()
            which = f", attempt {attempt}" if attempt > 1 else ""
            sent = f"{order['side']} {order['volume']} {order['symbol']}{which}"
            bridge.act("deadman", magic, f"{why}; {sent}: {_said(said)}")

        bridge.errands.add("submit", None, told, rank=0, begin=begin)


def _pause(leg):
    """How long after the last attempt the next one waits."""
    attempts = leg["attempts"]
    return min(NEXT_MOST_MS, NEXT_MS << min(attempts - 1, 10)) if attempts else 0


def _said(said):
    if "result" in said:
        result = said["result"]
        return f"{result['retcode']} {retcodes.name(result['retcode'])} {result['volume']} at {result['price']}"
    return f"not sent: {said['not_sent']}" if "not_sent" in said else f"unknown: {said['unknown']}"
