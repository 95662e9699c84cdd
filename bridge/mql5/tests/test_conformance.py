"""The protocol's conformance suite, run against the advisor as crates/adapters-mt5/conformance/README.md says."""

import hashlib
import json
import os
import re
import time
import unittest

from world import PATIENCE, ROOT, SECRET, SYMBOL, World, proof

SUITE = ROOT / "crates" / "adapters-mt5" / "conformance"


def load(name):
    return json.loads((SUITE / name).read_text(encoding="utf-8"))


class ScriptRun:
    """One script against one advisor."""

    def __init__(self, test, skipped):
        self.test, self.skipped = test, skipped
        self.session = None
        self.kept = None
        self.hello = {}
        self.nonce = self.name = ""

    def step(self, step):
        for kind in ("connect", "send", "send_raw", "expect", "closed", "disconnect", "restart", "sends"):
            if kind in step:
                return getattr(self, kind)(step[kind], step)
        raise AssertionError(f"unknown step {step}")

    def connect(self, _value, _step):
        self.session = self.test.connection()
        self.session.acks = True
        self.nonce = hashlib.sha256(os.urandom(8)).hexdigest()
        self.name = hashlib.sha256(os.urandom(8)).hexdigest()[:32]
        self.kept = None

    def value(self, text):
        """What a text of a step stands for."""
        tick = self.test.simterm.tick(SYMBOL)
        if text == "$engine_nonce":
            return self.nonce
        if text == "$session":
            return self.name
        if text == "$symbol":
            return SYMBOL
        if text in ("$ask", "$bid"):
            return f"{tick[text[1:]]:g}"
        if text == "$filling":
            return "ioc"
        if text == "$bridge_proof":
            return self.hello["proof"]
        if text == "$position":
            deals = self.test.simterm.call("history_deals_get", date_from=0, date_to=99999999999)
            return str([deal["position_id"] for deal in deals if deal["position_id"]][-1])
        if text.startswith("$now "):
            return self.test.simterm.call("clock")["server_msc"] + int(text[5:])
        if text.startswith("$lots "):
            return text[6:]
        return text

    def filled(self, thing):
        if isinstance(thing, dict):
            return {key: self.filled(value) for key, value in thing.items()}
        if isinstance(thing, list):
            return [self.filled(value) for value in thing]
        return self.value(thing) if isinstance(thing, str) and thing.startswith("$") else thing

    def send(self, message, step):
        message = {**message, **{key: step[key] for key in ("cid", "seq", "session") if key in step}}
        body = self.filled(message["body"])
        if body.get("proof") in ("$engine_proof", "$wrong_proof"):
            parts = (
                "alavanca engine 1", self.hello["nonce"], self.nonce, body["session"], str(body["epoch"]),
                "true" if body["armed"] else "false",
            )
            right = proof(*parts)
            body["proof"] = right if body["proof"] == "$engine_proof" else hashlib.sha256(right.encode()).hexdigest()
        if message["type"] == "auth":
            self.session.name = self.name
        changes = {}
        if "session" in message:
            changes["session"] = self.filled(message["session"])
        if "seq" in message:
            self.session.seq = message["seq"] - 1
        self.session.say(message["type"], body, message.get("cid"), **changes)

    def send_raw(self, text, step):
        text = text.replace("$session", self.name)
        data = text.encode()
        padded = step.get("padded_to")
        self.session.send_raw(data.ljust(padded) if padded else data + b"\n")

    def next_message(self, wanted):
        if self.kept is not None:
            message, self.kept = self.kept, None
            return message
        while True:
            frame = self.session.read()
            self.test.assertIsNotNone(frame, f"the connection ended before `{wanted}`")
            if frame["type"] in self.skipped and frame["type"] != wanted:
                continue
            if frame["type"] == "reconcile" and frame["body"]["more"]:
                rest = self.next_message(wanted)["body"]
                for name in ("positions", "orders", "deals"):
                    frame["body"]["snapshot"][name] += rest["snapshot"][name]
                for name in ("outcomes", "guards"):
                    frame["body"][name] += rest[name]
            return frame

    def expect(self, message, step):
        frame = self.next_message(message["type"])
        cid = step.get("cid", message.get("cid"))
        fits = frame["type"] == message["type"] and (cid is None or frame.get("cid") == cid)
        fits = fits and self.matches(self.filled(message["body"]), frame["body"])
        if not fits and step.get("maybe"):
            self.kept = frame
            return
        self.test.assertTrue(fits, f"expected {message}, got {frame}")
        if frame["type"] == "hello":
            self.hello = frame["body"]
            account = self.hello["account"]
            right = proof(
                "alavanca bridge 1", self.nonce, self.hello["nonce"], self.hello["instance"], account["login"],
                account["server"], account["trade_mode"], str(account["margin_mode"]), account["currency"],
            )
            self.test.assertEqual(self.hello["proof"], right)

    def matches(self, wanted, got):
        if wanted == "$done":
            return got in (10008, 10009, 10010)
        if isinstance(wanted, dict):
            return isinstance(got, dict) and all(key in got and self.matches(wanted[key], got[key]) for key in wanted)
        if isinstance(wanted, list):
            return len(wanted) == len(got) and all(self.matches(one, other) for one, other in zip(wanted, got))
        return wanted == got

    def closed(self, _value, _step):
        self.session.ended()

    def disconnect(self, _value, _step):
        self.session.close()

    def restart(self, _value, _step):
        self.test.running.kill()
        self.test.running = self.test.advisor()

    def sends(self, count, _step):
        rows = self.test.simterm.call("books")["sends"]
        rows = rows.values() if isinstance(rows, dict) else rows
        self.test.assertEqual(sum(row["sends"] for row in rows), count)


def script_test(script, skipped):
    def test(self):
        self.running = self.advisor()
        run = ScriptRun(self, skipped)
        for number, step in enumerate(script["steps"]):
            try:
                run.step(step)
            except AssertionError as error:
                raise AssertionError(f"step {number} {json.dumps(step)[:300]}: {error}") from error

    return test


class ScriptsTest(World):
    """One test for each script of bridge-scripts.json."""


_scripts = load("bridge-scripts.json")
for _script in _scripts["scripts"]:
    _name = "test_" + re.sub(r"\W+", "_", _script["name"])
    setattr(ScriptsTest, _name, script_test(_script, _scripts["skipped"]))


class FramesTest(World):
    def setUp(self):
        super().setUp()
        self.frames = load("frames.json")
        self.running = self.advisor()

    def alive(self, session):
        """The session goes on: it answers a question."""
        cid = f"alive{time.monotonic_ns()}"
        session.say("calc_margin", {"symbol": SYMBOL, "side": "buy", "volume": "1", "price": "1"}, cid)
        session.hear("calculated", cid)

    def fitted(self, session, line):
        """A line of the suite, of this session and with the number that follows."""
        session.seq += 1
        line = re.sub(r'"session":"[0-9a-f]{32}"', f'"session":"{session.name}"', line, count=1)
        line = re.sub(r'"ack":\d+', '"ack":1', line, count=1)
        return re.sub(r'"seq":\d+', f'"seq":{session.seq}', line, count=1)

    def test_valid_frames_are_taken(self):
        tried = 0
        for case in self.frames["valid"]:
            kind = case["means"]["type"]
            if case["from"] != "engine" or kind in ("challenge", "auth", "refuse", "bye"):
                continue
            with self.subTest(case["name"]):
                session = self.session(armed=False)
                session.send_raw(self.fitted(session, case["line"]).encode() + b"\n")
                self.alive(session)
                session.close()
                tried += 1
        self.assertGreater(tried, 15)

    def test_invalid_frames_are_refused(self):
        tried = 0
        for case in self.frames["invalid"]:
            if case["from"] != "engine":
                continue
            with self.subTest(case["name"]):
                session = self.session(armed=False)
                if "bytes" in case:
                    data = bytes.fromhex(case["bytes"])
                else:
                    # A frame whose envelope is what is wrong stays as it is.
                    enveloped = case.get("field") not in ("seq", "ack", "session")
                    data = (self.fitted(session, case["line"]) if enveloped else case["line"]).encode()
                if "padded_to" in case:
                    data = data.ljust(case["padded_to"])
                session.send_raw(data + b"\n")
                refuse = session.hear("refuse")["body"]
                self.assertIn(refuse["reason"], ("protocol", "version"))
                session.ended()
                tried += 1
        self.assertGreater(tried, 30)

    def echoed(self, session, text):
        """A decimal through reader and writer."""
        body = {**self.order(1), "price": text}
        session.say("order_check", body, "d")
        return session.hear("result", "d")["body"]["price"]

    def test_decimals(self):
        session = self.session(armed=False)
        for case in self.frames["decimals"]["valid"]:
            with self.subTest(case["text"]):
                echo = self.echoed(session, case["text"])
                if abs(int(case["raw"])) < 2**53:
                    self.assertEqual(echo, case["canonical"])
        session.close()
        for text in self.frames["decimals"]["invalid"]:
            with self.subTest(text):
                session = self.session(armed=False)
                session.say("order_check", {**self.order(1), "price": text}, "d")
                self.assertEqual(session.hear("refuse")["body"]["reason"], "protocol")

    def test_ids(self):
        session = self.session(armed=False)
        for text in self.frames["ids"]["valid"]:
            with self.subTest(text):
                session.say("order_check", {**self.order(1), "magic": text}, "i")
                self.assertEqual(session.hear("result", "i")["body"]["magic"], text)
        session.close()
        for text in self.frames["ids"]["invalid"]:
            with self.subTest(text):
                session = self.session(armed=False)
                session.say("order_check", {**self.order(1), "magic": text}, "i")
                self.assertEqual(session.hear("refuse")["body"]["reason"], "protocol")

    def test_proofs(self):
        cases = load("proofs.json")
        cases = cases.get("cases") or cases.get("proofs") or next(v for v in cases.values() if isinstance(v, list))
        self.assertGreater(len(cases), 2)
        for case in cases:
            for side in ("bridge", "engine"):
                if f"{side}_text" not in case:
                    continue
                asked = {"secret": case.get("secret", SECRET), "text": case[f"{side}_text"]}
                self.running.say("hmac " + json.dumps(asked, ensure_ascii=False))
                self.assertEqual(json.loads(self.running.process.stdout.readline()), case[f"{side}_proof"])


if __name__ == "__main__":
    unittest.main()
