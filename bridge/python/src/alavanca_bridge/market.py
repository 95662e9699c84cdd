"""Ticks and bars: polled, framed, and held back while the engine is behind."""

import logging
from collections import deque

from .journal import plain

log = logging.getLogger("alavanca_bridge")

#: Rows of one frame: well below the longest frame.
TICKS_IN_FRAME = 400
BARS_IN_FRAME = 400
#: Positions, orders and deals are read in full at least this often, even where nothing seems to have changed.
FULL_MS = 1_000
#: Polls while no ticks are wanted or may be sent.
IDLE_POLL_MS = 20
#: Polls while no engine is there and nothing is guarded.
ALONE_POLL_MS = 250


class Market:
    """What the terminal shows of the market, and what the engine has of it."""

    def __init__(self, bridge, symbols, poll_ms):
        self._bridge = bridge
        self._own = tuple(symbols)
        self._poll_ms = poll_ms
        self._subscribed = ()
        self._ticks_wanted = False
        self._cursors = {}
        self._frames = deque()
        self._unacknowledged = deque()
        self._stamp = None
        self._stamped = 0
        self._next_poll = 0
        self._full = 0
        self._look = True

    @property
    def server_now(self):
        """The server's time: the last stamp, carried on. `None` before the first."""
        if self._stamp is None:
            return None
        return self._stamp + int(self._bridge.now - self._stamped)

    def see(self, stamp):
        """Something was stamped with this time of the server's."""
        if stamp > 0 and (self._stamp is None or stamp > self._stamp):
            self._stamp, self._stamped = stamp, self._bridge.now

    def begin(self):
        """A worker is there: what stands is read before anything else, so that later only what is new is told."""
        self.look_at_trade()
        self._bridge.errands.add("poll", None, self._polled, rank=0, begin=self._begin_poll, once="first poll")

    def subscribe(self, body, _cid):
        """Hears `subscribe`."""
        session = self._bridge.session
        self._subscribed = tuple(dict.fromkeys(body["symbols"]))
        self._ticks_wanted = body["ticks"]
        self._frames.clear()
        for symbol in self._subscribed:
            self._bridge.errands.add("spec", {"symbol": symbol}, self._spec_of(session, symbol), rank=2)

    def bars(self, body, cid):
        """Hears `bars_req`."""
        request = _Bars(self._bridge, plain(body), cid)
        request.begin()

    def look_at_trade(self):
        """Something was traded: positions, orders and deals are read with the next poll, which comes at once."""
        self._look = True
        self._next_poll = 0

    def session_ended(self):
        """Nobody waits for ticks any more."""
        self._frames.clear()
        self._unacknowledged.clear()

    def time(self):
        """Polls where it is time to."""
        bridge = self._bridge
        if bridge.now < self._next_poll or bridge.errands.waits("poll"):
            return
        bridge.errands.add("poll", None, self._polled, rank=2, begin=self._begin_poll, once="poll")

    def flush(self):
        """Sends the ticks that the engine's window has room for."""
        session = self._bridge.session
        if session is None or not session.up:
            return
        while self._unacknowledged and self._unacknowledged[0] <= session.acknowledged:
            self._unacknowledged.popleft()
            self._next_poll = min(self._next_poll, self._bridge.now + self._poll_ms)
        while self._frames and len(self._unacknowledged) < session.terms["window"]:
            symbol, ticks = self._frames.popleft()
            self._unacknowledged.append(self._bridge.say("tick", {"symbol": symbol, "ticks": ticks}))

    # -- parts --------------------------------------------------------------------------------------------------------

    def _room(self):
        """Whether ticks may be asked for: the engine has room, or no engine is there."""
        if not self._bridge.up:
            return True
        window = self._bridge.session.terms["window"]
        return self._ticks_wanted and not self._frames and len(self._unacknowledged) < window

    def _begin_poll(self):
        bridge = self._bridge
        guarded = bridge.deadman.symbols()
        for symbol, since in guarded.items():
            # What the market did since the extra was opened may have reached its levels.
            if self._cursors.get(symbol) is None:
                self._cursors[symbol] = [since, 0]
        wanted = [*guarded]
        if self._room():
            wanted += self._subscribed
        if not bridge.up:
            wanted += self._own
        symbols = list(dict.fromkeys(wanted))
        full = self._look or bridge.now >= self._full
        if full:
            self._full, self._look = bridge.now + FULL_MS, False
        pause = self._poll_ms
        if not bridge.up and not bridge.deadman.symbols():
            pause = max(pause, ALONE_POLL_MS)
        elif not symbols:
            pause = max(pause, IDLE_POLL_MS)
        self._next_poll = bridge.now + pause
        since, tickets, magics = bridge.state.watched()
        return {
            "cursors": {symbol: self._cursors.get(symbol) for symbol in symbols},
            "trade": True,
            "force": full,
            "since": since,
            "tickets": tickets,
            "magics": magics,
        }

    def _polled(self, answer):
        bridge = self._bridge
        found = answer.get("ok")
        if found is None:
            self._look = True
            self._next_poll = bridge.now + ALONE_POLL_MS
            log.debug("no poll: %s", answer["error"]["text"])
            return
        self.see(found["server"])
        ticks = {}
        for symbol, read in found["ticks"].items():
            self._cursors[symbol] = read["cursor"]
            ticks[symbol] = read["ticks"]
        if "trade" in found:
            bridge.state.take_in(found["trade"])
        bridge.deadman.take_in(ticks)
        if bridge.up and self._ticks_wanted:
            for symbol in self._subscribed:
                rows = ticks.get(symbol, ())
                for begin in range(0, len(rows), TICKS_IN_FRAME):
                    self._frames.append((symbol, rows[begin : begin + TICKS_IN_FRAME]))
        self.flush()

    def _spec_of(self, session, symbol):
        return lambda answer: self._spec(session, symbol, answer)

    def _spec(self, session, symbol, answer):
        if self._bridge.session is not session:
            return
        if "ok" in answer:
            self._bridge.say("symbol_spec", answer["ok"])
            self._bridge.say("session_calendar", {"symbol": symbol, "known": False, "sessions": []})
        elif symbol in self._subscribed:
            log.warning("no specification of %s: %s", symbol, answer["error"]["text"])
            self._bridge.errands.add(
                "spec", {"symbol": symbol}, self._spec_of(session, symbol), rank=3
            )


class _Bars:
    """One request for bars, page by page, so that orders get between."""

    def __init__(self, bridge, body, cid):
        self._bridge = bridge
        self._session = bridge.session
        self._body = body
        self._cid = cid
        self._pages = []

    def begin(self):
        body = self._body
        if "from_server" in body:
            until = body.get("to_server", self._bridge.server_now)
            if until is None:
                self._say([], False, "the server's time is not known yet: name `to_server`")
                return
            self._ask({"from": body["from_server"], "to": until})
        elif body.get("count"):
            # One more: the newest may not be complete.
            self._ask({"count": body["count"] + 1, "before": None})
        else:
            self._say([], False, "name `from_server` and `to_server`, or `count`")

    def _ask(self, plan):
        arguments = {"symbol": self._body["symbol"], "seconds": self._body["seconds"], "plan": plan}
        self._bridge.errands.add("bars", arguments, self._answered, rank=3)

    def _answered(self, answer):
        if self._bridge.session is not self._session:
            return
        if "ok" not in answer:
            self._say([], False, answer["error"]["text"])
            return
        rows, after = answer["ok"]["bars"], answer["ok"]["next"]
        if "from_server" in self._body:
            if rows or after is None:
                self._say(rows, after is not None)
        else:
            self._pages.append(rows)
            if after is None:
                rows = [row for page in reversed(self._pages) for row in page]
                self._say(rows[-self._body["count"] :], False)
        if after is not None:
            self._ask(after)

    def _say(self, rows, more, error=None):
        parts = [rows[begin : begin + BARS_IN_FRAME] for begin in range(0, len(rows), BARS_IN_FRAME)] or [[]]
        for number, part in enumerate(parts):
            body = {"symbol": self._body["symbol"], "seconds": self._body["seconds"]}
            body["more"] = more or number + 1 < len(parts)
            if error is not None:
                body["error"] = error
            body["bars"] = part
            self._bridge.say("bars", body, self._cid)
