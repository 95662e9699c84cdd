"""How a session begins and ends, and what is no frame."""

import unittest

from world import SYMBOL, World, proof, until


class SessionTest(World):
    def test_it_proves_itself_and_pins_the_account(self):
        self.advisor()
        session = self.connection()
        hello = session.hello()
        account = hello["account"]
        self.assertEqual(hello["bridge"], "expert_advisor")
        self.assertEqual(hello["epoch_seen"], 0)
        self.assertEqual((account["trade_mode"], account["margin_mode"]), ("demo", 0))
        self.assertEqual(
            hello["proof"],
            proof(
                "alavanca bridge 1", session.nonce, hello["nonce"], hello["instance"], account["login"],
                account["server"], "demo", "0", account["currency"],
            ),
        )
        welcome = session.welcome(hello, epoch=7)
        self.assertEqual(welcome, {"epoch": 7, "open_in_journal": 0})
        beat = session.hear("heartbeat")["body"]
        self.assertEqual((beat["terminal_connected"], beat["trade_allowed"], beat["killed"]), (True, True, False))

    def refused(self, reason, **terms):
        session = self.connection()
        hello = session.hello()
        with self.assertRaises(AssertionError) as caught:
            session.welcome(hello, **terms)
        self.assertIn(f"'reason': '{reason}'", str(caught.exception))

    def test_plain_text_is_for_this_machine_alone(self):
        advisor = self.advisor(inputs=["EngineHost=192.0.2.1"])
        until(lambda: "192.0.2.1 is not this machine: set UseTls" in advisor.panel()["alavanca.6"], "the refusal")

    def test_with_tls_one_certificate_is_accepted_and_no_other(self):
        tls = {"environment": {"ALAVANCA_SHIM_THUMBPRINT": "AB12CD"}}
        for wrong in ([], ["TlsThumbprint=AB12CE"]):
            advisor = self.advisor(inputs=["UseTls=true", *wrong], **tls)
            until(lambda: "other thumbprint than TlsThumbprint: ab12cd" in advisor.panel()["alavanca.6"], "the refusal")
            connection = self.connection()
            connection.say("challenge", {"nonce": connection.nonce, "versions": [1], "engine": "test 1.0"})
            self.assertIsNone(connection.read(), "nothing was said")
            advisor.kill()
            self.listener.close()
            self.listen()
        self.advisor(inputs=["UseTls=true", "TlsThumbprint=ab12CD"], **tls)
        self.assertEqual(self.submit(self.session(), 1)[1]["retcode"], 10009)

    def test_an_engine_without_the_secret_is_refused(self):
        self.advisor()
        self.refused("proof", epoch=1, proof="ab" * 32)

    def test_an_epoch_that_was_seen_is_refused_also_after_a_restart(self):
        advisor = self.advisor()
        session = self.connection()
        session.welcome(session.hello(), epoch=5)
        session.close()
        self.refused("epoch", epoch=5)
        advisor.kill()
        self.advisor()
        self.refused("epoch", epoch=5)
        session = self.connection()
        hello = session.hello()
        self.assertEqual(hello["epoch_seen"], 5)
        self.assertEqual(session.welcome(hello, epoch=6)["epoch"], 6)

    def test_another_version_is_refused(self):
        self.advisor()
        session = self.connection()
        session.say("challenge", {"nonce": session.nonce, "versions": [2], "engine": "test"})
        self.assertEqual(session.hear("refuse")["body"]["reason"], "version")

    def test_what_is_no_frame_ends_the_session(self):
        self.advisor()
        bad = [
            b"no json\n",
            b"[]\n",
            b'{"v":1}\n',
            b'{"a":1,"a":2}\n',
            b"x" * 70000,
            b'{"v":1,"x":' + b"[" * 40 + b"]" * 40 + b"}\n",
            b'{"v":1,"x":"\xff"}\n',
            b'{"v":1,"x":01}\n',
        ]
        for line in bad:
            with self.subTest(line=line[:20]):
                session = self.session()
                session.send_raw(line)
                self.assertEqual(session.hear("refuse")["body"]["reason"], "protocol")
                session.ended()

    def test_a_body_that_lacks_a_field_and_an_unknown_type_end_the_session(self):
        self.advisor()
        for kind, body in [("order_submit", {"magic": "1"}), ("dance", {}), ("welcome", {"epoch": 1})]:
            with self.subTest(kind=kind):
                session = self.session()
                session.say(kind, body, "1")
                self.assertEqual(session.hear("refuse")["body"]["reason"], "protocol")
                session.ended()

    def test_half_a_line_is_waited_for(self):
        self.advisor()
        session = self.session()
        frame = session.frame("calc_margin", {"symbol": SYMBOL, "side": "buy", "volume": "1", "price": "130000"}, "c")
        for at in range(0, len(frame), 7):
            session.send_raw(frame[at : at + 7])
        self.assertIn("amount", session.hear("calculated", "c")["body"])

    def test_frames_that_are_late_or_of_another_session_are_passed_over(self):
        self.advisor()
        session = self.session()
        question = {"symbol": SYMBOL, "side": "buy", "volume": "1", "price": "130000"}
        session.say("calc_margin", question, "other", session="0" * 32)
        session.seq -= 1
        session.say("calc_margin", question, "first")
        session.say("calc_margin", question, "again", seq=session.seq)
        session.seq -= 1
        session.say("calc_margin", question, "second")
        session.hear("calculated", "second")
        answered = [frame["cid"] for frame in session.heard if frame["type"] == "calculated"]
        self.assertEqual(answered, ["first", "second"])

    def test_a_silent_engine_is_lost_and_dialled_again(self):
        self.advisor()
        session = self.session(lost_after_ms=300)
        session.ended()
        self.session()

    def test_it_says_goodbye(self):
        advisor = self.advisor()
        session = self.session()
        self.assertEqual(advisor.remove(), 0)
        self.assertIn("taken off", session.hear("bye")["body"]["text"])

    def test_a_second_copy_sends_nothing(self):
        self.advisor()
        self.session()
        self.advisor()
        session = self.connection()
        session.say("challenge", {"nonce": session.nonce, "versions": [1], "engine": "test"})
        refuse = session.hear("refuse")["body"]
        self.assertEqual(refuse["reason"], "terminal")
        self.assertIn("another copy", refuse["text"])

    def test_a_secret_that_is_none_keeps_it_off_the_chart(self):
        path = self.journalless_secret("zz")
        advisor = self.advisor(stands=False)
        self.assertEqual(advisor.wait(), 1)
        self.assertIn("64 hexadecimal digits", self.log())
        path.chmod(0o644)
        self.assertEqual(self.advisor(stands=False).wait(), 2)

    def journalless_secret(self, text):
        import pathlib

        path = pathlib.Path(self.folder.name) / "secret"
        path.touch(0o600)
        path.write_text(text)
        return path


if __name__ == "__main__":
    unittest.main()
