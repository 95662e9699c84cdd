"""The dead-man's switch end to end: extras are looked after while the engine is lost, and closed once."""

import datetime
import pathlib
import tempfile
import unittest

from alavanca_bridge.journal import ATTEMPT
from tests.support import needs_simterm
from tests.test_orders import BRIDGE_MAGIC, INSTANCE, World

EXTRA = INSTANCE + 2


class Guarded(World):
    """A market by hand: the price moves when the test lets time pass."""

    TERMS = {"lost_after_ms": 600, "heartbeat_ms": 100}
    LEVEL = 120_000

    def market(self, *moves):
        """Ticks: at 10:00 the level for ten minutes, then each move for a minute, from 10:10 on. The market runs by the
        clock of the test's driver: `until_minute`.
        """
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        rows = ["<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>"]
        at = datetime.datetime(2026, 3, 10, 10, 0, 0)
        for bid in (*(self.LEVEL,) * 10, *moves):
            for _ in range(30):
                rows.append(f"{at:%Y.%m.%d}\t{at:%H:%M:%S}.000\t{bid}\t{bid + 5}\t{bid}\t1")
                at += datetime.timedelta(seconds=2)
        path = pathlib.Path(folder.name, "ticks.csv")
        path.write_text("\n".join(rows) + "\n")
        return path

    def begin_market(self, *moves, account="netting", terms=None, bridge=(), **environment):
        # Slow enough to stand still by itself; the driver moves it.
        self.world(
            "--ticks", self.market(*moves), "--speed", "0.001", "--account", account, "--market", "b3", bridge=bridge,
            **environment,
        )  # fmt: skip
        self.symbol, self.lot = "WINJ26", "1"
        self.simterm.call("run_to", server_msc=self.minute(0) + 30_000)
        return self.session(**{**self.TERMS, **(terms or {})})

    def minute(self, number):
        begin = datetime.datetime(2026, 3, 10, 10, 0, 0, tzinfo=datetime.timezone.utc)
        return int(begin.timestamp() * 1000) + number * 60_000

    def pass_to(self, minute):
        """Up to the last tick before it."""
        self.simterm.call("run_to", server_msc=self.minute(minute) - 1)

    def open_extra(self, engine, volume="1", guard=None, side="buy", **order):
        guard = guard or {"stop": "50", "target": "100", "hold_seconds": 3600}
        result = engine.trade(EXTRA, volume=volume, guard=guard, comment="scalp", side=side, **order)["body"]
        self.assertEqual(result["retcode"], 10009)
        engine.next(lambda f: f["type"] == "deal" and f["body"]["magic"] == str(EXTRA), what="the extra's deal")
        return result

    def lose_engine(self):
        self.engine.hang_up()
        self.engine._listener.close()

    def engine_back(self):
        import socket

        port = self.engine.port
        self.engine._listener = socket.create_server(("127.0.0.1", port))
        return self.session(**self.TERMS)

    def closed(self):
        """The bridge's own closing order at the exchange."""
        return self.sends(EXTRA + BRIDGE_MAGIC)

    def attempts(self):
        """How often the exchange was called with each of the bridge's own closing orders, by attempt."""
        first = EXTRA + BRIDGE_MAGIC
        calls = {int(magic): entry["calls"] for magic, entry in self.simterm.books()["sends"].items()}
        found = {(magic - first) // ATTEMPT: count for magic, count in calls.items() if magic >= BRIDGE_MAGIC}
        return [found[attempt] for attempt in sorted(found)]

    def check_told(self, words, volume="0"):
        engine = self.engine_back()
        acted = engine.expect("acted")["body"]
        self.assertEqual((acted["because"], acted["magic"]), ("deadman", str(EXTRA)))
        self.assertIn(words, acted["text"])
        (guard,) = [g for g in engine.reconcile()["guards"] if g["magic"] == str(EXTRA)]
        self.assertEqual((guard["closed_by_bridge"], guard["volume"]), (True, volume))
        engine.beat()
        # Once it is acknowledged, no later session is told again.
        self.until(lambda: engine.expect("heartbeat"), "its acknowledgement")
        engine.beat()
        engine.expect("heartbeat")
        self.engine.hang_up()
        again = self.session(**self.TERMS)
        again.expect("snapshot")
        self.assertFalse(any(f["type"] == "acted" for f in again.everything))
        return engine


@needs_simterm
class Netting(Guarded):
    def test_the_stop(self):
        engine = self.begin_market(119_990, 119_960, 119_955, 119_990)
        engine.trade(INSTANCE + 1, sl="119000", tp="125000")
        self.open_extra(engine, sl="119000", tp="125000")
        self.lose_engine()
        self.pass_to(12)
        self.assertNever(self.closed)
        self.pass_to(13)
        self.until(self.closed, "the extra is closed")
        self.assertEqual(self.volume(), 1)
        position = self.simterm.books()["positions"][0]
        self.assertEqual((position["sl"], position["tp"]), (119000.0, 125000.0), "the base's stop stays")
        self.check_told("stop 119955 was reached at 119955")

    def assertNever(self, holds, seconds=1.5):
        """Nothing happens while the bridge polls some dozens of times."""
        import time

        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.assertFalse(holds())
            time.sleep(0.05)

    def test_the_target_of_a_short_extra_by_the_ask(self):
        engine = self.begin_market(119_900, 119_895)
        self.open_extra(engine, side="sell")
        self.lose_engine()
        self.pass_to(11)
        self.assertNever(self.closed)
        self.pass_to(12)
        self.until(self.closed, "the extra is closed")
        self.assertEqual(self.volume(), 0)
        self.check_told("target 119900 was reached at 119900")

    def test_a_stop_that_was_touched_between_two_polls(self):
        engine = self.begin_market(119_940, 120_000)
        self.open_extra(engine)
        self.lose_engine()
        self.pass_to(12)
        self.until(self.closed, "the extra is closed")
        self.check_told("stop")

    def test_the_time_limit_is_the_markets(self):
        engine = self.begin_market(120_000, 120_000, 120_000)
        self.open_extra(engine, guard={"stop": "500", "target": "500", "hold_seconds": 600})
        self.lose_engine()
        self.pass_to(9)
        self.assertNever(self.closed)
        self.pass_to(11)
        self.until(self.closed, "the extra is closed")
        self.check_told("time")

    def test_flatten_closes_at_once(self):
        engine = self.begin_market(terms={"deadman": "flatten"})
        engine.trade(INSTANCE + 1)
        self.open_extra(engine, volume="2")
        self.lose_engine()
        self.until(self.closed, "the extra is closed")
        self.assertEqual(self.volume(), 1)
        self.check_told("flattened")

    def test_bye_does_not_wait(self):
        engine = self.begin_market(119_940, terms={"lost_after_ms": 3_600_000})
        self.open_extra(engine)
        engine.say("bye", {"text": "done"})
        engine.wait_closed()
        self.lose_engine()
        self.pass_to(11)
        self.until(self.closed, "the extra is closed")

    def test_while_the_engine_is_there_nothing_is_done(self):
        engine = self.begin_market(119_900, 119_900)
        engine.subscribe(self.symbol)
        self.open_extra(engine)
        self.pass_to(12)
        self.until(lambda: any(f["type"] == "tick" and any(t[1] == "119900" for t in f["body"]["ticks"])
                               for f in list(engine.everything)), "the market is there")  # fmt: skip
        self.assertNever(self.closed)

    def test_a_dry_run_does_not_hold_the_switch(self):
        engine = self.begin_market(119_940)
        self.open_extra(engine)
        self.engine.hang_up()
        self.session(**self.TERMS, armed=False)
        self.pass_to(11)
        self.until(self.closed, "the extra is closed")

    def test_it_is_clipped_to_what_is_there(self):
        engine = self.begin_market(119_940)
        self.open_extra(engine, volume="3")
        self.lose_engine()
        self.simterm.call("manual", symbol=self.symbol, side="sell", volume=2)
        self.pass_to(11)
        self.until(self.closed, "the extra is closed")
        self.assertEqual(self.volume(), 0)

    def test_never_across_flat(self):
        engine = self.begin_market(119_940)
        self.open_extra(engine)
        self.lose_engine()
        self.simterm.call("manual", symbol=self.symbol, side="sell", volume=3)
        self.pass_to(11)
        self.assertNever(self.closed)
        self.assertEqual(self.volume(), -2)

    def test_what_the_user_closed_is_not_guarded_any_more(self):
        engine = self.begin_market(120_000, 119_940)
        self.open_extra(engine)
        self.lose_engine()
        self.simterm.call("manual", symbol=self.symbol, close=True)
        self.until(lambda: "its position is gone" in self.bridge.said(), "the bridge sees that it is gone")
        self.simterm.call("manual", symbol=self.symbol, side="buy", volume=1)
        self.pass_to(12)
        self.assertNever(self.closed)
        self.assertEqual(self.volume(), 1, "the user's own position stays")

    def test_a_position_that_comes_right_after_its_own_is_left_alone(self):
        engine = self.begin_market(120_000, 119_940)
        self.open_extra(engine)
        self.lose_engine()
        # No reading of the account in between sees it flat.
        self.simterm.call("manual", symbol=self.symbol, close=True)
        self.simterm.call("manual", symbol=self.symbol, side="buy", volume=2)
        self.pass_to(12)
        self.until(lambda: "its position is gone" in self.bridge.said(), "the bridge sees that its own is gone")
        self.assertNever(self.closed)
        self.assertEqual(self.volume(), 2, "the user's own position stays")

    def test_a_position_that_comes_while_it_closes_is_left_alone(self):
        engine = self.begin_market(119_940)
        self.open_extra(engine)
        self.lose_engine()
        # The user is faster than the bridge, between its look at the account and its order.
        self.simterm.fault(**{"do": "hang", "ms": 700, "on": "order_check", "when": "after"})
        self.pass_to(11)
        self.until(lambda: "is lost; guarding" in self.bridge.said(), "the engine is lost")
        self.simterm.call("manual", symbol=self.symbol, close=True)
        self.simterm.call("manual", symbol=self.symbol, side="buy", volume=1)
        self.until(lambda: "its position is gone" in self.bridge.said(), "the bridge sees that its own is gone")
        self.assertEqual((self.closed(), self.volume()), (0, 1))

    def test_what_the_engine_closed_is_not_guarded_any_more(self):
        engine = self.begin_market(119_940)
        engine.trade(INSTANCE + 1)
        self.open_extra(engine)
        engine.trade(INSTANCE + 3, side="sell", intent="close", closes=str(EXTRA))
        self.lose_engine()
        self.pass_to(11)
        self.assertNever(self.closed)
        self.assertEqual(self.volume(), 1)

    def test_an_exit_that_is_unknown_blocks_another_until_history_proves_it(self):
        engine = self.begin_market(119_940)
        engine.trade(INSTANCE + 1)
        self.open_extra(engine)
        self.simterm.fault(**{"do": "retcode", "code": 10012, "executed": False})
        self.assertEqual(engine.trade(INSTANCE + 3, side="sell", intent="close", closes=str(EXTRA))["type"], "unknown")
        self.lose_engine()
        self.pass_to(11)
        self.assertNever(self.closed)
        self.assertEqual(self.volume(), 2)

    def test_an_exit_that_was_rejected_gives_the_leg_back(self):
        engine = self.begin_market(119_940)
        self.open_extra(engine)
        self.simterm.fault(**{"do": "retcode", "code": 10018, "executed": False})
        self.assertEqual(engine.trade(INSTANCE + 3, side="sell", intent="close", closes=str(EXTRA))["body"]["retcode"], 10018)
        self.lose_engine()
        self.pass_to(11)
        self.until(self.closed, "the extra is closed")

    def test_a_terminal_that_would_not_take_it_is_asked_again(self):
        engine = self.begin_market(119_940)
        self.open_extra(engine)
        self.lose_engine()
        self.simterm.fault(**{"do": "none", "error": -1, "on": "order_check", "times": 2, "every": 1})
        self.pass_to(11)
        self.until(self.closed, "the extra is closed")
        self.assertIn("not closed yet", self.bridge.said())
        self.assertEqual(self.closed(), 1)

    def begin_closing(self, *faults, volume="3", base="3"):
        """A base and an extra; the extra's stop is reached without an engine, and the bridge's orders meet these faults."""
        engine = self.begin_market(119_940, 119_940)
        if base:
            engine.trade(INSTANCE + 1, volume=base, sl="119000")
        self.open_extra(engine, volume=volume, sl="119000")
        for number, fault in enumerate(faults):
            self.simterm.fault(**{"magic": EXTRA + BRIDGE_MAGIC + number * ATTEMPT, **fault})
        self.lose_engine()
        self.pass_to(11)
        self.until(self.attempts, "the first closing order")

    def test_a_rejected_closing_order_is_followed_by_another(self):
        rejected = {"do": "retcode", "code": 10006}
        self.begin_closing(rejected, rejected)
        self.until(lambda: self.volume() == 3, "the extra is closed")
        self.assertNever(lambda: self.attempts() != [1, 1, 1])
        self.assertEqual(self.simterm.books()["positions"][0]["sl"], 119000.0, "the base's stop stays")
        engine = self.engine_back()
        told = [engine.expect("acted")["body"] for _ in range(3)]
        self.assertEqual({body["magic"] for body in told}, {str(EXTRA)})
        for body, words in zip(told, ("10006 REJECT", "attempt 2: 10006 REJECT", "attempt 3: 10009 DONE 3 at")):
            self.assertIn(words, body["text"])
        (guard,) = engine.reconcile()["guards"]
        self.assertEqual((guard["closed_by_bridge"], guard["volume"]), (True, "0"))

    def test_what_a_closing_order_did_not_fill_is_closed_by_another(self):
        self.begin_closing({"do": "partial", "volume": 1}, {"do": "partial", "volume": 1})
        self.until(lambda: self.volume() == 3, "the extra is closed")
        self.assertNever(lambda: self.attempts() != [1, 1, 1])

    def test_the_rest_of_a_closing_order_that_may_still_fill_is_waited_for(self):
        self.begin_closing({"do": "partial", "volume": 1, "rest_ms": 30_000})
        self.until(lambda: self.volume() == 5, "a part of it")
        self.assertNever(lambda: self.attempts() != [1])
        self.simterm.call("advance", ms=40_000)
        self.until(lambda: self.volume() == 3, "the rest of it")
        self.assertNever(lambda: self.attempts() != [1])

    def test_a_closing_order_that_timed_out_and_went_through_is_followed_by_none(self):
        self.begin_closing({"do": "retcode", "code": 10012, "executed": True})
        self.until(lambda: self.volume() == 3, "it went through")
        self.assertNever(lambda: self.attempts() != [1])

    def test_a_closing_order_that_timed_out_and_never_came_is_followed_by_none(self):
        self.begin_closing({"do": "retcode", "code": 10012, "executed": False})
        self.assertNever(lambda: self.attempts() != [1], seconds=4)
        self.assertEqual(self.volume(), 6)
        self.bridge.restart()
        self.assertNever(lambda: self.attempts() != [1], seconds=4)
        engine = self.engine_back()
        self.assertIn("10012 TIMEOUT", engine.expect("acted")["body"]["text"])
        # The engine cannot close it beside an order that may still do so.
        refused = engine.trade(INSTANCE + 3, side="sell", volume="3", intent="close", closes=str(EXTRA))["body"]
        self.assertEqual((refused["retcode"], "no outcome yet" in refused["comment"]), (0, True))

    def test_a_part_that_timed_out_is_proven_by_history_and_the_rest_is_closed(self):
        self.begin_closing(
            {"do": "retcode", "code": 10012, "executed": True},
            {"do": "partial", "volume": 2, "magic": EXTRA + BRIDGE_MAGIC},
        )  # fmt: skip
        self.until(lambda: self.volume() == 3, "the extra is closed")
        self.assertNever(lambda: self.attempts() != [1, 1])

    def test_deals_that_come_late_do_not_let_it_close_too_much(self):
        self.begin_closing(
            {"do": "partial", "volume": 2},
            {"do": "late_deal", "looks": 12, "magic": EXTRA + BRIDGE_MAGIC},
        )  # fmt: skip
        self.until(lambda: self.volume() == 3, "the extra is closed")
        self.assertNever(lambda: self.volume() != 3)
        self.assertEqual(self.attempts(), [1, 1])

    def test_another_attempt_is_clipped_to_what_is_there(self):
        self.begin_closing({"do": "retcode", "code": 10006}, base="")
        self.simterm.call("manual", symbol=self.symbol, side="sell", volume=2)
        self.until(lambda: self.volume() == 0, "the rest is closed")
        self.assertNever(lambda: self.volume() != 0)
        self.assertEqual(self.attempts(), [1, 1])

    def test_attempts_keep_their_distance(self):
        import time

        began = time.monotonic()
        rejected = {"do": "retcode", "code": 10006}
        self.begin_closing(rejected, rejected, rejected, rejected)
        self.until(lambda: len(self.attempts()) == 4, "four attempts")
        self.assertGreater(time.monotonic() - began, 1 + 2 + 4)

    def test_a_restarted_bridge_goes_on_where_its_closing_order_was_rejected(self):
        engine = self.begin_market(119_940, 120_000)
        self.open_extra(engine)
        self.simterm.fault(**{"do": "retcode", "code": 10006, "magic": EXTRA + BRIDGE_MAGIC})
        self.lose_engine()
        self.pass_to(11)
        self.until(lambda: "10006 REJECT" in self.bridge.said(), "the first closing order")
        self.bridge.kill()
        # The market is back where nothing is due, and what it did meanwhile cannot be read.
        self.pass_to(12)
        self.simterm.fault(**{"do": "empty", "on": "copy_ticks_from", "always": True})
        self.bridge.start()
        self.until(lambda: self.volume() == 0, "the extra is closed")
        self.assertEqual(self.attempts(), [1, 1])

    def test_an_engine_that_comes_back_takes_the_extra_over(self):
        rejected = {"do": "retcode", "code": 10006}
        self.begin_closing(*(rejected,) * 9)
        engine = self.engine_back()
        engine.expect("acted")
        sent = self.attempts()
        self.pass_to(12)
        self.assertNever(lambda: self.attempts() != sent, seconds=4)
        closed = engine.trade(INSTANCE + 3, side="sell", volume="3", intent="close", closes=str(EXTRA))["body"]
        self.assertEqual(closed["retcode"], 10009)

    def test_what_could_not_be_named_when_it_is_to_be_closed_is_not_opened(self):
        engine = self.begin_market()
        guard = {"stop": "50", "target": "100", "hold_seconds": 3600}
        refused = engine.trade(INSTANCE + ATTEMPT, guard=guard)["body"]
        self.assertEqual((refused["retcode"], "2^24" in refused["comment"]), (0, True))
        self.assertEqual(engine.trade(INSTANCE + ATTEMPT - 1, guard=guard)["body"]["retcode"], 10009)
        self.assertEqual(engine.trade(INSTANCE + ATTEMPT + 1)["body"]["retcode"], 10009)

    def test_without_an_engine_nothing_is_opened(self):
        engine = self.begin_market(bridge=("--worker-limit-ms", "3000"))
        self.simterm.fault(**{"do": "hang", "ms": 60_000, "on": "symbol_info", "when": "before"})
        engine.say("subscribe", {"symbols": [self.symbol], "ticks": False})
        engine.submit(INSTANCE + 5)
        engine.expect("accepted")
        self.lose_engine()
        self.until(lambda: "killed" in self.bridge.said(), "the worker is given up")
        self.assertNever(self.sends)

    def test_the_journal_remembers_over_a_restart_without_an_engine(self):
        engine = self.begin_market(119_990, 119_940)
        self.open_extra(engine)
        self.lose_engine()
        self.bridge.restart()
        self.pass_to(11)
        self.assertNever(self.closed)
        self.pass_to(12)
        self.until(self.closed, "the extra is closed")
        self.check_told("stop")

    def test_killed_before_the_deal_was_noted_it_is_guarded_all_the_same(self):
        engine = self.begin_market(119_940, ALAVANCA_BRIDGE_CRASH_AT="order:after_answered")
        engine.submit(EXTRA, guard={"stop": "50", "target": "100", "hold_seconds": 3600})
        self.bridge.wait_dead()
        self.lose_engine()
        self.bridge.start(ALAVANCA_BRIDGE_CRASH_AT="")
        self.pass_to(11)
        self.until(self.closed, "the extra is closed")

    def test_killed_at_every_step_it_closes_once_at_most(self):
        for point, sent in [
            ("deadman:before_journal", 1), ("deadman:after_journal", 0), ("worker:before_order_send#2", 0),
            ("worker:after_order_send#2", 1), ("deadman:before_answered", 1), ("deadman:after_answered", 1),
        ]:  # fmt: skip
            with self.subTest(point):
                with tempfile.NamedTemporaryFile() as once:
                    engine = self.begin_market(
                        119_940, ALAVANCA_BRIDGE_CRASH_AT=point, ALAVANCA_BRIDGE_CRASH_ONCE=once.name
                    )
                    self.open_extra(engine)
                    self.lose_engine()
                    self.pass_to(11)
                    if point.startswith("worker:"):
                        self.until(lambda: "the worker is gone" in self.bridge.said(), "the worker dies")
                    else:
                        self.bridge.wait_dead()
                        self.bridge.start()
                    if sent:
                        self.until(self.closed, "the extra is closed")
                    else:
                        self.assertNever(self.closed)
                    engine = self.engine_back()
                    self.assertEqual(self.closed(), sent)
                    self.assertEqual(self.volume(), 0 if sent else 1)
                    (guard,) = engine.reconcile()["guards"]
                    self.assertTrue(guard["closed_by_bridge"])
                    outcome = engine.outcome(EXTRA + BRIDGE_MAGIC)
                    self.assertEqual(len(outcome["deals"]), sent)
                    self.assertIn(outcome["journal"], ("sent", "answered"))
                    self.doCleanups()

    def test_the_exchange_mode(self):
        engine = self.begin_market(119_940, account="exchange")
        engine.trade(INSTANCE + 1, sl="119000")
        self.open_extra(engine, sl="119000")
        self.lose_engine()
        self.pass_to(11)
        self.until(self.closed, "the extra is closed")
        self.assertEqual((self.volume(), self.simterm.books()["positions"][0]["sl"]), (1, 119000.0))


@needs_simterm
class Hedging(Guarded):
    def test_the_extra_is_closed_and_the_base_is_not(self):
        engine = self.begin_market(119_940, account="hedging")
        engine.trade(INSTANCE + 1)
        self.open_extra(engine)
        self.lose_engine()
        self.pass_to(11)
        self.until(self.closed, "the extra is closed")
        self.assertEqual([p["magic"] for p in self.simterm.books()["positions"]], [INSTANCE + 1])
        self.check_told("stop")

    def test_what_the_servers_stop_closed_is_left_alone(self):
        engine = self.begin_market(119_940, account="hedging")
        engine.trade(INSTANCE + 1)
        self.open_extra(engine, sl="119970")
        self.lose_engine()
        self.pass_to(11)
        self.until(lambda: len(self.simterm.books()["positions"]) == 1, "the server's stop")
        import time

        time.sleep(1.5)
        self.assertEqual((self.closed(), self.volume()), (0, 1))


if __name__ == "__main__":
    unittest.main()
