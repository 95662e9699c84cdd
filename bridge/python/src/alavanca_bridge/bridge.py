"""What the bridge decides: messages of the engine and answers of the worker in, frames and errands out.

No socket, no process, no clock: `net.py` brings those. Every input carries the time, `now` (monotonic milliseconds) and
`utc`.
"""

import logging
import secrets

from . import crash
from .deadman import Deadman
from .errands import Errands
from .journal import plain
from .market import Market
from .session import Ended, Session
from .state import State
from .trade import Trade

log = logging.getLogger("alavanca_bridge")

#: A handshake that takes longer is given up, with a reason, before the engine (5 s) does it without.
HANDSHAKE_MS = 4_000
FLAGS_MS = 1_000
SNAPSHOT_MS = 3_000


class Bridge:
    """The bridge. `caps` are its own; `symbols` are polled also without an engine; `poll_ms` parts two polls."""

    def __init__(self, journal, secret, caps, symbols=(), poll_ms=20, killed=lambda: False):
        self.journal = journal
        self.own_caps = caps
        self.instance = secrets.token_hex(16)
        self.killed = killed
        self.now = 0
        self.utc = 0
        self.flags = None
        self.session = None
        self.errands = Errands()
        self.market = Market(self, symbols, poll_ms)
        self.state = State(self)
        self.trade = Trade(self)
        self.deadman = Deadman(self)
        self._secret = secret
        self._close = None
        self._worker_lost = 0
        self._due = {}
        self._told = {}

    # -- inputs -------------------------------------------------------------------------------------------------------

    def connected(self, send, now, utc):
        """A connection to the engine stands; `send` takes bytes."""
        self._close = None
        self.session = Session(self._secret, self.instance, send)
        self.session.heard = now
        self._time(now, utc)
        self._began = now

    def disconnected(self, why, now, utc):
        """The connection has ended."""
        self._time(now, utc)
        self._end(why)

    def received(self, data, now, utc):
        """Bytes of the engine. A true answer says that the connection is to be closed, and why."""
        self._time(now, utc)
        if self.session is None:
            return self._close
        try:
            for envelope, gap in self.session.take_in(data, now):
                if gap:
                    log.warning("frames of the engine are missing before %s", envelope["seq"])
                    self._snapshot()
                self._hear(envelope)
        except Ended as ended:
            self._end(str(ended))
        else:
            self._acknowledged()
        return self._close

    def worker_ready(self, now, utc):
        """The worker has begun."""
        self._time(now, utc)
        self._worker_lost = None
        self.errands.ready()
        self.market.begin()

    def worker_lost(self, why, now, utc):
        """The worker has ended or was killed."""
        self._time(now, utc)
        if self._worker_lost is None:
            self._worker_lost = now
        try:
            self.errands.lost(why)
        except Ended as ended:
            self._end(str(ended))
        return self._close

    def answer(self, answer, now, utc):
        """The worker's answer to the errand under way."""
        self._time(now, utc)
        try:
            self.errands.answered(answer)
        except Ended as ended:
            self._end(str(ended))
        return self._close

    def time(self, now, utc):
        """Time has passed. A true answer says that the connection is to be closed, and why."""
        self._time(now, utc)
        if self.session is not None:
            self._keep_alive()
        if self._is_due("flags", FLAGS_MS):
            self.errands.add("flags", {}, self._flags, rank=2, once="flags")
        if self.session is not None and self.session.up and self._is_due("snapshot", SNAPSHOT_MS):
            self._snapshot()
        self.market.time()
        self.deadman.time()
        return self._close

    def next_errand(self):
        """The next errand for an idle worker, or `None`."""
        return self.errands.next(self.now)

    def leave(self, why, now, utc):
        """The bridge ends in order."""
        self._time(now, utc)
        if self.session is not None and self.session.up:
            self.say("bye", {"text": why})
        self._end(why)

    # -- what the parts share -----------------------------------------------------------------------------------------

    @property
    def up(self):
        """Whether a session stands."""
        return self.session is not None and self.session.up

    @property
    def armed(self):
        """Whether a session stands in which orders may be sent."""
        return self.session is not None and self.session.armed

    @property
    def server_now(self):
        """The trade server's time, or `None`."""
        return self.market.server_now

    def say(self, kind, body, cid=None):
        """Says something where a session stands. Returns the frame's number."""
        if self.up:
            return self.session.say(kind, body, self.utc, self.server_now, cid)
        return None

    def limits(self):
        """The account that the session is about, for errands that trade."""
        account = self.session.account if self.up else self.journal.fact("account")
        return {"login": account["login"], "server_name": account["server"], "server_now": self.server_now}

    def act(self, because, magic, text):
        """Notes and tells that the bridge did something by itself."""
        body = {"because": because, "magic": str(magic), "text": text, "server": self.server_now or 0}
        log.warning("acted (%s) on %s: %s", because, magic, text)
        self.journal.act(body)
        self.tell_acted()

    def tell_acted(self):
        """Tells what no engine has acknowledged and this session was not told."""
        if not self.up:
            return
        for number, body in self.journal.untold():
            if number not in self._told:
                self._told[number] = self.say("acted", body)

    # -- parts --------------------------------------------------------------------------------------------------------

    def _time(self, now, utc):
        self.now, self.utc = now, utc
        if self.session is not None:
            self.session.utc = utc

    def _is_due(self, what, every):
        if self.now < self._due.get(what, 0):
            return False
        self._due[what] = self.now + every
        return True

    def _end(self, why):
        if self.session is None:
            return
        log.log(logging.INFO if self.session.up else logging.WARNING, "session ended: %s", why)
        self._close = why
        self.session.step = "ended"
        self.session = None
        self._told = {}
        self.trade.session_ended()
        self.market.session_ended()

    def _hear(self, envelope):
        kind, body, cid = envelope["type"], envelope["body"], envelope["cid"]
        session = self.session
        if kind == "refuse":
            raise Ended(f"the engine refuses ({body['reason']}): {body['text']}")
        if kind == "bye":
            if session.armed:
                self.deadman.engine_left()
            raise Ended(f"the engine goes: {body['text']}")
        if kind == "challenge":
            session.challenged(body)
            self.errands.add("identity", {}, lambda answer: self._identity(session, answer), rank=1)
        elif kind == "auth":
            self._auth(body)
        elif not session.up:
            session.refuse("protocol", f"`{kind}` before the session stands")
        elif kind == "heartbeat":
            session.echo = envelope["ts_utc"]
        else:
            self._handlers()[kind](body, cid)
        if session.armed:
            self.deadman.engine_heard()

    def _handlers(self):
        return {
            "subscribe": self.market.subscribe,
            "bars_req": self.market.bars,
            "order_submit": self.trade.submit,
            "close_by": self.trade.submit,
            "order_modify": lambda body, cid: self.trade.change("order_modify", body, cid),
            "order_cancel": lambda body, cid: self.trade.change("order_cancel", body, cid),
            "position_sltp": lambda body, cid: self.trade.change("position_sltp", body, cid),
            "order_check": self.trade.check,
            "calc_margin": self._calc_margin,
            "calc_profit": self._calc_profit,
            "reconcile_req": self.state.reconcile,
        }

    def _identity(self, session, answer):
        if session is not self.session:
            return
        found = answer.get("ok")
        if found is None:
            session.refuse("terminal", f"the terminal does not say whose account it is: {_error(answer)}")
        if not found["connected"]:
            session.refuse("terminal", "the terminal is not connected to its trade server")
        session.hello(found["account"], self.journal.epoch(), self.utc, self.server_now)

    def _auth(self, body):
        session = self.session
        session.authenticated(body, self.journal.epoch())
        crash.point("session:before_epoch")
        facts = {"epoch": body["epoch"], "account": session.account}
        if body["armed"]:
            self.deadman.engine_came()
            facts["armed_epoch"] = body["epoch"]
            facts["deadman"] = {"mode": body["deadman"], "lost_after_ms": body["lost_after_ms"]}
        self.journal.note(**facts)
        crash.point("session:after_epoch")
        self.trade.caps = self.own_caps.with_engines(body["caps"])
        session.welcome(body["epoch"], self.journal.without_outcome(), self.utc, self.server_now)
        log.info(
            "session %s: epoch %s, %s, account %s", session.name, body["epoch"],
            "armed" if body["armed"] else "not armed", session.account["login"],
        )  # fmt: skip
        self._heartbeat()
        self.tell_acted()

    def _keep_alive(self):
        session = self.session
        try:
            if not session.up:
                if self.now - self._began > HANDSHAKE_MS:
                    if session.step == "challenge":
                        raise Ended(
                            "the engine said nothing: if it listens with TLS (MT5_TLS_CERT), name its certificate with --tls-ca"
                        )
                    session.refuse("terminal", "the handshake took too long: the terminal does not answer")
                return
            if self.now - session.heard > session.terms["lost_after_ms"]:
                self._end(f"nothing heard for {self.now - session.heard} ms")
            elif self.now >= self._due.get("heartbeat", 0):
                self._heartbeat()
        except Ended as ended:
            self._end(str(ended))

    def _heartbeat(self):
        flags = self.flags or {}
        body = {
            "worker_busy_ms": self.errands.busy_ms(self.now),
            "terminal_connected": flags.get("terminal_connected", False) and self._worker_lost is None,
            "trade_allowed": flags.get("trade_allowed", False),
            "tradeapi_disabled": flags.get("tradeapi_disabled", False),
            "killed": bool(self.killed()),
        }
        if self._worker_lost is not None:
            body["worker_busy_ms"] = max(1, self.now - self._worker_lost)
        if "ping_us" in flags:
            body["ping_us"] = flags["ping_us"]
        if self.session.echo is not None:
            body["echo_utc"] = self.session.echo
        self.say("heartbeat", body)
        self._due["heartbeat"] = self.now + max(1, self.session.terms["heartbeat_ms"])

    def _flags(self, answer):
        self.flags = answer.get("ok")
        session = self.session
        if self.flags is None or session is None or session.account is None:
            return
        told = (self.flags["login"], self.flags["server_name"])
        if told != (session.account["login"], session.account["server"]):
            if session.up:
                self.say("bye", {"text": f"the terminal is on another account now: {told[0]} at {told[1]}"})
            raise Ended("the terminal is on another account now")

    def _acknowledged(self):
        if self.session is None:
            return
        for number, seq in list(self._told.items()):
            if seq is not None and seq <= self.session.acknowledged:
                self.journal.told(number)
                del self._told[number]
        self.market.flush()

    def _snapshot(self):
        def told(answer):
            if "ok" in answer and self.up:
                try:
                    self.say("snapshot", answer["ok"])
                except ValueError as error:
                    log.warning("no snapshot: %s", error)

        self.errands.add("snapshot", {}, told, rank=2, once="snapshot")

    def _calc_margin(self, body, cid):
        arguments = plain(body)
        self._calculate("calc_margin", arguments, cid)

    def _calc_profit(self, body, cid):
        arguments = plain(body)
        arguments["begin"], arguments["end"] = arguments.pop("open"), arguments.pop("close")
        self._calculate("calc_profit", arguments, cid)

    def _calculate(self, name, arguments, cid):
        def told(answer):
            self.say("calculated", {"amount": answer["ok"]} if "ok" in answer else {"error": _error(answer)}, cid)

        self.errands.add(name, arguments, told, rank=2)


def _error(answer):
    return answer.get("error", {}).get("text", "no answer")
