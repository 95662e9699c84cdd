"""Each order once, whatever is killed, torn, repeated or refused."""

import unittest

from world import SYMBOL, World, until

MAGIC = 7 * 2**32 + 1
OUTCOMES = {
    # Killed there: what a repetition after the restart says, and how often OrderSend was called in all.
    "order:before_journal": ("result", True, 1),
    "order:torn_journal": ("result", True, 1),
    "order:after_journal": ("result", False, 0),
    "order:before_sending": ("result", False, 0),
    "order:torn_sending": ("result", False, 0),
    "order:after_sending": ("unknown", None, 0),
    "worker:before_order_send": ("unknown", None, 0),
    "worker:after_order_send": ("unknown", None, 1),
    "order:before_answered": ("unknown", None, 1),
    "order:torn_answered": ("unknown", None, 1),
    "order:after_answered": ("result", True, 1),
}


class OnceTest(World):
    def check(self, point):
        said, done, sends = OUTCOMES[point]
        advisor = self.advisor(environment={"ALAVANCA_BRIDGE_CRASH_AT": point})
        session = self.session()
        session.say("order_submit", self.order(MAGIC), str(MAGIC))
        self.assertEqual(advisor.wait(), -9)
        for _ in range(3):
            advisor = self.advisor()
            session = self.session()
            outcome = self.reconcile(session, [MAGIC])["outcomes"][0]
            if outcome["journal"] == "absent":
                self.assertIn(point, ("order:before_journal", "order:torn_journal"))
            kind, body = self.submit(session, MAGIC)
            self.assertEqual(kind, said)
            if done is not None:
                self.assertEqual(body["retcode"] != 0, done)
            self.assertEqual(self.simterm.sends(MAGIC), sends)
            self.assertEqual(self.simterm.positions().get(SYMBOL, 0), sends)
            outcome = self.reconcile(session, [MAGIC])["outcomes"][0]
            wanted = "sent" if said == "unknown" else "answered" if done else "not_sent"
            self.assertEqual(outcome["journal"], wanted)
            self.assertEqual(len(outcome["deals"]), sends)
            advisor.kill()

    def test_the_epoch_is_durable_before_welcome(self):
        advisor = self.advisor(environment={"ALAVANCA_BRIDGE_CRASH_AT": "session:after_epoch"})
        session = self.connection()
        with self.assertRaises(AssertionError):
            session.welcome(session.hello(), epoch=9)
        self.assertEqual(advisor.wait(), -9)
        self.advisor()
        self.assertEqual(self.connection().hello()["epoch_seen"], 9)


for _point in OUTCOMES:
    setattr(OnceTest, "test_killed_" + _point.replace(":", "_"), lambda self, point=_point: self.check(point))


class JournalTest(World):
    def one_order(self):
        advisor = self.advisor()
        session = self.session()
        self.assertEqual(self.submit(session, MAGIC)[1]["retcode"], 10009)
        advisor.kill()
        return self.journal().read_bytes()

    def refused(self, what):
        self.advisor()
        session = self.connection()
        session.say("challenge", {"nonce": session.nonce, "versions": [1], "engine": "test"})
        refuse = session.hear("refuse")["body"]
        self.assertEqual(refuse["reason"], "terminal")
        self.assertIn(what, refuse["text"])

    def test_a_last_line_without_its_end_did_not_happen(self):
        data = self.one_order()
        self.journal().write_bytes(data[:-5])
        self.advisor()
        session = self.session()
        self.assertEqual(self.submit(session, MAGIC)[0], "unknown")
        self.assertEqual(self.simterm.sends(MAGIC), 1)

    def test_a_damaged_line_stops_everything(self):
        lines = self.one_order().split(b"\n")
        middle = next(i for i, line in enumerate(lines) if b"|order|" in line)
        lines[middle] = lines[middle].replace(b"|1|", b"|2|", 1)
        self.journal().write_bytes(b"\n".join(lines))
        self.refused("checksum")

    def test_a_damaged_last_line_stops_everything(self):
        data = bytearray(self.one_order())
        data[-10] ^= 1
        self.journal().write_bytes(data)
        self.refused("checksum")

    def test_a_missing_line_stops_everything(self):
        lines = self.one_order().split(b"\n")
        del lines[next(i for i, line in enumerate(lines) if b"|sending|" in line)]
        self.journal().write_bytes(b"\n".join(lines))
        self.refused("lines are missing")

    def test_a_missing_first_line_stops_everything(self):
        lines = self.one_order().split(b"\n")
        self.journal().write_bytes(b"\n".join(lines[1:]))
        self.refused("lines are missing")

    def test_another_accounts_journal_stops_everything(self):
        self.one_order()
        self.simterm.call("set", login=4711)
        path = self.journal()
        path.rename(path.with_name(path.name.replace(path.name.split("-")[1], "4711")))
        self.refused("another account")

    def test_a_move_that_did_not_end_is_ended(self):
        self.one_order()
        advisor = self.advisor()
        advisor.kill()
        path = self.journal()
        path.rename(path.with_name(path.name + ".new"))
        self.advisor()
        session = self.session()
        self.assertEqual(self.submit(session, MAGIC)[0], "result")
        self.assertEqual(self.simterm.sends(MAGIC), 1)

    def test_a_new_journal_that_is_not_whole_is_not_taken(self):
        self.one_order()
        self.advisor().kill()
        path = self.journal()
        lines = path.read_bytes().split(b"\n")
        path.with_name(path.name + ".new").write_bytes(b"\n".join(lines[:4]) + b"\n")
        path.unlink()
        self.refused("not whole")

    def test_rereading_keeps_every_magic(self):
        advisor = self.advisor()
        session = self.session()
        magics = [MAGIC + n for n in range(6)]
        for n, magic in enumerate(magics):
            self.submit(session, magic, side="buy" if n % 2 == 0 else "sell")
        for _ in range(3):
            advisor.kill()
            advisor = self.advisor()
        session = self.session()
        for magic in magics:
            kind, body = self.submit(session, magic)
            self.assertEqual((kind, body["retcode"]), ("result", 10009))
            self.assertEqual(self.simterm.sends(magic), 1)


class RefusalTest(World):
    def refused(self, session, magic, what, **order):
        kind, body = self.submit(session, magic, **order)
        self.assertEqual((kind, body["retcode"]), ("result", 0), body)
        self.assertIn(what, body["comment"])
        self.assertEqual(self.simterm.sends(magic), 0)

    def test_what_the_engine_forbids(self):
        self.advisor()
        caps = {"symbols": [SYMBOL], "order_lots": "2", "position_lots": "3", "orders_per_minute": 3}
        session = self.session(caps=caps)
        self.refused(session, 1, "cap of an order", volume="3")
        self.assertIn("cap of an order", session.hear("acted")["body"]["text"])
        self.refused(session, 2, "not among the symbols", symbol="WDOJ26")
        self.refused(session, 3, "too late", not_after_server=1)
        self.refused(session, 4, "is over", epoch=0)
        self.refused(session, 5, "has not begun", epoch=99)
        self.refused(session, 2**52, "magic")
        self.refused(session, 6, "ASCII", comment="ação")
        self.assertEqual(self.submit(session, 11, volume="2")[1]["retcode"], 10009)
        self.refused(session, 12, "more than the cap", volume="2")
        self.assertEqual(self.submit(session, 13, volume="1")[1]["retcode"], 10009)
        self.assertEqual(self.submit(session, 14, side="sell")[1]["retcode"], 10009)
        self.refused(session, 15, "60 seconds", side="sell")
        # What was refused is refused for ever, also where the reason has gone.
        self.assertEqual(self.submit(session, 3)[1]["retcode"], 0)

    def test_its_own_caps_hold_where_they_are_stricter(self):
        self.advisor(inputs=["OrderLotsMax=1", "PositionLotsMax=2", "OrdersPerMinuteMax=3", f"Symbols={SYMBOL},WDOJ26"])
        session = self.session()
        self.refused(session, 1, "cap of an order, 1", volume="2")
        self.refused(session, 2, "not among the symbols", symbol="WDOJ26")
        for magic in (3, 4):
            self.assertEqual(self.submit(session, magic)[1]["retcode"], 10009)
        self.refused(session, 5, "more than the cap, 2")
        self.assertEqual(self.submit(session, 6, side="sell")[1]["retcode"], 10009)
        self.refused(session, 7, "60 seconds", side="sell")
        # What closes is not counted.
        self.assertEqual(self.submit(session, 8, side="sell", intent="close")[1]["retcode"], 10009)

    def test_a_session_that_is_not_armed_changes_nothing(self):
        self.advisor()
        session = self.session(armed=False)
        self.refused(session, 1, "not armed")
        body = session.ask("position_sltp", {"symbol": SYMBOL, "position": "1", "sl": "0", "tp": "0"}, "result", "s")
        self.assertEqual((body["retcode"], body["comment"]), (0, "the session is not armed"))

    def test_a_close_never_crosses_flat(self):
        self.advisor()
        session = self.session()
        self.refused(session, 1, "nothing to close", side="sell", intent="close")
        self.submit(session, 2, volume="2")
        self.refused(session, 3, "cross flat", side="sell", intent="close", volume="3")
        self.refused(session, 4, "nothing to close", side="buy", intent="close")
        self.assertEqual(self.submit(session, 5, side="sell", intent="close", volume="2")[1]["retcode"], 10009)
        self.assertEqual(self.simterm.positions().get(SYMBOL, 0), 0)

    def test_a_terminal_that_may_not_trade(self):
        self.advisor()
        session = self.session()
        self.simterm.call("set", trade_allowed=False)
        self.refused(session, 1, "switched off")
        self.simterm.call("set", trade_allowed=True, connected=False)
        self.refused(session, 2, "not connected")
        session.say("reconcile_req", {"deals_since_server": 0, "orders": []}, "r")
        self.assertIn("not connected", session.hear("reconcile", "r")["body"]["error"])

    def test_an_unknown_code_is_unknown(self):
        self.advisor()
        session = self.session()
        for n, retcode in enumerate((10011, 10012, 10031)):
            self.simterm.call("fault", **{"do": "retcode", "code": retcode, "executed": True})
            kind, body = self.submit(session, 20 + n)
            self.assertEqual(kind, "unknown", retcode)
            self.assertEqual(self.submit(session, 20 + n)[0], "unknown")
            self.assertEqual(self.simterm.sends(20 + n), 1)
            self.assertEqual(len(self.reconcile(session, [20 + n])["outcomes"][0]["deals"]), 1)

    def test_a_rejection_is_an_answer(self):
        self.advisor()
        session = self.session()
        self.simterm.call("fault", **{"do": "retcode", "code": 10004})
        kind, body = self.submit(session, 1)
        self.assertEqual((kind, body["retcode"]), ("result", 10004))
        self.assertEqual(self.submit(session, 1)[1]["retcode"], 10004)
        self.assertEqual(self.simterm.positions().get(SYMBOL, 0), 0)


class KillButtonTest(World):
    def test_it_stops_openings_until_it_is_released_also_after_a_restart(self):
        advisor = self.advisor()
        session = self.session()
        self.submit(session, 1)
        advisor.say("press alavanca.kill")
        self.assertEqual(session.hear("acted")["body"]["because"], "kill_button")
        self.assertTrue(session.hear("heartbeat")["body"]["killed"])
        kind, body = self.submit(session, 2)
        self.assertEqual((kind, body["retcode"], body["comment"]), ("result", 0, "the kill button is pressed"))
        self.assertIn("KILLED", advisor.panel()["alavanca.1"])
        advisor.kill()
        advisor = self.advisor()
        session = self.session()
        self.assertTrue(session.hear("heartbeat")["body"]["killed"])
        self.assertEqual(self.submit(session, 3)[1]["retcode"], 0)
        self.assertEqual(self.submit(session, 4, side="sell", intent="close")[1]["retcode"], 10009)
        # The first restart has written the journal anew.
        advisor.kill()
        advisor = self.advisor()
        session = self.session()
        self.assertTrue(session.hear("heartbeat")["body"]["killed"])
        advisor.say("press alavanca.kill")
        session.hear("heartbeat", where=lambda body: not body["killed"])
        self.assertEqual(self.submit(session, 5)[1]["retcode"], 10009)

    def test_pressed_without_an_engine_it_is_told_later(self):
        advisor = self.advisor()
        advisor.say("press alavanca.kill")
        until(lambda: "|kill|1|" in self.journal().read_text(), "the kill to be written")
        session = self.session()
        self.assertEqual(session.hear("acted")["body"]["because"], "kill_button")
        session.say("heartbeat", {"state": "ACTIVE"})
        until(lambda: "|told|1|" in self.journal().read_text(), "its acknowledgement to be written")
        advisor.kill()
        self.advisor()
        session = self.session()
        session.hear("heartbeat")
        self.assertNotIn("acted", [frame["type"] for frame in session.heard])

    def test_the_panel_says_how_things_stand(self):
        advisor = self.advisor()
        self.assertIn("waiting", advisor.panel()["alavanca.1"])
        session = self.session()
        self.submit(session, 1)
        until(lambda: "+1 " + SYMBOL in advisor.panel()["alavanca.3"], "the panel to show the position")
        self.assertIn("armed", advisor.panel()["alavanca.1"])
        self.assertIn("test 1.0", advisor.panel()["alavanca.2"])


if __name__ == "__main__":
    unittest.main()
