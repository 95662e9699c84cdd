"""Everything that the bridge asks of MetaTrader5, in the worker's process. Each method is one errand from the *net*
process; nothing else happens on the account between its calls, as far as this bridge is concerned.
"""

import time
from decimal import Decimal

from . import crash, readings, requests, retcodes
from .decimals import text

DAY_MS = 86_400_000
#: History is asked for with so much on both sides: its stamps are the server's wall clock.
PADDING_MS = DAY_MS
#: Where nobody knows the server's time yet, history is asked for up to then (2100).
FAR_SECONDS = 4_102_444_800
#: Ticks that one errand takes at first; where a single second holds more, it asks again for more.
TICKS_AT_FIRST = 256
TICKS_AT_MOST = 1 << 20
#: Bars that one call asks for.
BARS_PAGE = 2_000
#: How often the account is read again until two readings agree.
READINGS_MAX = 6
#: A terminal that could not be reached is not looked for again sooner.
REVIVE_SECONDS = 1.0

TIMEFRAMES = {
    60: 1, 120: 2, 180: 3, 240: 4, 300: 5, 360: 6, 600: 10, 720: 12, 900: 15, 1200: 20, 1800: 30,
    3600: 1 | 0x4000, 7200: 2 | 0x4000, 10800: 3 | 0x4000, 14400: 4 | 0x4000, 21600: 6 | 0x4000,
    28800: 8 | 0x4000, 43200: 12 | 0x4000, 86400: 24 | 0x4000, 604800: 1 | 0x8000,
}  # fmt: skip
COPY_TICKS_ALL = -1

#: `last_error` codes that mean: the terminal is not there.
GONE = range(-10005, -9999)


class Failed(Exception):
    """The terminal did not give what it was asked for."""

    def __init__(self, what, error):
        code, words = error
        super().__init__(f"{what}: {words} ({code})")
        self.code = code


class NotSent(Exception):
    """Surely nothing was sent, and why."""


class Terminal:
    """A terminal, over the package `mt5`. `login` holds the arguments of its `initialize`."""

    def __init__(self, mt5, login):
        self._mt5 = mt5
        self._login = dict(login)
        self._failed = None
        self._there = False
        self._server = 0
        self._fingerprint = None
        self._told_deals = set()

    # -- errands ------------------------------------------------------------------------------------------------------

    def identity(self):
        """Whose account it is, and whether the terminal has its server."""
        account, terminal = self._account(), self._ask("terminal_info")
        return {"account": readings.account_identity(account), "connected": bool(terminal.connected)}

    def flags(self):
        """What a heartbeat tells."""
        account, terminal = self._account(), self._ask("terminal_info")
        return {
            "login": readings.unsigned(account.login),
            "server_name": account.server,
            "terminal_connected": bool(terminal.connected),
            "trade_allowed": bool(account.trade_allowed and account.trade_expert and terminal.trade_allowed),
            "tradeapi_disabled": bool(terminal.tradeapi_disabled),
            "ping_us": max(0, int(terminal.ping_last)),
        }

    def spec(self, symbol):
        """A symbol's specification. It is put into the Market Watch, without which there are no ticks."""
        info = self._mt5_call("symbol_info", symbol)
        if info is None:
            code, words = self._mt5.last_error()
            if code in GONE:
                self._there = False
                raise Failed(f"symbol_info({symbol})", (code, words))
            return readings.symbol_spec(symbol, None)
        if not info.visible:
            self._mt5_call("symbol_select", symbol, True)
        return readings.symbol_spec(symbol, info)

    def poll(self, cursors, trade, force, since, tickets, magics):
        """Ticks after each symbol's cursor; positions, orders and deals where they changed or `force` is set; and how
        the orders of these tickets and magics ended, where they did. `since` is the time of the oldest of them, or
        `None`.
        """
        answer = {"ticks": {}}
        for symbol, cursor in cursors.items():
            ticks, after = self._ticks(symbol, cursor)
            answer["ticks"][symbol] = {"ticks": ticks, "cursor": after}
        if trade:
            positions, orders = self._ask("positions_get"), self._ask("orders_get")
            fingerprint = _fingerprint(positions, orders)
            if force or fingerprint != self._fingerprint:
                answer["trade"] = self._trade(since, tickets, magics)
                # What changed while it was read is looked at again next time.
                self._fingerprint = fingerprint if answer["trade"]["stable"] else None
        answer["server"] = self._server
        return answer

    def snapshot(self):
        """The account, its positions and its orders."""
        account, positions, orders, _ = self._still()
        return self._standing(account, positions, orders, [])

    def reconcile(self, since, magics, from_server):
        """Everything at one moment: the account is read until two readings agree. `from_server` is the time of the
        oldest order that is asked for.
        """
        begin = min(since, from_server) - PADDING_MS
        account, positions, orders, stable = self._still(lambda: self._history(begin))
        if not stable:
            raise Failed("the account did not hold still", (-1, "its readings differed every time"))
        history_orders, deals = self._read_history[0], [self._deal(found) for found in self._read_history[1]]
        wanted = {int(magic) for magic in magics}
        of_magic = {magic: {} for magic in wanted}
        for found in (*history_orders, *orders):
            if found.magic in wanted:
                of_magic[found.magic][found.ticket] = readings.order(found)
        deals_of = {magic: [] for magic in wanted}
        for found in deals:
            if int(found["magic"]) in wanted:
                deals_of[int(found["magic"])].append(found)
        fresh = [found for found in deals if found["server"] >= since]
        return {
            "snapshot": self._standing(account, positions, orders, fresh),
            "found": {
                str(magic): {"orders": list(of_magic[magic].values()), "deals": deals_of[magic]} for magic in wanted
            },
            "deals": deals,
        }

    def submit(self, order, limits):
        """The one call of `order_send` for an order, after everything that can be looked at beforehand.

        `limits`: `login` and `server_name` of the account; `server_now`, the server's time by the caller; `position_lots`
        where the order opens; `look_in_history` where the journal is younger than the orders could be.
        """
        try:
            request = self._prepare(order, limits)
        except (NotSent, Failed) as why:
            return {"not_sent": str(why)}
        return {**self._send(order["magic"], request), "server": self._server}

    def prepare_close(self, order, limits):
        """Whether the bridge's own closing order would be taken now: `{"volume", "price"}`, or `{"not_now"}`."""
        try:
            order = dict(order)
            order["volume"] = self._clip(order, Decimal(order["volume"]))
            tick = self._ask("symbol_info_tick", order["symbol"])
            order["price"] = text(tick.bid if order["side"] == "sell" else tick.ask)
            request = self._prepare(order, limits)
            check = self._ask("order_check", request)
        except (NotSent, Failed) as why:
            return {"not_now": str(why)}
        if check.retcode != 0:
            return {"not_now": f"order_check says {check.retcode} ({retcodes.name(check.retcode)}): {check.comment}"}
        return {"volume": order["volume"], "price": order["price"]}

    def change(self, kind, body, limits):
        """A change of a position or an order. Asking twice does no harm."""
        try:
            self._same_account(limits)
            if kind == "position_sltp":
                request = requests.position_sltp(body)
            elif kind == "order_modify":
                resting = self._ask("orders_get", ticket=int(body["order"]))
                if not resting:
                    raise NotSent(f"no resting order {body['order']}")
                request = requests.order_modify(body, resting[0].type_time, resting[0].time_expiration)
            else:
                request = requests.order_cancel(self._to_cancel(body))
        except (NotSent, Failed) as why:
            return {"not_sent": str(why)}
        return self._send(0, request)

    def keep_exits(self, symbol, identifier, sl, tp, limits):
        """Sets a netting position's stop and target again where they are not what they were."""
        try:
            self._same_account(limits)
            for found in self._ask("positions_get", symbol=symbol):
                if found.identifier != int(identifier):
                    continue
                wanted = {"symbol": symbol, "position": found.ticket, "sl": sl, "tp": tp}
                if (text(found.sl), text(found.tp)) != (sl, tp):
                    return self._send(0, requests.position_sltp(wanted))
        except (NotSent, Failed) as why:
            return {"not_sent": str(why)}
        return {"kept": True}

    def check(self, order):
        """Would it be taken? Sends nothing."""
        check = self._ask("order_check", self._request(order))
        return {
            **readings.not_called(order["magic"], check.comment, check.retcode),
            "volume": order["volume"],
            "margin": text(check.margin),
        }

    def calc_margin(self, side, symbol, volume, price):
        """The margin that an order would take."""
        kind = requests.TYPE_BUY if side == "buy" else requests.TYPE_SELL
        return text(self._ask("order_calc_margin", kind, symbol, float(volume), float(price)))

    def calc_profit(self, side, symbol, volume, begin, end):
        """What a position would make."""
        kind = requests.TYPE_BUY if side == "buy" else requests.TYPE_SELL
        return text(self._ask("order_calc_profit", kind, symbol, float(volume), float(begin), float(end)))

    def bars(self, symbol, seconds, plan):
        """One page of bars, oldest first, and the plan for the page after it (`None` at the end).

        A plan is `{"from", "to"}` in server milliseconds, or `{"count", "before"}`: so many bars before this second of
        the server's, or the newest.
        """
        timeframe = TIMEFRAMES.get(seconds)
        if timeframe is None:
            raise Failed(f"{seconds} s", (-2, "not one of MetaTrader's timeframes"))
        page = max(1, min(BARS_PAGE, int(self._ask("terminal_info").maxbars) - 1))
        if "count" in plan:
            rows, after = self._bars_back(symbol, timeframe, plan, page)
        else:
            rows, after = self._bars_between(symbol, timeframe, seconds, plan, page)
        complete = self._complete_before(symbol)
        return {
            "bars": [_bar(row) for row in rows if (int(row[0]) + seconds) * 1000 <= complete],
            "next": after,
        }

    # -- parts --------------------------------------------------------------------------------------------------------

    def _mt5_call(self, name, *arguments, **named):
        self._revive()
        return getattr(self._mt5, name)(*arguments, **named)

    def _revive(self):
        """Connects to the terminal, again where it went away."""
        if self._there:
            return
        if self._failed is not None and time.monotonic() - self._failed < REVIVE_SECONDS:
            raise Failed("initialize", (-10004, "the terminal is not there"))
        self._mt5.shutdown()
        arguments = dict(self._login)
        path = [arguments.pop("path")] if "path" in arguments else []
        if not self._mt5.initialize(*path, **arguments):
            self._failed = time.monotonic()
            raise Failed("initialize", self._mt5.last_error())
        self._there, self._failed = True, None
        self._fingerprint = None

    def _ask(self, name, *arguments, **named):
        """A call that only reads. None is a failure: "query failed" is not "nothing there"."""
        answer = self._mt5_call(name, *arguments, **named)
        if answer is None:
            error = self._mt5.last_error()
            if error[0] in GONE:
                self._there = False
            raise Failed(name, error)
        return answer

    def _account(self):
        return self._ask("account_info")

    def _same_account(self, limits):
        account = self._account()
        login = readings.unsigned(account.login)
        if (login, account.server) != (limits["login"], limits["server_name"]):
            raise NotSent(f"the terminal is on account {login} at {account.server}, not the session's")

    def _send(self, magic, request):
        crash.point("worker:before_order_send")
        try:
            result = self._mt5.order_send(request)
        except Exception as error:  # The call may have gone out: whatever it is, it proves nothing.
            return {"unknown": f"order_send raised {type(error).__name__}: {error}"}
        crash.point("worker:after_order_send")
        if result is None:
            code, words = self._mt5.last_error()
            if code in GONE:
                self._there = False
            if code in retcodes.ERRORS_NOT_SENT:
                return {"not_sent": f"order_send gave nothing: {words} ({code})"}
            return {"unknown": f"order_send gave nothing: {words} ({code})"}
        return {"result": readings.trade_result(magic, result)}

    def _request(self, order):
        if "position_by" in order:
            return requests.close_by(order)
        info = self._ask("symbol_info", order["symbol"])
        return requests.market_order(order, requests.time_in_force(int(info.expiration_mode)))

    def _prepare(self, order, limits):
        self._same_account(limits)
        if "position_by" not in order:
            self._in_time(order, limits)
            if order["intent"] == "open":
                self._within(order, Decimal(limits["position_lots"]))
            else:
                self._only_reduces(order)
        request = self._request(order)
        if limits.get("look_in_history"):
            self._never_seen(int(order["magic"]))
        return request

    def _in_time(self, order, limits):
        tick = self._ask("symbol_info_tick", order["symbol"])
        self._see(tick.time_msc)
        now = max(limits["server_now"] or 0, tick.time_msc)
        if now <= 0:
            raise NotSent("the server's time is not known")
        if now > order["not_after_server"]:
            raise NotSent(f"it waited too long: {now - order['not_after_server']} ms past its time")

    def _within(self, order, most):
        """Position and resting orders of the symbol, with this order, within the cap."""
        sign = 1 if order["side"] == "buy" else -1
        held = Decimal(0)
        for found in self._ask("positions_get", symbol=order["symbol"]):
            held += _lots(found.volume) * (1 if found.type == requests.TYPE_BUY else -1)
        waiting = Decimal(0)
        for found in self._ask("orders_get", symbol=order["symbol"]):
            if (found.type % 2 == requests.TYPE_BUY) == (sign == 1):
                waiting += _lots(found.volume_current)
        after = abs(held + sign * (waiting + Decimal(order["volume"])))
        if after > most:
            raise NotSent(f"cap: the position of {order['symbol']} would be {after} lots, {most} at most")

    def _only_reduces(self, order):
        """A closing order never crosses flat."""
        clipped = Decimal(self._clip(order, Decimal(order["volume"])))
        if clipped < Decimal(order["volume"]):
            raise NotSent(f"it would cross flat: {clipped} lots are there to close, not {order['volume']}")

    def _clip(self, order, volume):
        """What of a closing order's volume there is to close, as text."""
        kind = requests.TYPE_SELL if order["side"] == "buy" else requests.TYPE_BUY
        there = Decimal(0)
        for found in self._ask("positions_get", symbol=order["symbol"]):
            if order.get("position") and found.ticket != int(order["position"]):
                continue
            if order.get("identifier") and found.identifier != int(order["identifier"]):
                continue
            if found.type == kind:
                there += _lots(found.volume)
        # A closing order that already rests may fill, too.
        for found in self._ask("orders_get", symbol=order["symbol"]):
            of_it = not order.get("position") or found.position_id == int(order["position"])
            if found.type in (0, 1) and found.type != kind and of_it:
                there -= _lots(found.volume_current)
        if there <= 0:
            raise NotSent("there is nothing to close")
        return text(min(there, volume))

    def _never_seen(self, magic):
        """A journal that is new cannot know an order that was sent before it was lost: the terminal can."""
        begin, end = self._range((self._server or 0) - 7 * DAY_MS)
        seen = [
            *self._ask("orders_get"),
            *self._ask("positions_get"),
            *self._ask("history_orders_get", begin, end),
            *self._ask("history_deals_get", begin, end),
        ]
        if any(found.magic == magic for found in seen):
            raise NotSent("the terminal knows an order of that magic already; the journal does not")

    def _to_cancel(self, body):
        if int(body["order"]):
            return int(body["order"])
        for found in self._ask("orders_get"):
            if found.magic == int(body["magic"]):
                return found.ticket
        raise NotSent(f"no resting order of magic {body['magic']}")

    def _still(self, also=lambda: None):
        """Account, positions and orders, read until nothing changes in between; what `also` reads lies between two
        readings that agree.
        """
        before = None
        for _ in range(READINGS_MAX):
            positions, orders = self._ask("positions_get"), self._ask("orders_get")
            now = _fingerprint(positions, orders)
            if now == before:
                return account, positions, orders, True
            also()
            account = self._account()
            before = now
        return account, positions, orders, False

    def _history(self, begin_server):
        begin, end = self._range(begin_server)
        orders = self._ask("history_orders_get", begin, end)
        self._read_history = (orders, self._ask("history_deals_get", begin, end))
        for found in self._read_history[1]:
            self._see(found.time_msc)

    def _deal(self, found):
        """A deal, with the magic of its order where the history has it."""
        magic = next((order.magic for order in self._read_history[0] if order.ticket == found.order), found.magic)
        return {**readings.deal(found), "magic": readings.unsigned(magic)}

    def _range(self, begin_server):
        end = (self._server + 2 * DAY_MS) // 1000 if self._server else FAR_SECONDS
        return max(0, begin_server // 1000), max(end, 1)

    def _trade(self, since, tickets, magics):
        """Positions, orders, deals that were not told before, and how orders ended."""
        begin = (min(self._server, since) if since else self._server) - PADDING_MS
        _, positions, orders, stable = self._still(lambda: self._history(begin))
        resting = {found.ticket for found in orders}
        deals = [found for found in self._read_history[1] if found.ticket not in self._told_deals]
        self._told_deals.update(found.ticket for found in deals)
        tickets, magics = {int(ticket) for ticket in tickets} - resting, {int(magic) for magic in magics}
        ended = [found for found in self._read_history[0] if found.ticket in tickets or found.magic in magics]
        return {
            "stable": stable,
            "positions": [readings.position(found) for found in positions],
            "orders": [readings.order(found) for found in orders],
            "deals": [self._deal(found) for found in deals],
            "ended": [readings.order(found) for found in ended],
        }

    def _standing(self, account, positions, orders, deals):
        return {
            "account": readings.account_state(account, self._server),
            "positions": [readings.position(found) for found in positions],
            "orders": [readings.order(found) for found in orders],
            "deals": deals,
        }

    def _ticks(self, symbol, cursor):
        """Ticks after the cursor `[stamp, how many of that very millisecond are known]`, none left out, none twice."""
        if cursor is None:
            tick = self._mt5_call("symbol_info_tick", symbol)
            if tick is None or tick.time_msc <= 0:
                return [], None
            cursor = [tick.time_msc, 0]
        stamp, known = cursor
        count = TICKS_AT_FIRST
        while True:
            rows = self._ask("copy_ticks_from", symbol, stamp // 1000, count, COPY_TICKS_ALL).tolist()
            fresh, of_stamp = [], 0
            for row in rows:
                if row[5] < stamp:
                    continue
                if row[5] == stamp:
                    of_stamp += 1
                    if of_stamp <= known:
                        continue
                fresh.append(row)
            if fresh or len(rows) < count or count >= TICKS_AT_MOST:
                break
            count *= 4
        if fresh:
            last = fresh[-1][5]
            of_last = sum(1 for row in fresh if row[5] == last)
            cursor = [last, of_last + (known if last == stamp else 0)]
            self._see(last)
        return [_tick(row) for row in fresh], cursor

    def _see(self, server):
        self._server = max(self._server, server)

    def _complete_before(self, symbol):
        """Bars that end by then are complete: a later tick of the symbol is known."""
        return self._ask("symbol_info_tick", symbol).time_msc

    def _bars_between(self, symbol, timeframe, seconds, plan, page):
        begin, last = plan["from"] // 1000, plan["to"] // 1000
        end = min(last, begin + (page - 1) * seconds)
        rows = self._rates("copy_rates_range", symbol, timeframe, begin, end)
        rows = [row for row in rows if begin <= row[0] <= end]
        return rows, ({"from": (end + 1) * 1000, "to": plan["to"]} if end < last else None)

    def _bars_back(self, symbol, timeframe, plan, page):
        """From the newest backwards; the net process turns the pages round."""
        count = min(page, plan["count"])
        if plan["before"] is None:
            rows = self._rates("copy_rates_from_pos", symbol, timeframe, 0, count)
        else:
            rows = self._rates("copy_rates_from", symbol, timeframe, plan["before"] - 1, count)
            rows = [row for row in rows if row[0] < plan["before"]]
        more = plan["count"] - len(rows)
        return rows, {"count": more, "before": int(rows[0][0])} if rows and more > 0 else None

    def _rates(self, name, *arguments):
        try:
            return self._ask(name, *arguments).tolist()
        except Failed as error:
            if error.code == -4:
                return []
            raise


def _lots(volume):
    return Decimal(text(volume))


def _fingerprint(positions, orders):
    return (
        [(p.ticket, p.identifier, p.type, p.volume, p.price_open, p.sl, p.tp, p.magic) for p in positions],
        [(o.ticket, o.state, o.volume_current, o.price_open, o.sl, o.tp) for o in orders],
    )


def _tick(row):
    _, bid, ask, last, volume, stamp, flags, volume_real = row
    volume = volume_real if volume_real > 0 else volume
    return [int(stamp), text(bid), text(ask), text(last), text(volume), int(flags) & 0xFFFF_FFFF]


def _bar(row):
    begin, first, high, low, last, tick_volume, spread, real_volume = row
    prices = [text(first), text(high), text(low), text(last)]
    return [int(begin) * 1000, *prices, int(tick_volume), int(real_volume), max(0, int(spread))]
