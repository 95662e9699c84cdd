"""Orders end to end: once, whatever dies, hangs or answers."""

import contextlib
import sqlite3
import time
import unittest

from alavanca_bridge import crash, retcodes
from tests.support import Case, Closed, needs_simterm

INSTANCE = 77 << 32
BRIDGE_MAGIC = 1 << 52


class World(Case):
    """An open market, and the symbol that is traded."""

    ACCOUNT = ("--to", "17:00")

    def begin(self, *simterm, bridge=(), terms=None, **environment):
        self.world(*(simterm or self.ACCOUNT), bridge=bridge, **environment)
        found = next(found for found in self.simterm.call("symbols_get") if found["trade_mode"] == 4)
        self.symbol, self.lot = found["name"], str(found["volume_min"]).removesuffix(".0")
        self.simterm.call("advance", ms=3_600_000)
        return self.session(**(terms or {}))

    def session(self, **terms):
        engine = self.engine.session(symbols=[self.symbol], **terms)
        engine.submit = lambda magic, submit=engine.submit, **order: submit(
            magic, **{"symbol": self.symbol, "volume": self.lot, "price": str(self.quote()["ask"]), **order}
        )
        return engine

    def quote(self):
        return self.simterm.call("symbol_info_tick", symbol=self.symbol)

    def volume(self):
        return sum(p["volume"] * (1 if p["type"] == 0 else -1) for p in self.simterm.books()["positions"])


@needs_simterm
class Orders(World):
    def test_an_order_is_journaled_sent_and_told(self):
        engine = self.begin()
        engine.subscribe(self.symbol)
        engine.submit(INSTANCE + 1, sl="100000", tp="150000", comment="base 1")
        self.assertEqual(engine.expect("accepted")["body"], {"magic": str(INSTANCE + 1), "again": False})
        result = engine.answer(INSTANCE + 1)["body"]
        self.assertEqual((result["retcode"], result["volume"]), (10009, "1"))
        deal = engine.expect("deal")["body"]
        self.assertEqual((deal["magic"], deal["ticket"], deal["entry"], deal["volume"]),
                         (str(INSTANCE + 1), result["deal"], 0, "1"))  # fmt: skip
        position = engine.expect("position_update")["body"]
        self.assertEqual((position["side"], position["sl"], position["tp"], position["symbol"]),
                         ("buy", "100000", "150000", self.symbol))  # fmt: skip
        self.assertEqual(self.sends(INSTANCE + 1), 1)

    def test_a_change_sets_stops_again_and_twice_does_no_harm(self):
        engine = self.begin()
        engine.trade(INSTANCE + 1, sl="100000")
        ticket = engine.reconcile()["snapshot"]["positions"][0]["ticket"]
        change = {"symbol": self.symbol, "position": ticket, "sl": "101000", "tp": "0"}
        codes = []
        for cid in ("a", "b"):
            engine.say("position_sltp", change, cid)
            codes.append(engine.expect("result", cid=cid)["body"]["retcode"])
        self.assertEqual(codes, [10009, 10025])
        self.assertEqual(engine.reconcile()["snapshot"]["positions"][0]["sl"], "101000")

    def test_questions_are_answered_and_send_nothing(self):
        engine = self.begin()
        body = {"symbol": self.symbol, "side": "buy", "volume": "2", "price": "122000"}
        engine.say("calc_margin", body, "m")
        self.assertGreater(float(engine.expect("calculated", cid="m")["body"]["amount"]), 0)
        engine.say("calc_profit", {"symbol": self.symbol, "side": "sell", "volume": "2", "open": "122000", "close": "121900"}, "p")
        self.assertEqual(engine.expect("calculated", cid="p")["body"], {"amount": "40"})
        engine.say("calc_margin", {**body, "symbol": "NOSUCH"}, "n")
        self.assertIn("error", engine.expect("calculated", cid="n")["body"])
        engine.submit(INSTANCE + 9)
        engine.answer(INSTANCE + 9)
        before = self.sends()
        order = {
            "magic": "5", "epoch": engine.epoch, "symbol": self.symbol, "side": "buy", "volume": "2", "intent": "open",
            "price": "122000", "deviation": 5, "sl": "0", "tp": "0", "filling": "ioc", "comment": "", "not_after_server": 1,
        }  # fmt: skip
        engine.say("order_check", order, "c")
        checked = engine.expect("result", cid="c")["body"]
        self.assertEqual((checked["retcode"], float(checked["margin"]) > 0), (0, True))
        self.assertEqual(self.sends(), before)

    def test_every_retcode_means_what_the_table_says(self):
        engine = self.begin()
        for number, (code, name, meaning) in enumerate(retcodes.TABLE, 1):
            with self.subTest(name):
                self.simterm.fault(**{"do": "retcode", "code": code, "executed": False})
                answer = engine.trade(INSTANCE + number)
                if meaning is retcodes.Meaning.UNKNOWN:
                    self.assertEqual(answer["type"], "unknown")
                    self.assertIn(str(code), answer["body"]["why"])
                else:
                    self.assertEqual((answer["type"], answer["body"].get("retcode")), ("result", code))
                # Again: the same answer, from the journal.
                again = engine.trade(INSTANCE + number)
                self.assertEqual((again["type"], again["body"]), (answer["type"], answer["body"]))
                self.assertLessEqual(self.sends(INSTANCE + number), 1)
                self.assertEqual(engine.outcome(INSTANCE + number)["journal"], "answered")

    def test_none_is_not_sent_or_unknown_by_last_error(self):
        engine = self.begin()
        for number, (error, kind) in enumerate(
            [(-2, "result"), (-8, "result"), (-10004, "result"), (-1, "unknown"), (-10001, "unknown"),
             (-10002, "unknown"), (-10005, "unknown"), (1, "unknown")], 1,
        ):  # fmt: skip
            with self.subTest(error):
                if error != 1:
                    self.simterm.fault(**{"do": "none", "error": error, "executed": kind == "unknown"})
                else:
                    self.simterm.fault(**{"do": "crash", "when": "after"})
                answer = self.until(lambda n=number: self.try_trade(n), "an answer")
                self.assertEqual(answer["type"], kind)
                if kind == "result":
                    self.assertEqual(answer["body"]["retcode"], 0)
                journal = self.engine.connection.outcome(INSTANCE + number)["journal"]
                self.assertEqual(journal, "not_sent" if kind == "result" else "sent")
        del engine

    def try_trade(self, number):
        """The session may end in between: a terminal that went away is looked for again."""
        return self.engine.connection.trade(INSTANCE + number)

    def test_a_hung_terminal_loses_its_worker_and_the_order_is_unknown(self):
        engine = self.begin(bridge=("--worker-limit-ms", "1500"))
        engine.subscribe(self.symbol)
        engine.expect("tick")
        worker = self.bridge.worker
        self.simterm.fault(**{"do": "hang", "ms": 60_000, "when": "before", "executed": False})
        engine.submit(INSTANCE + 1)
        busy = engine.next(lambda f: f["type"] == "heartbeat" and f["body"]["worker_busy_ms"] > 500, what="busy heartbeat")
        self.assertFalse(busy["body"]["killed"])
        answer = engine.answer(INSTANCE + 1)
        self.assertEqual(answer["type"], "unknown")
        self.until(lambda: self.bridge.worker != worker, "another worker")
        self.assertEqual(engine.trade(INSTANCE + 1)["type"], "unknown", "asked again, never sent again")
        self.assertEqual(engine.trade(INSTANCE + 2)["body"]["retcode"], 10009)
        self.assertEqual(engine.outcome(INSTANCE + 1)["journal"], "sent")
        self.assertLessEqual(self.sends(INSTANCE + 1), 1)

    def test_an_order_that_hung_and_was_executed_is_found_by_its_magic(self):
        engine = self.begin(bridge=("--worker-limit-ms", "1500"))
        self.simterm.fault(**{"do": "hang", "ms": 60_000, "when": "after"})
        self.assertEqual(engine.trade(INSTANCE + 1)["type"], "unknown")
        outcome = engine.outcome(INSTANCE + 1)
        self.assertEqual((outcome["journal"], [d["volume"] for d in outcome["deals"]]), ("sent", ["1"]))
        self.assertEqual(self.sends(INSTANCE + 1), 1)

    def test_what_waits_when_the_session_ends_is_never_sent(self):
        engine = self.begin(bridge=("--worker-limit-ms", "8000"))
        self.simterm.fault(**{"do": "hang", "ms": 60_000, "when": "before", "executed": False})
        engine.submit(INSTANCE + 1)
        engine.submit(INSTANCE + 2)
        engine.expect("accepted", cid=str(INSTANCE + 2))
        worker = self.bridge.worker
        self.engine.hang_up()
        with contextlib.closing(sqlite3.connect(self.bridge.journal)) as journal:
            ask = "SELECT state FROM orders WHERE magic = ?"
            state = lambda: journal.execute(ask, (INSTANCE + 2,)).fetchone()[0]  # noqa: E731
            self.until(lambda: state() == "not_sent", "it is final before anything else could begin")
        self.assertEqual(self.bridge.worker, worker, "the first order still hangs")
        engine = self.session()
        self.assertEqual(engine.outcome(INSTANCE + 2)["journal"], "not_sent")
        self.assertEqual(engine.trade(INSTANCE + 2)["body"]["retcode"], 0)
        self.assertEqual((self.sends(INSTANCE + 2), self.volume()), (0, 0))

    def test_an_order_that_waited_too_long_is_not_sent(self):
        engine = self.begin()
        engine.subscribe(self.symbol)
        engine.expect("tick")
        late = engine.trade(INSTANCE + 1, not_after_server=self.simterm.now() - 1)
        self.assertEqual(late["body"]["retcode"], 0)
        self.assertIn("too long", late["body"]["comment"])
        self.assertEqual(self.sends(), 0)

    def test_a_dry_run_sends_and_changes_nothing(self):
        engine = self.begin(terms={"armed": False})
        self.assertEqual(engine.trade(INSTANCE + 1)["body"]["retcode"], 0)
        engine.say("position_sltp", {"symbol": self.symbol, "position": "1", "sl": "1", "tp": "0"}, "s")
        self.assertEqual(engine.expect("result", cid="s")["body"]["retcode"], 0)
        engine.say("order_cancel", {"order": "1", "magic": "0"}, "c")
        self.assertEqual(engine.expect("result", cid="c")["body"]["retcode"], 0)
        self.assertEqual(self.sends(), 0)

    def test_the_kill_file_stops_what_opens_and_not_what_closes(self):
        engine = self.begin()
        engine.trade(INSTANCE + 1)
        kill = self.folder / "journal.sqlite.kill"
        kill.touch()
        engine.next(lambda f: f["type"] == "heartbeat" and f["body"]["killed"], what="killed")
        self.assertEqual(engine.trade(INSTANCE + 2)["body"]["retcode"], 0)
        closed = engine.trade(INSTANCE + 3, side="sell", intent="close", closes=str(INSTANCE + 1))
        self.assertEqual((closed["body"]["retcode"], self.volume()), (10009, 0))

    def test_own_caps_hold_where_they_are_stricter(self):
        self.own = None
        import tempfile

        with tempfile.NamedTemporaryFile("w", suffix=".ini") as own:
            own.write("[caps]\norder_lots = 1\nposition_lots = 2\n")
            own.flush()
            engine = self.begin(bridge=("--settings", own.name))
            self.assertEqual(engine.trade(INSTANCE + 1, volume="2")["body"]["retcode"], 0)
            acted = engine.everything and next(f for f in engine.everything if f["type"] == "acted")
            self.assertEqual((acted["body"]["because"], acted["body"]["magic"]), ("caps", str(INSTANCE + 1)))
            self.assertEqual([engine.trade(INSTANCE + n)["body"]["retcode"] for n in (2, 3, 4)], [10009, 10009, 0])
            self.assertEqual(self.volume(), 2)

    def test_a_lost_journal_does_not_send_what_the_terminal_knows(self):
        engine = self.begin()
        self.assertEqual(engine.trade(INSTANCE + 1)["body"]["retcode"], 10009)
        self.bridge.kill()
        for left in self.folder.glob("journal.sqlite*"):
            left.unlink()
        self.bridge.start()
        engine = self.session()
        answer = engine.trade(INSTANCE + 1)
        self.assertEqual((answer["type"], self.sends(INSTANCE + 1)), ("result", 1))
        self.assertIn("knows an order of that magic", answer["body"]["comment"])

    def test_placed_then_filled_and_placed_then_dead_are_told(self):
        engine = self.begin()
        engine.subscribe(self.symbol)
        for number, dies, state in [(1, False, 4), (2, True, 5)]:
            self.simterm.fault(**{"do": "placed", "after_ms": 2000, "dies": dies})
            result = engine.trade(INSTANCE + number)["body"]
            self.assertEqual(result["retcode"], 10008)
            update = engine.next(
                lambda f: f["type"] == "order_update" and f["body"]["state"] not in (0, 1) and
                f["body"]["ticket"] == result["order"], what="the order's end",
            )["body"]  # fmt: skip
            self.assertEqual(update["state"] == 4, state == 4, update)
        self.assertEqual(self.volume(), 1)

    def test_a_terminal_on_another_account_is_not_traded_on(self):
        engine = self.begin()
        self.simterm.call("set", login=999)
        answer = None
        try:
            answer = engine.trade(INSTANCE + 1)
        except Closed:
            pass
        if answer is not None:
            self.assertEqual(answer["body"]["retcode"], 0)
        engine.wait_closed()
        self.assertEqual(self.sends(), 0)
        again = self.engine.session(symbols=[self.symbol])
        self.assertEqual(again.hello["account"]["login"], "999", "the engine's pins are for the engine")

    def test_a_disconnected_terminal_refuses_the_session_until_it_is_back(self):
        self.begin()
        self.engine.hang_up()
        self.simterm.call("set", connected=False)
        connection = self.engine.accept()
        connection.say("challenge", {"nonce": connection.nonce, "versions": [1], "engine": "test"})
        self.assertEqual(connection.expect("refuse")["body"]["reason"], "terminal")
        self.simterm.call("set", connected=True)
        self.assertEqual(self.session().trade(INSTANCE + 1)["body"]["retcode"], 10009)

    def test_autotrading_off_is_told_and_sends_nothing(self):
        engine = self.begin()
        self.simterm.call("set", tradeapi_disabled=True)
        engine.next(lambda f: f["type"] == "heartbeat" and f["body"]["tradeapi_disabled"], what="tradeapi_disabled")
        self.assertEqual(engine.trade(INSTANCE + 1)["body"]["retcode"], 0)

    def test_hedging_closes_the_position_named_and_never_more(self):
        engine = self.begin("--account", "hedging", "--to", "17:00")
        first = engine.trade(INSTANCE + 1)["body"]
        engine.trade(INSTANCE + 2, side="sell")
        positions = {p["magic"]: p for p in engine.reconcile()["snapshot"]["positions"]}
        self.assertEqual(len(positions), 2)
        mine = positions[str(INSTANCE + 1)]["ticket"]
        more = engine.trade(INSTANCE + 3, side="sell", intent="close", position=mine, volume="0.02")
        self.assertEqual(more["body"]["retcode"], 0)
        done = engine.trade(INSTANCE + 4, side="sell", intent="close", position=mine, closes=str(INSTANCE + 1))
        self.assertEqual(done["body"]["retcode"], 10009)
        self.assertEqual([p["magic"] for p in engine.reconcile()["snapshot"]["positions"]], [str(INSTANCE + 2)])
        self.assertEqual(first["retcode"], 10009)

    def test_close_by_is_journaled_as_an_order(self):
        engine = self.begin("--account", "hedging", "--to", "17:00")
        engine.trade(INSTANCE + 1)
        engine.trade(INSTANCE + 2, side="sell")
        tickets = [p["ticket"] for p in engine.reconcile()["snapshot"]["positions"]]
        body = {"magic": str(INSTANCE + 3), "epoch": engine.epoch, "position": tickets[0], "position_by": tickets[1]}
        for again in (False, True):
            engine.say("close_by", body, "x")
            self.assertEqual(engine.expect("accepted", cid="x")["body"]["again"], again)
            self.assertEqual(engine.expect("result", cid="x")["body"]["retcode"], 10009)
        self.assertEqual(engine.reconcile()["snapshot"]["positions"], [])

    def test_an_exchange_account_trades_as_one_position(self):
        engine = self.begin("--account", "exchange", "--to", "17:00")
        self.assertEqual(engine.hello["account"]["margin_mode"], 1)
        engine.trade(INSTANCE + 1, sl="100000")
        engine.trade(INSTANCE + 2, sl="100000")
        (position,) = engine.reconcile()["snapshot"]["positions"]
        self.assertEqual((position["volume"], position["sl"]), ("2", "100000"))


@needs_simterm
class Crashes(World):
    """An order is sent once at most, wherever a process dies, and its outcome is what really happened."""

    def outcome_after(self, engine, magic):
        """Asks until two readings agree on what became of it, as an engine does."""
        seen = None
        for _ in range(50):
            outcome = engine.outcome(magic)
            if outcome == seen:
                return outcome
            seen = outcome
            time.sleep(0.05)
        self.fail("its outcome does not become stable")

    def check_once(self, magic):
        """After the restart: asked, submitted again under the new epoch, asked again."""
        engine = self.session()
        outcome = self.outcome_after(engine, magic)
        sent = self.sends(magic)
        self.assertLessEqual(sent, 1)
        if sent:
            self.assertIn(outcome["journal"], ("sent", "answered"), "what reached the exchange is never denied")
            self.assertEqual(len(outcome["deals"]), 1)
        if outcome["journal"] == "absent":
            self.assertEqual(sent, 0)
            return engine, outcome
        answer = engine.trade(magic)
        self.assertEqual(self.sends(magic), sent, "submitted again, it is answered from the journal")
        expected = {"not_sent": "result", "sent": "unknown", "answered": "result"}[outcome["journal"]]
        self.assertEqual(answer["type"], expected)
        return engine, outcome

    def test_at_every_point(self):
        order = [name for name in crash.POINTS if name.startswith(("order:", "worker:"))]
        expected = {
            "order:before_journal": ("absent", 0), "order:after_journal": ("not_sent", 0),
            "order:after_accepted": ("not_sent", 0), "order:before_sending": ("not_sent", 0),
            "order:after_sending": ("sent", 0), "worker:before_order_send": ("sent", 0),
            "worker:after_order_send": ("sent", 1), "order:before_answered": ("sent", 1),
            "order:after_answered": ("answered", 1), "order:after_result": ("answered", 1),
        }  # fmt: skip
        self.assertEqual(set(order), set(expected))
        for name in order:
            with self.subTest(name):
                once = {"ALAVANCA_BRIDGE_CRASH_AT": name}
                engine = self.begin(**once)
                engine.submit(INSTANCE + 1)
                if name.startswith("worker:"):
                    self.assertEqual(engine.answer(INSTANCE + 1)["type"], "unknown")
                    self.bridge.kill()
                else:
                    self.bridge.wait_dead()
                self.bridge.start(ALAVANCA_BRIDGE_CRASH_AT="")
                _, outcome = self.check_once(INSTANCE + 1)
                self.assertEqual((outcome["journal"], self.sends(INSTANCE + 1)), expected[name])
                self.doCleanups()

    def test_epochs_are_durable_at_every_point(self):
        for name, seen in [("session:before_epoch", 0), ("session:after_epoch", 1)]:
            with self.subTest(name):
                self.world(ALAVANCA_BRIDGE_CRASH_AT=name)
                connection = self.engine.accept()
                with self.assertRaises(Closed):
                    connection.handshake(1)
                self.bridge.wait_dead()
                self.bridge.start(ALAVANCA_BRIDGE_CRASH_AT="")
                connection = self.engine.session()
                self.assertEqual(connection.hello["epoch_seen"], seen)
                self.doCleanups()

    def test_killed_net_worker_or_both_while_the_exchange_works_on_it(self):
        for what in ("net", "worker", "both"):
            with self.subTest(what):
                engine = self.begin()
                self.simterm.fault(**{"do": "hang", "ms": 1500, "when": "after"})
                engine.submit(INSTANCE + 1)
                self.until(lambda: self.sends(INSTANCE + 1), "the order reaches the exchange")
                if what == "worker":
                    self.bridge.kill_worker()
                    self.assertEqual(engine.answer(INSTANCE + 1)["type"], "unknown")
                    self.engine.hang_up()
                else:
                    self.bridge.restart(whole=what == "both")
                _, outcome = self.check_once(INSTANCE + 1)
                self.assertEqual(outcome["journal"], "sent")
                self.doCleanups()

    def test_a_worker_left_behind_sends_before_the_new_one_answers(self):
        # Net dies; its worker sits in `order_send`, which reaches the exchange late. A new bridge waits for its end.
        engine = self.begin()
        self.simterm.fault(**{"do": "hang", "ms": 2500, "when": "before", "executed": True})
        engine.submit(INSTANCE + 1)
        engine.expect("accepted")
        self.until(lambda: engine.next(lambda f: f["type"] == "heartbeat" and f["body"]["worker_busy_ms"] > 100), "busy")
        self.bridge.restart(whole=False)
        _, outcome = self.check_once(INSTANCE + 1)
        self.assertEqual((outcome["journal"], self.sends(INSTANCE + 1)), ("sent", 1))

    def test_a_worker_left_behind_that_never_ends_is_killed(self):
        engine = self.begin(bridge=("--worker-limit-ms", "1500"))
        self.simterm.fault(**{"do": "hang", "ms": 120_000, "when": "before", "executed": False})
        engine.submit(INSTANCE + 1)
        engine.expect("accepted")
        self.until(lambda: engine.next(lambda f: f["type"] == "heartbeat" and f["body"]["worker_busy_ms"] > 100), "busy")
        self.bridge.restart(whole=False)
        _, outcome = self.check_once(INSTANCE + 1)
        self.assertEqual(outcome["journal"], "sent")


if __name__ == "__main__":
    unittest.main()
