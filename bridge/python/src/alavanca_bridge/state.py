"""Positions, orders and deals: what changed is told, and what stands is told when asked."""

import json
import logging
from decimal import Decimal

from . import guards
from .decimals import text
from .frames import FRAME_MAX

log = logging.getLogger("alavanca_bridge")

#: A frame of `reconcile` is filled up to here.
FRAME_FULL = FRAME_MAX // 2
#: `ORDER_STATE`s of an order that is over: cancelled, in part, filled, rejected, expired.
OVER = (2, 3, 4, 5, 6)
#: An extra whose position is not there any more is over when that was read for so long.
GONE_MS = 2_000
DAY_MS = 86_400_000


class State:
    """What the account was seen to hold."""

    def __init__(self, bridge):
        self._bridge = bridge
        self._journal = bridge.journal
        self._positions = None
        self._orders = None
        self._deals = set()
        self._watched = set()
        self._missing = {}
        #: When the account was last read whole; `None` for never.
        self.stable_at = None

    def watch(self, ticket):
        """An order was placed: how it ends is to be told."""
        self._watched.add(ticket)

    def watched(self):
        """What the next reading is to look for: the oldest time, tickets, magics."""
        return self._journal.waiting_since() or None, sorted(self._watched), self._journal.in_doubt()

    def position_of(self, symbol):
        """A symbol's position on a netting account, as it was last seen."""
        found = [position for position in (self._positions or {}).values() if position["symbol"] == symbol]
        return found[0] if found else None

    def take_in(self, trade):
        """A reading of positions, orders, new deals and ended orders."""
        bridge = self._bridge
        for deal in trade["deals"]:
            bridge.market.see(deal["server"])
        self._journal.book(trade["deals"])
        for order in trade["ended"]:
            if order["state"] in OVER and self._journal.order(int(order["magic"])):
                filled = Decimal(order["volume_initial"]) - Decimal(order["volume_current"])
                self._journal.ended(int(order["magic"]), order["state"], text(filled))
        tell = bridge.up
        for deal in trade["deals"]:
            if deal["ticket"] not in self._deals:
                self._deals.add(deal["ticket"])
                if tell:
                    bridge.say("deal", deal)
        self._orders = self._tell_orders(trade, tell)
        self._positions = self._tell_positions(trade, tell)
        if trade["stable"]:
            self.stable_at = bridge.now
            self._look_for_legs(trade["positions"])

    def reconcile(self, body, cid):
        """Hears `reconcile_req`."""
        session = self._bridge.session
        magics = [str(magic) for magic in body["orders"]]
        oldest = [row["journaled_server"] for row in map(self._journal.order, body["orders"]) if row]
        since = body["deals_since_server"]
        arguments = {"since": since, "magics": magics, "from_server": min([since, *(t for t in oldest if t > 0)])}

        def told(answer):
            if self._bridge.session is session:
                self._tell(answer, magics, since, cid)

        self._bridge.errands.add("reconcile", arguments, told, rank=1)

    # -- parts --------------------------------------------------------------------------------------------------------

    def _tell_orders(self, trade, tell):
        now = {order["ticket"]: order for order in trade["orders"]}
        before = self._orders or {}
        if tell:
            for ticket, order in now.items():
                if before.get(ticket) != order:
                    self._bridge.say("order_update", order)
        self._watched.update(now)
        for order in trade["ended"]:
            if order["ticket"] in self._watched:
                self._watched.discard(order["ticket"])
                if tell:
                    self._bridge.say("order_update", order)
        return now

    def _tell_positions(self, trade, tell):
        now = {position["identifier"]: position for position in trade["positions"]}
        if tell:
            before = self._positions or {}
            for identifier, position in now.items():
                if _lasting(before.get(identifier)) != _lasting(position):
                    self._bridge.say("position_update", position)
            for identifier, position in before.items():
                if identifier not in now:
                    self._bridge.say("position_update", {**position, "volume": "0", "profit": "0"})
        return now

    def _look_for_legs(self, positions):
        """Extras whose position was closed by someone else are looked after no more."""
        for leg in self._journal.legs():
            magic = leg["magic"]
            if leg["volume"] == 0:
                if (self._bridge.server_now or 0) - leg["since"] > DAY_MS:
                    self._journal.guard_over(magic, "closed")
                continue
            there = any(
                position["symbol"] == leg["symbol"]
                and position["side"] == leg["side"]
                and int(position["identifier"]) == leg["position"]
                for position in positions
            )
            if there or leg["in_doubt"]:
                self._missing.pop(magic, None)
            elif self._bridge.now - self._missing.setdefault(magic, self._bridge.now) >= GONE_MS:
                log.info("extra %s: its position is gone", magic)
                self._journal.guard_over(magic, "its position is gone")
                del self._missing[magic]

    def _tell(self, answer, magics, since, cid):
        bridge = self._bridge
        found = answer.get("ok")
        if found is None:
            bridge.say("reconcile", _frame(_nothing(bridge.server_now), False, error=answer["error"]["text"]), cid)
            return
        self._journal.book(found["deals"])
        self._deals.update(deal["ticket"] for deal in found["deals"])
        snapshot = found["snapshot"]
        outcomes = [self._outcome(magic, found["found"][magic]) for magic in dict.fromkeys(magics)]
        legs = {leg["magic"]: leg for leg in self._journal.last_closed_by_bridge(since)}
        legs.update((leg["magic"], leg) for leg in self._journal.legs() if leg["volume"] > 0)
        guarded = [guards.told(leg) for _, leg in sorted(legs.items())]
        parts = [
            *(("positions", position) for position in snapshot["positions"]),
            *(("orders", order) for order in snapshot["orders"]),
            *(("deals", deal) for deal in snapshot["deals"]),
            *(("outcomes", outcome) for outcome in outcomes),
            *(("guards", guard) for guard in guarded),
        ]
        pages = _pages(parts)
        for number, page in enumerate(pages):
            bridge.say("reconcile", _frame({"account": snapshot["account"]}, number + 1 < len(pages), page), cid)

    def _outcome(self, magic, found):
        row = self._journal.order(int(magic))
        if row is not None and row["state"] == "journaled":
            # Said to be not sent, it never may be.
            self._bridge.trade.withdraw(int(magic), "the engine asked what became of it before it was sent")
            row = self._journal.order(int(magic))
        states = {"journaled": "sent", "sending": "sent", "answered": "answered", "not_sent": "not_sent"}
        outcome = {"magic": magic, "journal": states[row["state"]] if row else "absent"}
        if row is not None and row["result"] is not None:
            outcome["result"] = row["result"]
        return {**outcome, **found}


def _lasting(position):
    """What of a position does not change with every tick."""
    return position and {name: value for name, value in position.items() if name != "profit"}


def _nothing(server):
    return {"account": {**dict.fromkeys(("balance", "equity", "margin", "margin_free"), "0"), "server": server or 0}}


def _frame(snapshot, more, page=(), error=None):
    body = {"more": more, "snapshot": {**snapshot, "positions": [], "orders": [], "deals": []}}
    body.update(outcomes=[], guards=[])
    if error is not None:
        body["error"] = error
    for part, entry in page:
        (body if part in body else body["snapshot"])[part].append(entry)
    return body


def _pages(parts):
    """Parts by frames, none too long."""
    pages, size = [[]], 0
    for part in parts:
        length = len(json.dumps(part))
        if pages[-1] and size + length > FRAME_FULL:
            pages.append([])
            size = 0
        pages[-1].append(part)
        size += length
    return pages
