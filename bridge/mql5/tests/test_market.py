"""Ticks, bars, sessions, money and what is told of the account."""

import tempfile
import unittest

from world import SYMBOL, World, until

PULLED = ("--account", "netting", "--pulled", "true")


class TicksWorld(World):
    def gather(self, session, enough):
        """Ticks as they come, acknowledged frame by frame."""
        ticks = []
        while not enough(ticks):
            frame = session.hear("tick")
            self.assertEqual(frame["body"]["symbol"], SYMBOL)
            ticks += frame["body"]["ticks"]
            session.say("heartbeat", {"state": "ACTIVE"})
        return ticks

    def terminal_ticks(self, first, last):
        rows = self.simterm.call("copy_ticks_range", symbol=SYMBOL, date_from=first, date_to=last, flags=-1)
        return [(row[5], row[1], row[2], row[3]) for row in rows]

    def same(self, ticks):
        """No tick is lost, none comes twice."""
        told = [(tick[0], float(tick[1]), float(tick[2]), float(tick[3])) for tick in ticks]
        self.assertEqual(told, [row for row in self.terminal_ticks(told[0][0], told[-1][0])][-len(told):])
        return told


class TicksTest(TicksWorld):
    SIMTERM = PULLED

    def test_every_tick_once(self):
        self.advisor()
        session = self.session(window=1)
        session.say("subscribe", {"symbols": [SYMBOL], "ticks": True})
        told = self.same(self.gather(session, lambda ticks: len(ticks) >= 1500))
        self.assertGreaterEqual(len(told), 1500)

    def test_the_window_holds_ticks_back(self):
        self.advisor()
        session = self.session(window=2)
        session.acks = False
        session.say("subscribe", {"symbols": [SYMBOL], "ticks": True})
        for _ in range(2):
            session.hear("tick")
        # Questions are answered, ticks wait.
        for n in range(50):
            session.ask("calc_margin", {"symbol": SYMBOL, "side": "buy", "volume": "1", "price": "1"}, "calculated", f"q{n}")
        self.assertEqual(sum(frame["type"] == "tick" for frame in session.heard), 2)
        session.acks = True
        session.say("heartbeat", {"state": "ACTIVE"})
        session.hear("tick")

    def test_after_a_reconnect_they_go_on(self):
        self.advisor()
        for _ in range(3):
            session = self.session(window=1)
            session.say("subscribe", {"symbols": [SYMBOL], "ticks": True})
            self.same(self.gather(session, lambda ticks: len(ticks) >= 100))
            session.close()


class CrowdedWorld(TicksWorld):
    """Many ticks come at once: more than a frame or a call holds, hundreds with the same stamp."""

    SIMTERM = ("--account", "netting", "--pulled", "false", "--speed", "0.000001")

    def terminal(self, *options):
        self.rows = tempfile.NamedTemporaryFile("w", suffix=".csv")
        self.addCleanup(self.rows.close)
        for number in range(12_000):
            stamp = 36_000_000 + (number // 10 if number < 3_000 else 1_000 + number // 3_000) * 100
            clock = f"{stamp // 3_600_000:02}:{stamp // 60_000 % 60:02}:{stamp // 1000 % 60:02}.{stamp % 1000:03}"
            price = 120_000 + 5 * (number % 997)
            self.rows.write(f"2026.03.10\t{clock}\t{price}\t{price + 5}\t{price}\t1\n")
        self.rows.flush()
        return super().terminal(*options, "--ticks", self.rows.name)


class CrowdedTicksTest(CrowdedWorld):
    def test_every_tick_once(self):
        self.simterm.call("advance", ms=3_600_000)
        self.advisor()
        session = self.session(window=1)
        session.say("subscribe", {"symbols": [SYMBOL], "ticks": True})
        session.hear("tick")
        session.say("heartbeat", {"state": "ACTIVE"})
        before = self.simterm.tick()["time_msc"]
        self.simterm.call("advance", ms=1_800_000)
        last = self.simterm.tick()["time_msc"]
        wanted = [row for row in self.terminal_ticks(before + 1, last)]
        self.assertGreater(len(wanted), 1000)
        ticks = self.gather(session, lambda ticks: bool(ticks) and ticks[-1][0] >= last and len(ticks) >= len(wanted))
        told = [(tick[0], float(tick[1]), float(tick[2]), float(tick[3])) for tick in ticks]
        self.assertEqual([row for row in told if row[0] > before], wanted)


class WindowTest(CrowdedWorld):
    """The market does not wait for the engine: what it does not take in yet stays in the terminal."""

    def test_frames_that_are_not_acknowledged_hold_ticks_back(self):
        self.simterm.call("advance", ms=3_600_000)
        self.advisor()
        session = self.session(window=3)
        session.acks = False
        session.say("subscribe", {"symbols": [SYMBOL], "ticks": True})
        self.simterm.call("advance", ms=1_800_000)
        for _ in range(3):
            session.hear("tick")
        for n in range(50):
            session.ask("calc_margin", {"symbol": SYMBOL, "side": "buy", "volume": "1", "price": "1"}, "calculated", f"q{n}")
        self.assertEqual(sum(frame["type"] == "tick" for frame in session.heard), 3)
        session.acks = True
        session.say("heartbeat", {"state": "ACTIVE"})
        session.hear("tick")


class QuestionsTest(World):
    SIMTERM = ("--account", "netting", "--pulled", "false", "--speed", "0.000001", "--from", "10:00", "--history-days", "5")

    def setUp(self):
        super().setUp()
        self.simterm.call("advance", ms=600_000)
        self.advisor()
        self.talk = self.session()

    def bars(self, **request):
        body = {"symbol": SYMBOL, "seconds": 60, **request}
        self.talk.say("bars_req", body, "b")
        bars, frames = [], 0
        while True:
            answer = self.talk.hear("bars", "b")["body"]
            self.assertNotIn("error", answer)
            bars += answer["bars"]
            frames += 1
            if not answer["more"]:
                return bars, frames

    def terminal_bars(self, count, seconds=60, timeframe=1):
        """Complete bars, by the terminal."""
        rows = self.simterm.call("copy_rates_from_pos", symbol=SYMBOL, timeframe=timeframe, start_pos=0, count=count + 1)
        now = self.simterm.call("clock")["server_msc"] / 1000
        rows = [row for row in rows if row[0] + seconds <= now][-count:]
        return [[row[0] * 1000, row[1], row[2], row[3], row[4], row[5], row[7], row[6]] for row in rows]

    def read(self, bars):
        return [[bar[0]] + [float(price) for price in bar[1:5]] + bar[5:] for bar in bars]

    def test_bars_by_count_over_several_frames(self):
        bars, frames = self.bars(count=2500)
        self.assertEqual(self.read(bars), self.terminal_bars(2500))
        self.assertEqual((len(bars), frames > 1), (2500, True))
        self.assertEqual(self.bars(count=0)[0], [])
        self.assertEqual(self.read(self.bars(count=7, seconds=300)[0]), self.terminal_bars(7, 300, 5))

    def test_bars_by_range(self):
        every = self.terminal_bars(2000)
        bars, _ = self.bars(from_server=every[100][0], to_server=every[1700][0])
        self.assertEqual(self.read(bars), every[100:1701])

    def test_bars_that_there_are_none(self):
        for request in ({"seconds": 61, "count": 3}, {"symbol": "NOSUCH", "count": 3}, {"count": 4_000_000_000}, {}):
            with self.subTest(request):
                body = {"symbol": SYMBOL, "seconds": 60, **request}
                answer = self.talk.ask("bars_req", body, "bars", "b")
                self.assertTrue(answer["error"])
                self.assertEqual((answer["bars"], answer["more"]), ([], False))

    def test_symbols_and_sessions(self):
        self.talk.say("subscribe", {"symbols": [SYMBOL, "NOSUCH"], "ticks": False})
        spec = self.talk.hear("symbol_spec")["body"]
        info = self.simterm.call("symbol_info", symbol=SYMBOL)
        self.assertEqual(float(spec["tick_size"]), info["trade_tick_size"])
        self.assertEqual(float(spec["tick_value"]), info["trade_tick_value"])
        self.assertEqual(float(spec["volume_step"]), info["volume_step"])
        self.assertEqual(
            (spec["exists"], spec["digits"], spec["execution"], spec["filling_mode"], spec["trade_mode"]),
            (True, info["digits"], info["trade_exemode"], info["filling_mode"], info["trade_mode"]),
        )
        calendar = self.talk.hear("session_calendar")["body"]
        self.assertTrue(calendar["known"])
        self.assertEqual({one["weekday"] for one in calendar["sessions"]}, {1, 2, 3, 4, 5})
        self.assertTrue(all(0 <= one["from"] < one["to"] <= 86400 for one in calendar["sessions"]))
        self.assertFalse(self.talk.hear("symbol_spec")["body"]["exists"])
        self.assertFalse(self.talk.hear("session_calendar")["body"]["known"])

    def test_money(self):
        tick = self.simterm.tick()
        price = f"{tick['ask']:g}"
        margin = self.talk.ask("calc_margin", {"symbol": SYMBOL, "side": "buy", "volume": "2", "price": price}, "calculated", "m")
        wanted = self.simterm.call("order_calc_margin", action=0, symbol=SYMBOL, volume=2, price=tick["ask"])
        self.assertEqual(float(margin["amount"]), wanted)
        question = {"symbol": SYMBOL, "side": "sell", "volume": "2", "open": price, "close": f"{tick['ask'] - 100:g}"}
        profit = self.talk.ask("calc_profit", question, "calculated", "p")
        self.assertEqual(float(profit["amount"]), 40.0)
        lost = self.talk.ask("calc_margin", {"symbol": "NOSUCH", "side": "buy", "volume": "2", "price": "1"}, "calculated", "n")
        self.assertNotIn("amount", lost)
        self.assertTrue(lost["error"])

    def test_a_check_sends_nothing(self):
        good = self.talk.ask("order_check", self.order(1), "result", "c")
        self.assertEqual(good["retcode"], 0)
        self.assertGreater(float(good["margin"]), 0)
        bad = self.talk.ask("order_check", self.order(1, volume="1.5"), "result", "c")
        self.assertEqual(bad["retcode"], 10014)
        self.assertEqual(self.simterm.sends(1), 0)

    def test_what_happens_on_the_account_is_told(self):
        self.talk.say("order_submit", self.order(1, volume="2"), "1")
        deal = self.talk.hear("deal")["body"]
        self.assertEqual((deal["magic"], deal["volume"], deal["entry"], deal["kind"]), ("1", "2", 0, 0))
        position = self.talk.hear("position_update", where=lambda body: body["volume"] == "2")["body"]
        self.assertEqual((position["side"], position["magic"]), ("buy", "1"))
        orders = [frame["body"]["ticket"] for frame in self.talk.heard if frame["type"] == "order_update"]
        self.assertIn(deal["order"], orders)
        self.simterm.call("manual", symbol=SYMBOL, close=True)
        deal = self.talk.hear("deal", where=lambda body: body["entry"] == 1)["body"]
        self.assertEqual((deal["magic"], deal["reason"]), ("0", 0))
        self.talk.hear("position_update", where=lambda body: body["volume"] == "0")

    def test_stops_are_set_and_read_back(self):
        self.submit(self.talk, 1)
        position = self.reconcile(self.talk)["positions"][0]
        stop = f"{self.simterm.tick()['bid'] - 1000:g}"
        body = {"symbol": SYMBOL, "position": position["ticket"], "sl": stop, "tp": "0"}
        self.assertIn(self.talk.ask("position_sltp", body, "result", "s")["retcode"], (10009, 10025))
        self.assertEqual(self.reconcile(self.talk)["positions"][0]["sl"], stop)

    def test_a_large_reconciliation_comes_in_pages(self):
        magics = list(range(1, 141))
        for magic in magics:
            self.submit(self.talk, magic, side="buy" if magic % 2 else "sell", **{"comment": "x" * 26})
        whole = self.reconcile(self.talk, magics)
        self.assertGreater(whole["pages"], 1)
        self.assertEqual([int(one["magic"]) for one in whole["outcomes"]], magics)
        self.assertTrue(all(one["journal"] in ("answered", "not_sent") for one in whole["outcomes"]))
        sent = [one for one in whole["outcomes"] if one["deals"]]
        self.assertEqual(len([deal for deal in whole["deals"] if deal["magic"] != "0"]), len(sent))
        since = int(whole["deals"][30]["server"])
        later = self.reconcile(self.talk, since=since)["deals"]
        self.assertEqual(later, [deal for deal in whole["deals"] if deal["server"] >= since])


class HedgingTest(World):
    SIMTERM = ("--account", "hedging", "--market", "b3", "--pulled", "false", "--speed", "0.000001")

    def setUp(self):
        super().setUp()
        self.simterm.call("advance", ms=60_000)
        self.advisor()
        self.talk = self.session()

    def test_a_close_names_its_position(self):
        for magic in (1, 2):
            self.submit(self.talk, magic, volume="2")
        positions = self.reconcile(self.talk)["positions"]
        self.assertEqual(len(positions), 2)
        ticket = positions[0]["ticket"]
        body = self.submit(self.talk, 3, side="sell", intent="close")[1]
        self.assertEqual((body["retcode"], "name its position" in body["comment"]), (0, True))
        body = self.submit(self.talk, 4, side="sell", intent="close", volume="3", position=ticket)[1]
        self.assertEqual((body["retcode"], "cross flat" in body["comment"]), (0, True))
        self.assertEqual(self.submit(self.talk, 5, side="sell", intent="close", volume="2", position=ticket)[1]["retcode"], 10009)
        self.assertEqual([one["ticket"] for one in self.reconcile(self.talk)["positions"]], [positions[1]["ticket"]])
        body = self.submit(self.talk, 6, side="sell", intent="close", volume="1", position=ticket)[1]
        self.assertEqual((body["retcode"], "no position" in body["comment"]), (0, True))

    def test_close_by_once(self):
        self.submit(self.talk, 1)
        self.submit(self.talk, 2, side="sell")
        buy, sell = (one["ticket"] for one in self.reconcile(self.talk)["positions"])
        body = {"magic": "3", "epoch": self.epoch, "position": buy, "position_by": sell}
        for _ in range(2):
            self.assertEqual(self.talk.ask("close_by", body, "result", "3")["retcode"], 10009)
        self.assertEqual(self.simterm.sends(3), 1)
        self.assertEqual(self.reconcile(self.talk)["positions"], [])


if __name__ == "__main__":
    unittest.main()
