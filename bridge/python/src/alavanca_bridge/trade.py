"""Orders: journaled, accepted, sent once, answered; and changes, which do no harm twice."""

import logging

from . import crash, readings, requests, retcodes
from .journal import ATTEMPT, BRIDGE_MAGIC, plain

log = logging.getLogger("alavanca_bridge")

MINUTE_MS = 60_000
#: So long after its first order a new journal may be younger than orders of the same engine.
NEW_JOURNAL_MS = 7 * 86_400_000


class Trade:
    """Orders and changes of the session."""

    def __init__(self, bridge):
        self._bridge = bridge
        self._journal = bridge.journal
        self._waiting = {}
        #: The stricter of the engine's caps and one's own.
        self.caps = None

    def submit(self, body, cid):
        """Hears `order_submit` or `close_by`: an order that is sent once for ever."""
        magic = body["magic"]
        if not 0 < magic < BRIDGE_MAGIC:
            self._result(readings.not_called(magic, "a magic lies between 1 and 2^52 - 1"), cid)
            return
        row = self._journal.order(magic)
        if row is not None:
            self._bridge.say("accepted", {"magic": str(magic), "again": True}, cid)
            self._tell(row, cid)
            return
        order = plain(body)
        why, capped = self._refusal(body)
        if why is not None:
            self._journal.write(order, self._bridge.utc, self._bridge.server_now, "not_sent", why)
            if capped:
                self._bridge.act("caps", magic, why)
            log.warning("order %s not sent: %s", magic, why)
            self._result(readings.not_called(magic, why), cid)
            return
        crash.point("order:before_journal")
        self._journal.write(order, self._bridge.utc, self._bridge.server_now)
        crash.point("order:after_journal")
        self._bridge.say("accepted", {"magic": str(magic), "again": False}, cid)
        crash.point("order:after_accepted")
        self._waiting[magic] = cid
        self._bridge.errands.add(
            "submit", None, lambda answer: self._answered(magic, cid, answer), rank=0,
            begin=lambda: self._begin(magic, order),
        )  # fmt: skip

    def withdraw(self, magic, why):
        """Makes it final that an order which waits is not sent."""
        if magic in self._waiting:
            del self._waiting[magic]
            self._journal.not_sent(magic, why)

    def session_ended(self):
        """What was not handed over when the session ends never will be."""
        for magic in list(self._waiting):
            self.withdraw(magic, "the session ended before it was sent")

    def change(self, kind, body, cid):
        """Hears a change of a position or an order."""
        if not self._bridge.armed:
            self._result(readings.not_called(0, "the session is not armed"), cid)
            return
        session = self._bridge.session

        def begin():
            if self._bridge.session is not session:
                return None
            return {"kind": kind, "body": plain(body), "limits": self._bridge.limits()}

        def told(answer):
            said = answer.get("ok") or {"unknown": answer["error"]["text"]}
            self._bridge.market.look_at_trade()
            if "not_sent" in said:
                self._result(readings.not_called(0, said["not_sent"]), cid)
            elif "unknown" in said:
                self._unknown(0, said["unknown"], cid)
            else:
                self._tell_result(said["result"], cid)

        self._bridge.errands.add("change", None, told, rank=0, begin=begin)

    def check(self, body, cid):
        """Hears `order_check`. Sends nothing."""

        def told(answer):
            if "ok" in answer:
                self._result(answer["ok"], cid)
            else:
                self._unknown(body["magic"], answer["error"]["text"], cid)

        self._bridge.errands.add("check", {"order": plain(body)}, told, rank=2)

    # -- parts --------------------------------------------------------------------------------------------------------

    def _refusal(self, body):
        """Why a new order is not sent, and whether it is for the caps."""
        bridge = self._bridge
        epoch = self._journal.epoch()
        if not bridge.armed:
            return "the session is not armed", False
        if body["epoch"] != epoch:
            return f"epoch {body['epoch']} is not {epoch}, which leads this account", False
        if "position_by" in body:
            return None, False
        now = bridge.server_now
        if body["volume"] <= 0:
            return "its volume is not greater than 0", False
        comment = body["comment"]
        if len(comment) > requests.COMMENT_MAX or requests.comment(comment) != comment:
            return f"its comment is not of at most {requests.COMMENT_MAX} ASCII characters", False
        if now is not None and now > body["not_after_server"]:
            return f"it waited too long: {now - body['not_after_server']} ms past its time", False
        if body["intent"] != "open":
            if body.get("closes") and self._journal.bridge_closes(body["closes"]):
                return f"the bridge's own closing order of {body['closes']} has no outcome yet", False
            return None, False
        if body.get("guard") is not None and body["magic"] % (1 << 32) >= ATTEMPT:
            return "its order number is 2^24 or more: the bridge would have no name to close it by", False
        if bridge.killed():
            return "the kill file is there: nothing is opened", False
        caps = self.caps
        if body["symbol"] not in caps.symbols:
            return f"cap: {body['symbol']} is not among the symbols {', '.join(sorted(caps.symbols))}", True
        if body["volume"] > caps.order_lots:
            return f"cap: {body['volume']} lots, {caps.order_lots} at most in one order", True
        lately = self._journal.opened_lately((now or 0) - MINUTE_MS, bridge.utc - MINUTE_MS)
        if lately >= caps.orders_per_minute:
            return f"cap: {lately} orders in the last minute, {caps.orders_per_minute} at most", True
        return None, False

    def _begin(self, magic, order):
        """Right before the hand-over: the row says `sending`, durably, or it does not go."""
        if magic not in self._waiting or not self._bridge.armed:
            self.withdraw(magic, "the session ended before it was sent")
            return None
        crash.point("order:before_sending")
        if not self._journal.sending(magic, self._bridge.server_now):
            return None
        crash.point("order:after_sending")
        del self._waiting[magic]
        limits = self._bridge.limits()
        limits["position_lots"] = str(self.caps.position_lots)
        limits["look_in_history"] = self._is_new(limits["server_now"])
        return {"order": order, "limits": limits}

    def _is_new(self, server_now):
        born = self._journal.fact("born")
        if born is None and server_now is not None:
            self._journal.note(born=server_now)
            born = server_now
        return born is None or server_now is None or server_now - born < NEW_JOURNAL_MS

    def _answered(self, magic, cid, answer):
        said = answer.get("ok") or {"unknown": answer["error"]["text"]}
        crash.point("order:before_answered")
        note(self._journal, magic, said)
        crash.point("order:after_answered")
        self._bridge.market.see(said.get("server", 0))
        self._bridge.market.look_at_trade()
        if "not_sent" in said:
            if said["not_sent"].startswith("cap: "):
                self._bridge.act("caps", magic, said["not_sent"])
            log.warning("order %s not sent: %s", magic, said["not_sent"])
        elif "unknown" in said:
            log.error("order %s is unknown: %s", magic, said["unknown"])
        else:
            retcode = said["result"]["retcode"]
            log.info("order %s: %s %s", magic, retcode, retcodes.name(retcode))
            if retcodes.meaning(retcode) is retcodes.Meaning.PLACED:
                self._bridge.state.watch(said["result"]["order"])
        self._tell(self._journal.order(magic), cid)
        crash.point("order:after_result")

    def _tell(self, row, cid):
        """Says what the journal knows of an order's end; nothing while it is under way."""
        magic = row["magic"]
        if row["state"] == "not_sent":
            self._result(readings.not_called(magic, row["why"]), cid)
        elif row["state"] == "answered":
            self._tell_result(row["result"], cid)
        elif row["state"] == "sending" and row["why"] is not None:
            self._unknown(magic, row["why"], cid)
        elif row["state"] == "sending" and not self._is_under_way(magic):
            self._unknown(magic, "the bridge ended between journal and answer", cid)

    def _is_under_way(self, magic):
        return self._bridge.errands.doing == "submit" and self._bridge.errands.arguments_of("order")["magic"] == str(magic)

    def _tell_result(self, result, cid):
        if retcodes.is_unknown(result["retcode"]):
            why = f"{result['retcode']} {retcodes.name(result['retcode'])}: {result['comment']}"
            self._unknown(result["magic"], why, cid)
        else:
            self._result(result, cid)

    def _result(self, result, cid):
        self._bridge.say("result", result, cid)

    def _unknown(self, magic, why, cid):
        self._bridge.say("unknown", {"magic": str(magic), "why": why}, cid)


def note(journal, magic, said):
    """Notes what the worker said of an order that was handed over."""
    if said.get("server"):
        journal.sent_at(magic, said["server"])
    if "not_sent" in said:
        journal.not_sent(magic, said["not_sent"])
    elif "unknown" in said:
        journal.unknown(magic, said["unknown"])
    else:
        journal.answered(magic, said["result"])
