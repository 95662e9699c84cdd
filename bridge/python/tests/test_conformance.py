"""The protocol's conformance suite, `crates/adapters-mt5/conformance`: as data, run by all who speak it."""

import json
import re
import secrets
import unittest

from alavanca_bridge import decimals, frames, proof
from tests.support import CONFORMANCE, SECRET, Bridge, Case, Closed, needs_simterm


def read(name):
    return json.loads((CONFORMANCE / name).read_text(encoding="utf-8"))


class FramesAndProofs(unittest.TestCase):
    def test_decimals(self):
        cases = read("frames.json")["decimals"]
        for case in cases["valid"]:
            number = decimals.parse(case["text"])
            self.assertEqual(decimals.text(number), case["canonical"])
            self.assertEqual(int(number.scaleb(8)), int(case["raw"]))
        for text in cases["invalid"]:
            with self.assertRaises(ValueError, msg=repr(text)):
                decimals.parse(text)

    def test_ids(self):
        cases = read("frames.json")["ids"]
        for text in cases["valid"]:
            self.assertEqual(str(decimals.parse_id(text)), text)
        for text in cases["invalid"]:
            with self.assertRaises(ValueError, msg=repr(text)):
                decimals.parse_id(text)

    def test_valid_frames(self):
        cases = [case for case in read("frames.json")["valid"] if case["from"] == "engine"]
        self.assertEqual({case["means"]["type"] for case in cases}, set(frames.BODIES))
        for case in cases:
            with self.subTest(case["name"]):
                got, means = frames.decode(case["line"].encode()), case["means"]
                for field in ("type", "session", "seq", "ack", "ts_utc"):
                    self.assertEqual(got[field], means[field])
                self.assertEqual(got["cid"], means.get("cid"))
                self.assertEqual(_plain(got["body"], means["body"]), means["body"])

    def test_invalid_frames(self):
        for case in read("frames.json")["invalid"]:
            if case["from"] != "engine":
                continue
            with self.subTest(case["name"]):
                line = bytes.fromhex(case["bytes"]) if "bytes" in case else case["line"].encode()
                line = line.ljust(case.get("padded_to", 0))
                with self.assertRaises(frames.FrameError):
                    for whole in frames.Lines().take_in(line + b"\n"):
                        frames.decode(whole)

    def test_written_frames_are_those_of_a_bridge(self):
        for case in read("frames.json")["valid"]:
            if case["from"] == "bridge":
                self.assertEqual(json.loads(frames.encode(case["means"])), case["means"])

    def test_proofs(self):
        for case in read("proofs.json")["proofs"]:
            with self.subTest(case["name"]):
                secret = bytes.fromhex(case["secret"])
                nonces = case["engine_nonce"], case["bridge_nonce"]
                self.assertEqual(proof.of_bridge(secret, *nonces, case["instance"], case), case["bridge_proof"])
                of_engine = proof.of_engine(secret, *reversed(nonces), case["session"], case["epoch"], case["armed"])
                self.assertEqual(of_engine, case["engine_proof"])


def _plain(got, means):
    """What was read, as the suite writes it."""
    if isinstance(means, dict):
        absent = set(got) - set(means)
        assert all(got[name] is None for name in absent), absent
        return {name: _plain(got[name], means[name]) for name in means}
    if isinstance(means, list):
        return [_plain(one, other) for one, other in zip(got, means, strict=True)]
    if isinstance(means, str) and not isinstance(got, str):
        return decimals.text(got) if "." in means or not isinstance(got, int) else str(got)
    return got


@needs_simterm
class Scripts(Case):
    """Each script against a real bridge on a simulated terminal, over a real socket."""

    def run_script(self, script, skipped, *account):
        self.world(*account, "--to", "17:00")
        self.symbol = next(found for found in self.simterm.call("symbols_get") if found["trade_mode"] == 4)
        # The market opens.
        self.simterm.call("advance", ms=3_600_000)
        self.connection = None
        for number, step in enumerate(script["steps"]):
            (kind,) = set(step) & {
                "connect", "send", "send_raw", "expect", "closed", "disconnect", "restart", "sends",
            }  # fmt: skip
            try:
                getattr(self, f"step_{kind}")(step, skipped)
            except (AssertionError, Closed) as error:
                raise AssertionError(f"{script['name']}, step {number} {json.dumps(step)[:300]}: {error}") from error

    def step_connect(self, _step, _skipped):
        self.connection = self.engine.accept()
        self.values = {"$engine_nonce": self.connection.nonce, "$session": secrets.token_hex(16)}
        self.held = None

    def step_send(self, step, _skipped):
        message = step["send"]
        connection = self.connection
        auth = message["type"] == "auth"
        body = self.filled(message["body"])
        if auth:
            connection.name = body["session"]
            claimed = body["proof"]
            right = connection.proof(body["session"], body["epoch"], body["armed"])
            wrong = connection.proof(body["session"], body["epoch"], body["armed"], "ff" * 32)
            proofs = {"$engine_proof": right, "$wrong_proof": wrong, "$bridge_proof": connection.hello["proof"]}
            body["proof"] = proofs[claimed]
        session = self.filled(step["session"]) if "session" in step else None
        connection.say(message["type"], body, step.get("cid"), step.get("seq"), session)

    def step_send_raw(self, step, _skipped):
        text = re.sub(r"\$[a-z_]+", lambda found: str(self.filled(found[0])), step["send_raw"])
        line = text.encode()
        self.connection.raw(line.ljust(step["padded_to"]) if "padded_to" in step else line + b"\n")

    def step_expect(self, step, skipped):
        wanted = step["expect"]
        passed = set(skipped) - {wanted["type"]}
        frame, self.held = self.held, None
        if frame is None:
            frame = self.connection.next(lambda frame: frame["type"] not in passed, what=wanted["type"])
        fits = frame["type"] == wanted["type"] and step.get("cid") in (None, frame.get("cid"))
        if step.get("maybe") and not fits:
            self.held = frame
            return
        self.assertEqual((frame["type"], fits), (wanted["type"], True), frame)
        body = frame["body"]
        while frame["type"] == "reconcile" and frame["body"]["more"]:
            frame = self.connection.expect("reconcile", cid=frame["cid"])
            for part in ("outcomes", "guards"):
                body[part] += frame["body"][part]
            for part in ("positions", "orders", "deals"):
                body["snapshot"][part] += frame["body"]["snapshot"][part]
        if frame["type"] == "hello":
            self.connection.hello = body
            self.connection.check_hello()
        self.assert_holds(body, self.filled(wanted["body"]), frame["type"])

    def step_closed(self, _step, _skipped):
        self.connection.wait_closed()

    def step_disconnect(self, _step, _skipped):
        self.engine.hang_up()

    def step_restart(self, _step, _skipped):
        self.bridge.restart()

    def step_sends(self, step, _skipped):
        self.assertEqual(self.sends(), step["sends"])

    def filled(self, value):
        if isinstance(value, dict):
            return {name: self.filled(part) for name, part in value.items()}
        if isinstance(value, list):
            return [self.filled(part) for part in value]
        if not isinstance(value, str) or not value.startswith("$"):
            return value
        name, _, number = value.partition(" ")
        if name == "$symbol":
            return self.symbol["name"]
        if name == "$lots":
            return decimals.text(int(number) * self.symbol["volume_min"])
        if name in ("$ask", "$bid"):
            return decimals.text(self.simterm.call("symbol_info_tick", symbol=self.symbol["name"])[name[1:]])
        if name == "$position":
            books = self.simterm.books()
            return str((books["positions"] or books["deals"])[-1].get("identifier") or books["deals"][-1]["position_id"])
        if name == "$filling":
            return "ioc" if self.symbol["filling_mode"] & 2 else "fok" if self.symbol["filling_mode"] & 1 else "return"
        if name == "$now":
            return self.simterm.now() + int(number or 0)
        return self.values.get(name, value)

    def assert_holds(self, got, wanted, where):
        if wanted == "$done":
            self.assertIn(got, (10008, 10009, 10010), where)
        elif isinstance(wanted, dict):
            for name, part in wanted.items():
                self.assertIn(name, got, where)
                self.assert_holds(got[name], part, f"{where}.{name}")
        elif isinstance(wanted, list):
            self.assertEqual(len(got), len(wanted), where)
            for one, other in zip(got, wanted):
                self.assert_holds(one, other, where)
        else:
            self.assertEqual(got, wanted, where)


def _add_scripts():
    if not (CONFORMANCE / "bridge-scripts.json").exists():
        return
    suite = read("bridge-scripts.json")
    accounts = {"netting": (), "hedging": ("--account", "hedging")}
    for script in suite["scripts"]:
        for account, options in accounts.items():
            name = re.sub(r"[^a-z0-9]+", "_", script["name"].lower())

            def run(self, script=script, options=options):
                self.run_script(script, suite["skipped"], *options)

            setattr(Scripts, f"test_{name}_{account}", run)


_add_scripts()

if __name__ == "__main__":
    unittest.main()
