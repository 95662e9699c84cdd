"""The dead-man's switch: what becomes of extras while the engine is lost."""

import tempfile
import time
import unittest

from world import SYMBOL, World, until

BASE, EXTRA = 7 * 2**32 + 1, 7 * 2**32 + 2
OWN = 2**52
ATTEMPT = 2**24
FAR = "100000"


class DeadManTest(World):
    # Market time stands still unless a test moves it.
    SIMTERM = ("--account", "netting", "--pulled", "false", "--speed", "0.000001")
    HEDGING = False

    def begin(self, guard, side="buy", volume="1", base="2", inputs=(), **terms):
        """A base without a guard, an extra with one, on a session."""
        self.simterm.call("advance", ms=60_000)
        self.running = self.advisor(inputs=inputs)
        terms.setdefault("lost_after_ms", 1500)
        session = self.session(**terms)
        stop = self.simterm.tick()["bid"] + (-5000 if side == "buy" else 5000)
        stop = f"{stop - stop % 5:g}"
        if base:
            self.assertEqual(self.submit(session, BASE, side=side, volume=base, sl=stop)[1]["retcode"], 10009)
        guard = {"stop": FAR, "target": FAR, "hold_seconds": 100000, **guard}
        kind, body = self.submit(session, EXTRA, side=side, volume=volume, sl=stop, guard=guard)
        self.assertEqual((kind, body["retcode"]), ("result", 10009))
        self.stop = float(stop)
        return session

    def volume(self):
        return self.simterm.positions().get(SYMBOL, 0)

    def move_until(self, condition, what, step=500):
        def moved():
            self.simterm.call("advance", ms=step)
            return condition()

        until(moved, what)

    def stays(self, volume, ms=120_000):
        """Market time passes, and turns of the advisor with it; the position stays as it is."""
        before = self.turns()
        for _ in range(10):
            self.simterm.call("advance", ms=ms // 10)
            before = until(lambda: self.turns() > before and self.turns(), "turns of the advisor")
            self.assertEqual(self.volume(), volume)

    def turns(self):
        """Grows with the advisor's turns: each answers a command after one."""
        self.count = getattr(self, "count", 0) + 1
        self.running.panel()
        return self.count

    def told(self):
        session = self.session(lost_after_ms=30000)
        acted = session.hear("acted")["body"]
        self.assertEqual((acted["because"], acted["magic"]), ("deadman", str(EXTRA)))
        return session, acted["text"]

    def closed_once(self, left):
        self.assertEqual(self.volume(), left)
        self.assertEqual(self.simterm.sends(EXTRA + OWN), 1)
        session, text = self.told()
        guards = self.reconcile(session, [EXTRA + OWN])["guards"]
        self.assertEqual([(one["magic"], one["closed_by_bridge"]) for one in guards], [(str(EXTRA), True)])
        return text

    def test_while_the_engine_is_there_nothing_is_enforced(self):
        session = self.begin({"stop": "5"}, lost_after_ms=30000, heartbeat_ms=50)
        for _ in range(20):
            self.simterm.call("advance", ms=5000)
            session.say("heartbeat", {"state": "ACTIVE"})
            session.hear("heartbeat")
        self.assertEqual(self.volume(), 3)
        guards = self.reconcile(session)["guards"]
        self.assertEqual([(one["magic"], one["volume"], one["closed_by_bridge"]) for one in guards], [(str(EXTRA), "1", False)])

    def test_stop(self):
        self.begin({"stop": "20"}).ended()
        self.move_until(lambda: self.volume() == 2, "the extra's stop to be enforced")
        self.assertIn("its stop was reached", self.closed_once(2))

    def test_stop_of_a_short(self):
        self.begin({"stop": "20"}, side="sell").ended()
        self.move_until(lambda: self.volume() == -2, "the extra's stop to be enforced")
        self.assertIn("its stop was reached", self.closed_once(-2))

    def test_target(self):
        self.begin({"target": "20"}).ended()
        self.move_until(lambda: self.volume() == 2, "the extra's target to be taken")
        self.assertIn("its target was reached", self.closed_once(2))

    def test_time(self):
        self.begin({"hold_seconds": 600}).ended()
        self.stays(3, ms=500_000)
        self.move_until(lambda: self.volume() == 2, "the extra's time to be over", step=20_000)
        self.assertIn("its time is over", self.closed_once(2))

    def test_the_server_side_stop_stays(self):
        self.begin({"stop": "20"}).ended()
        self.move_until(lambda: self.volume() == 2, "the extra's stop to be enforced")
        self.assertEqual(self.simterm.call("positions_get")[0]["sl"], self.stop)

    def test_flatten(self):
        self.begin({}, deadman="flatten").ended()
        until(lambda: self.volume() == 2, "the extra to be flattened")
        self.assertIn("the engine is lost", self.closed_once(2))

    def test_flatten_by_its_own_input(self):
        self.begin({}, inputs=["DeadMan=1"]).ended()
        until(lambda: self.volume() == 2, "the extra to be flattened")

    def test_a_goodbye_does_not_wait(self):
        session = self.begin({}, deadman="flatten", lost_after_ms=60_000)
        session.say("bye", {"text": "the operator ended it"})
        until(lambda: self.volume() == 2, "the extra to be flattened", patience=10)

    def test_a_restarted_advisor_goes_by_its_journal(self):
        session = self.begin({"target": "20"})
        session.close()
        self.running.kill()
        self.listener.close()
        self.running = self.advisor()
        self.move_until(lambda: self.volume() == 2, "the extra's target to be taken")
        self.assertEqual(self.simterm.sends(EXTRA + OWN), 1)

    def test_killed_at_each_step_it_closes_once_at_most(self):
        for number, (point, closed) in enumerate({
            "deadman:before_journal": 1, "deadman:after_journal": 0, "deadman:after_sending": 0,
            "deadman:after_order_send": 1, "deadman:before_answered": 1, "deadman:after_answered": 1,
        }.items()):
            with self.subTest(point):
                if number:
                    self.doCleanups()
                    self.setUp()
                session = self.begin({}, deadman="flatten", lost_after_ms=60_000)
                session.close()
                self.running.kill()
                self.running = self.advisor(
                    inputs=["DeadManSeconds=1"], environment={"ALAVANCA_BRIDGE_CRASH_AT": point}
                )
                self.assertEqual(self.running.wait(), -9)
                self.running = self.advisor(inputs=["DeadManSeconds=1"])
                if point == "deadman:before_journal":
                    until(lambda: self.volume() == 2, "the extra to be flattened by the next run")
                until(lambda: "is lost" in self.log().rsplit("alavanca", 1)[-1], "the engine to be lost again")
                if point == "deadman:after_journal":
                    # That one was never sent: the next has another name.
                    until(lambda: self.volume() == 2, "the extra to be flattened by another order")
                    self.stays(2, ms=1000)
                    self.assertEqual(self.attempts(), {1: 1})
                    continue
                self.stays(3 - closed, ms=1000)
                self.assertEqual(self.attempts(), {0: 1} if closed else {})

    def attempts(self):
        """How often OrderSend was called for each attempt to close the extra."""
        calls = {int(magic): row["calls"] for magic, row in self.simterm.call("books")["sends"].items()}
        return {(magic - EXTRA - OWN) // ATTEMPT: count for magic, count in calls.items() if magic >= OWN}

    def lose(self, *faults, volume="3", base="3"):
        """The engine is lost, extras are flattened, and the attempts meet these faults."""
        session = self.begin({}, volume=volume, base=base, deadman="flatten")
        for number, fault in enumerate(faults):
            self.simterm.call("fault", **{"magic": EXTRA + OWN + number * ATTEMPT, **fault})
        session.ended()
        until(self.attempts, "the first attempt")

    def test_a_rejected_closing_order_is_followed_by_another(self):
        began = time.monotonic()
        rejected = {"do": "retcode", "code": 10006}
        self.lose(rejected, rejected, rejected)
        until(lambda: self.volume() == 3, "the extra to be flattened")
        self.assertGreater(time.monotonic() - began, 1 + 2 + 4)
        self.stays(3)
        self.assertEqual(self.attempts(), {0: 1, 1: 1, 2: 1, 3: 1})
        session, text = self.told()
        texts = [text] + [session.hear("acted")["body"]["text"] for _ in range(3)]
        for text, words in zip(texts, ("code 10006", "(attempt 2)", "(attempt 3)", "code 10009, 3 lots filled")):
            self.assertIn(words, text)
        guards = self.reconcile(session)["guards"]
        self.assertEqual([(one["volume"], one["closed_by_bridge"]) for one in guards], [("0", True)])

    def test_what_a_closing_order_did_not_fill_is_closed_by_another(self):
        self.lose({"do": "partial", "volume": 1}, {"do": "partial", "volume": 1})
        until(lambda: self.volume() == 3, "the extra to be flattened")
        self.stays(3)
        self.assertEqual(self.attempts(), {0: 1, 1: 1, 2: 1})

    def test_the_rest_of_a_closing_order_that_may_still_fill_is_waited_for(self):
        self.lose({"do": "partial", "volume": 1, "rest_ms": 60_000})
        until(lambda: self.volume() == 5, "a part of it")
        self.waits()
        self.assertEqual(self.attempts(), {0: 1})
        self.simterm.call("advance", ms=61_000)
        until(lambda: self.volume() == 3, "the rest of it")
        self.waits()
        self.assertEqual((self.volume(), self.attempts()), (3, {0: 1}))

    def waits(self, seconds=3):
        """Real time passes, in which another attempt would come."""
        time.sleep(seconds)

    def test_a_closing_order_that_timed_out_and_went_through_is_followed_by_none(self):
        self.lose({"do": "retcode", "code": 10012, "executed": True})
        until(lambda: self.volume() == 3, "it went through")
        self.waits()
        self.assertEqual((self.volume(), self.attempts()), (3, {0: 1}))

    def test_a_closing_order_that_timed_out_and_never_came_is_followed_by_none(self):
        self.lose({"do": "retcode", "code": 10012, "executed": False})
        self.waits()
        self.assertEqual((self.volume(), self.attempts()), (6, {0: 1}))
        self.running.kill()
        self.running = self.advisor(inputs=["DeadManSeconds=1"])
        until(lambda: self.log().count("is lost") == 2, "the engine to be lost again")
        self.waits()
        self.assertEqual((self.volume(), self.attempts()), (6, {0: 1}))
        # The engine cannot close it beside an order that may still do so.
        session, _ = self.told()
        refused = self.submit(session, EXTRA + 1, side="sell", volume="3", intent="close", closes=str(EXTRA))[1]
        self.assertEqual((refused["retcode"], "no outcome yet" in refused["comment"]), (0, True))

    def test_a_code_that_nobody_knows_proves_nothing(self):
        # 10005 and 10037 are in no table.
        self.lose({"do": "retcode", "code": 10037, "executed": False})
        self.waits()
        self.assertEqual((self.volume(), self.attempts()), (6, {0: 1}))

    def test_a_part_that_timed_out_is_proven_by_history_and_the_rest_is_closed(self):
        self.lose(
            {"do": "retcode", "code": 10012, "executed": True},
            {"do": "partial", "volume": 2, "magic": EXTRA + OWN},
        )
        until(lambda: self.volume() == 3, "the extra to be flattened")
        self.waits()
        self.assertEqual((self.volume(), self.attempts()), (3, {0: 1, 1: 1}))

    def test_deals_that_come_late_do_not_let_it_close_too_much(self):
        self.lose({"do": "partial", "volume": 2}, {"do": "late_deal", "looks": 4, "magic": EXTRA + OWN})
        until(lambda: self.volume() == 3, "the extra to be flattened")
        self.waits()
        self.assertEqual((self.volume(), self.attempts()), (3, {0: 1, 1: 1}))

    def test_an_engine_that_comes_back_takes_the_extra_over(self):
        self.lose(*({"do": "retcode", "code": 10006},) * 9)
        session, _ = self.told()
        sent = self.attempts()
        self.waits(5)
        self.assertEqual(self.attempts(), sent)
        closed = self.submit(session, EXTRA + 1, side="sell", volume="3", intent="close", closes=str(EXTRA))[1]
        self.assertEqual(closed["retcode"], 10009)

    def test_what_it_did_is_told_until_an_engine_acknowledged_it(self):
        self.lose()
        until(lambda: self.volume() == 3, "the extra to be flattened")
        deaf = self.session(lost_after_ms=30000)
        deaf.acks = False
        deaf.hear("acted")
        self.reconcile(deaf)
        deaf.close()
        session, _ = self.told()
        session.say("heartbeat", {"state": "ACTIVE"})
        session.hear("heartbeat")
        self.reconcile(session)
        session.close()
        again = self.session(lost_after_ms=30000)
        self.reconcile(again)
        self.assertEqual([one for one in again.heard if one["type"] == "acted"], [])

    def test_what_could_not_be_named_when_it_is_to_be_closed_is_not_opened(self):
        session = self.begin({})
        guard = {"stop": FAR, "target": FAR, "hold_seconds": 600}
        refused = self.submit(session, 7 * 2**32 + ATTEMPT, guard=guard)[1]
        self.assertEqual((refused["retcode"], "2^24" in refused["comment"]), (0, True))
        self.assertEqual(self.submit(session, 7 * 2**32 + ATTEMPT - 1, guard=guard)[1]["retcode"], 10009)
        self.assertEqual(self.submit(session, 7 * 2**32 + ATTEMPT)[1]["retcode"], 0, "a refused name stays refused")
        self.assertEqual(self.submit(session, 7 * 2**32 + ATTEMPT + 1)[1]["retcode"], 10009)

    def test_an_exit_of_the_engine_that_filled_in_part_leaves_the_rest_guarded(self):
        session = self.begin({}, volume="3", base="3", deadman="flatten")
        self.simterm.call("fault", **{"do": "partial", "volume": 1})
        body = self.submit(session, EXTRA + 1, side="sell", volume="3", intent="close", closes=str(EXTRA))[1]
        self.assertEqual((body["retcode"], body["volume"]), (10010, "1"))
        session.ended()
        until(lambda: self.volume() == 3, "the rest of the extra to be flattened")
        self.waits()
        self.assertEqual((self.volume(), self.attempts()), (3, {0: 1}))

    def test_it_takes_no_more_than_the_position(self):
        session = self.begin({}, volume="3", base="", deadman="flatten")
        self.simterm.call("manual", symbol=SYMBOL, side="sell", volume=2)
        session.ended()
        until(lambda: self.volume() == 0, "what is left of the extra to be closed")
        self.assertEqual(self.simterm.sends(EXTRA + OWN), 1)

    def test_it_never_goes_across_flat(self):
        session = self.begin({}, volume="1", base="", deadman="flatten")
        self.simterm.call("manual", symbol=SYMBOL, side="sell", volume=3)
        session.ended()
        until(lambda: "is lost" in self.log(), "the engine to be lost")
        self.stays(-2)
        self.assertEqual(self.simterm.sends(EXTRA + OWN), 0)

    def test_another_position_than_its_own_is_left_alone(self):
        session = self.begin({}, volume="1", base="", deadman="flatten")
        # Its position ends without the engine closing it, as by the server's stop; then there is a new one.
        self.simterm.call("manual", symbol=SYMBOL, close=True)
        self.simterm.call("manual", symbol=SYMBOL, side="buy", volume=2)
        session.ended()
        until(lambda: "is lost" in self.log(), "the engine to be lost")
        self.stays(2)
        self.assertEqual(self.simterm.sends(EXTRA + OWN), 0)

    def test_the_engine_cannot_take_the_name_of_its_closing_order(self):
        session = self.begin({}, deadman="flatten")
        body = self.submit(session, EXTRA + OWN, side="sell", intent="close")[1]
        self.assertEqual(body["retcode"], 0)
        session.ended()
        until(lambda: self.volume() == 2, "the extra to be flattened")

    def test_what_the_engine_closed_is_not_guarded(self):
        session = self.begin({}, deadman="flatten")
        body = self.submit(session, EXTRA + 1, side="sell", intent="close", closes=str(EXTRA))[1]
        self.assertEqual(body["retcode"], 10009)
        self.assertEqual(self.reconcile(session)["guards"], [])
        session.ended()
        until(lambda: "is lost" in self.log(), "the engine to be lost")
        self.stays(2)
        self.assertEqual(self.simterm.sends(EXTRA + OWN), 0)

    def test_what_the_engine_may_have_closed_is_not_guarded(self):
        session = self.begin({}, deadman="flatten")
        self.simterm.call("fault", **{"do": "retcode", "code": 10012, "executed": True})
        self.assertEqual(self.submit(session, EXTRA + 1, side="sell", intent="close", closes=str(EXTRA))[0], "unknown")
        session.ended()
        until(lambda: "is lost" in self.log(), "the engine to be lost")
        self.stays(2)

    def test_a_rejected_close_leaves_the_guard(self):
        session = self.begin({}, deadman="flatten")
        self.simterm.call("fault", **{"do": "retcode", "code": 10004})
        body = self.submit(session, EXTRA + 1, side="sell", intent="close", closes=str(EXTRA))[1]
        self.assertEqual(body["retcode"], 10004)
        session.ended()
        until(lambda: self.volume() == 2, "the extra to be flattened")

    def test_nothing_opens_while_the_engine_is_lost(self):
        session = self.begin({})
        session.ended()
        self.stays(3)
        self.assertEqual(self.simterm.sends(BASE), 1)

    def test_a_session_that_is_not_armed_does_not_take_over(self):
        session = self.begin({}, deadman="flatten", lost_after_ms=2000)
        session.close()
        session = self.session(armed=False, lost_after_ms=30000)
        until(lambda: self.volume() == 2, "the extra to be flattened")
        self.assertEqual(session.hear("acted")["body"]["because"], "deadman")


class SilenceTest(World):
    """A market that is written down: it dips for one tick, and comes back."""

    SIMTERM = ("--account", "netting", "--pulled", "false", "--speed", "0.000001")

    def terminal(self, *options):
        self.rows = tempfile.NamedTemporaryFile("w", suffix=".csv")
        self.addCleanup(self.rows.close)
        for second in range(600):
            price = 119_500 if second == 90 else 120_000
            clock = f"10:{second // 60:02}:{second % 60:02}.000"
            self.rows.write(f"2026.03.10\t{clock}\t{price}\t{price + 5}\t{price}\t1\n")
        self.rows.flush()
        return super().terminal(*options, "--ticks", self.rows.name)

    def check(self, side, guard, closed):
        self.simterm.call("advance", ms=3_660_000)
        self.advisor()
        session = self.session(lost_after_ms=1500)
        guard = {"stop": FAR, "target": FAR, "hold_seconds": 100000, **guard}
        self.assertEqual(self.submit(session, EXTRA, side=side, guard=guard)[1]["retcode"], 10009)
        # The engine falls silent; the market dips and comes back before it is lost.
        self.simterm.call("advance", ms=120_000)
        self.assertEqual(self.simterm.tick()["bid"], 120_000)
        session.ended()
        until(lambda: "is lost" in self.log(), "the engine to be lost")
        if closed:
            until(lambda: self.simterm.positions().get(SYMBOL, 0) == 0, "the extra to be closed")
            until(lambda: closed in self.log(), closed)
        else:
            session = self.session()
            self.assertEqual([one["closed_by_bridge"] for one in self.reconcile(session)["guards"]], [False])

    def test_a_stop_that_was_reached_in_the_silence_counts(self):
        self.check("buy", {"stop": "400"}, "its stop was reached at 119500")

    def test_a_target_that_was_reached_in_the_silence_counts(self):
        self.check("sell", {"target": "400"}, "its target was reached at 119505")

    def test_what_was_begun_to_be_closed_is_closed_after_a_restart(self):
        self.simterm.call("advance", ms=3_660_000)
        running = self.advisor()
        session = self.session(lost_after_ms=500)
        guard = {"stop": "400", "target": FAR, "hold_seconds": 100000}
        self.assertEqual(self.submit(session, EXTRA, guard=guard)[1]["retcode"], 10009)
        self.simterm.call("fault", **{"do": "retcode", "code": 10006, "magic": EXTRA + OWN})
        self.simterm.call("advance", ms=120_000)
        session.ended()
        until(lambda: "code 10006" in self.log(), "the first attempt")
        # The market is back where nothing is due, and looked at from now on.
        running.kill()
        self.advisor(inputs=["DeadManSeconds=1"])
        until(lambda: self.simterm.positions().get(SYMBOL, 0) == 0, "the extra to be closed")
        self.assertEqual(self.simterm.sends(EXTRA + OWN + ATTEMPT), 1)

    def test_a_level_that_was_not_reached_does_not(self):
        self.check("buy", {"stop": "600"}, None)


class HedgingDeadManTest(DeadManTest):
    """The same on a hedging account, where the extra is a position of its own."""

    SIMTERM = ("--account", "hedging", "--market", "b3", "--pulled", "false", "--speed", "0.000001")

    def order(self, magic, side="buy", intent="open", volume="1", **more):
        body = super().order(magic, side, intent, volume, **more)
        if intent == "close":
            positions = self.simterm.call("positions_get")
            body["position"] = str(next(one["ticket"] for one in positions if one["magic"] == EXTRA))
        return body

    def test_it_takes_no_more_than_the_position(self):
        session = self.begin({}, volume="3", base="", deadman="flatten")
        ticket = self.simterm.call("positions_get")[0]["ticket"]
        self.simterm.call("manual", symbol=SYMBOL, side="sell", volume=2, position=ticket)
        session.ended()
        until(lambda: self.volume() == 0, "what is left of the extra to be closed")
        self.assertEqual(self.simterm.sends(EXTRA + OWN), 1)

    def test_it_never_goes_across_flat(self):
        session = self.begin({}, volume="1", base="", deadman="flatten")
        self.simterm.call("manual", symbol=SYMBOL, close=True)
        self.simterm.call("manual", symbol=SYMBOL, side="sell", volume=3)
        session.ended()
        until(lambda: "is lost" in self.log(), "the engine to be lost")
        self.stays(-3)
        self.assertEqual(self.simterm.sends(EXTRA + OWN), 0)


class ExchangeDeadManTest(DeadManTest):
    """The same on an exchange account."""

    SIMTERM = ("--account", "exchange", "--pulled", "false", "--speed", "0.000001")


if __name__ == "__main__":
    unittest.main()
