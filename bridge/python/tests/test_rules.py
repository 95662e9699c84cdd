"""The pure parts: numbers, frames, retcodes, requests, guards, caps, proofs, logs."""

import asyncio
import io
import json
import logging
import os
import pathlib
import tempfile
import unittest
from decimal import Decimal
from unittest import mock

from alavanca_bridge import decimals, frames, guards, logs, net, proof, requests, retcodes, settings
from tests import schema


class Decimals(unittest.TestCase):
    def test_texts_are_exact(self):
        for number, text in [
            (127350.0, "127350"), (5.25, "5.25"), (-0.1, "-0.1"), (0.0, "0"), (-0.0, "0"), (1e-8, "0.00000001"),
            (1.1000000000000001, "1.1"), (0.1 + 0.2, "0.3"), (4e-9, "0"), (-4e-9, "0"), (7, "7"),
            (Decimal("1.10000000"), "1.1"), (92233720368.0, "92233720368"), (1e10, "10000000000"),
        ]:  # fmt: skip
            self.assertEqual(decimals.text(number), text, number)
        for number in (float("nan"), float("inf"), 1e11, 10**12):
            with self.assertRaises(ValueError):
                decimals.text(number)
        self.assertEqual(decimals.text_within(1.7e308), "92233720368")

    def test_only_the_wires_form_is_read(self):
        for text in ["5.25", "-0.1", "0", "127350", "0.00000001", "92233720368.54775807"]:
            self.assertEqual(decimals.parse(text), Decimal(text))
        for text in ["", "+1", "1e3", " 1", "1.", ".5", "1.123456789", "92233720368.54775808", "1,5", "١", 5, None, "nan", "1\n"]:
            with self.assertRaises(ValueError, msg=repr(text)):
                decimals.parse(text)
        self.assertEqual(decimals.parse_id("18446744073709551615"), 2**64 - 1)
        for text in ["18446744073709551616", "-1", "", "1.0", 7, "1\n"]:
            with self.assertRaises(ValueError, msg=repr(text)):
                decimals.parse_id(text)


class Frames(unittest.TestCase):
    def line(self, **changed):
        frame = {"v": 1, "type": "bye", "session": "", "seq": 1, "ack": 0, "ts_utc": 5, "body": {"text": "x"}, **changed}
        return json.dumps(frame).encode()

    def test_reads_what_it_knows_and_passes_over_fields_that_it_does_not(self):
        read = frames.decode(self.line(body={"text": "x", "later": 1}, new=[1]))
        self.assertEqual((read["type"], read["body"]), ("bye", {"text": "x"}))

    def test_refuses_what_is_none(self):
        for line in [
            b"", b"{", b"[]", b"\xff\xfe", b"1", b'{"v":1,"v":1}', b"[" * 30_000,
            self.line(v=2), self.line(type="gossip"), self.line(seq=-1), self.line(seq=True), self.line(seq="1"),
            self.line(body=None), self.line(body={}), self.line(body={"text": 5}), self.line(ts_utc=1.5),
            self.line(type="calc_margin", body={"symbol": "A", "side": "long", "volume": "1", "price": "1"}),
            self.line(type="calc_margin", body={"symbol": "A", "side": "buy", "volume": 1, "price": "1"}),
            self.line().replace(b'"x"', b"NaN"),
        ]:  # fmt: skip
            with self.assertRaises(frames.FrameError, msg=line[:80]):
                frames.decode(line)

    def test_lines_are_cut_wherever_they_break(self):
        whole = b'{"a":1}\n{"b":2}\n{"c"'
        for size in range(1, len(whole)):
            lines = frames.Lines()
            got = [line for at in range(0, len(whole), size) for line in lines.take_in(whole[at : at + size])]
            self.assertEqual(got, [b'{"a":1}', b'{"b":2}'])

    def test_a_line_of_the_longest_length_passes_and_one_byte_more_does_not(self):
        frames.Lines().take_in(b"x" * (frames.FRAME_MAX - 1) + b"\n")
        for line in (b"x" * frames.FRAME_MAX + b"\n", b"x" * frames.FRAME_MAX):
            with self.assertRaises(frames.FrameError):
                frames.Lines().take_in(line)
        with self.assertRaises(frames.FrameError):
            frames.encode({"x": "y" * frames.FRAME_MAX})


class Retcodes(unittest.TestCase):
    def test_the_table_is_whole(self):
        codes = [code for code, _, _ in retcodes.TABLE]
        self.assertEqual(len(codes), len(set(codes)))
        self.assertEqual(set(codes), set(range(10004, 10047)) - {10005, 10037})

    def test_what_proves_nothing_is_unknown(self):
        self.assertEqual({code for code in range(9990, 10060) if retcodes.is_unknown(code)} & set(range(10004, 10047)),
                         {10011, 10012, 10031, 10005, 10037})  # fmt: skip
        self.assertTrue(retcodes.is_unknown(12345))
        self.assertEqual(retcodes.ERRORS_NOT_SENT, {-2, -8, -10004})


class Requests(unittest.TestCase):
    ORDER = {
        "magic": "4294967297", "epoch": 1, "symbol": "WINZ26", "side": "sell", "volume": "2", "intent": "close",
        "price": "127350", "deviation": 20, "sl": "127400", "tp": "0", "filling": "return", "comment": "x" * 25 + "é✓ab",
        "position": "77", "not_after_server": 1,
    }  # fmt: skip

    def test_floats_where_the_package_wants_floats(self):
        made = requests.market_order(self.ORDER, requests.TIME_DAY)
        for field in ("volume", "price", "sl", "tp"):
            self.assertIs(type(made[field]), float, field)
        for field in ("action", "magic", "deviation", "type", "type_filling", "type_time", "position"):
            self.assertIs(type(made[field]), int, field)
        self.assertEqual((made["type"], made["type_filling"], made["type_time"]), (1, 2, 1))
        self.assertEqual(made["comment"], "x" * 25 + "a")

    def test_orders_last_as_the_symbol_allows(self):
        self.assertEqual([requests.time_in_force(mode) for mode in (0, 1, 2, 3, 15, 14)], [0, 0, 1, 0, 0, 1])


class Guards(unittest.TestCase):
    def leg(self, side):
        guard = {"stop": "50", "target": "100", "hold_seconds": 60}
        return {"side": side, "entry": Decimal("1000"), "since": 10_000, "guard": guard}

    def test_levels_at_the_edge(self):
        for side, bid, ask, due in [
            ("buy", "950", "955", "stop"), ("buy", "950.5", "955", None), ("buy", "1100", "1105", "target"),
            ("buy", "1099.5", "1105", None), ("sell", "1045", "1050", "stop"), ("sell", "1045", "1049.5", None),
            ("sell", "895", "900", "target"), ("sell", "895", "900.5", None),
        ]:  # fmt: skip
            why = guards.due(self.leg(side), [[20_000, bid, ask, "0", "0", 6]], 20_000)
            self.assertEqual(bool(why) and due is not None and due in why, due is not None, (side, bid, ask, why))

    def test_without_quotes_the_last_price_counts_and_without_any_none(self):
        self.assertIn("stop", guards.due(self.leg("buy"), [[20_000, "0", "0", "949", "1", 8]], 20_000))
        self.assertIsNone(guards.due(self.leg("buy"), [[20_000, "0", "0", "0", "0", 0]], 20_000))

    def test_time_is_the_markets(self):
        self.assertIsNone(guards.due(self.leg("buy"), [], 69_999))
        self.assertIn("time", guards.due(self.leg("buy"), [], 70_000))
        self.assertIn("time", guards.due(self.leg("buy"), [[70_000, "1000", "1005", "0", "0", 6]], 0))

    def test_a_tick_in_the_middle_is_not_missed(self):
        ticks = [[1, "1000", "1005", "0", "0", 6], [2, "940", "945", "0", "0", 6], [3, "1000", "1005", "0", "0", 6]]
        self.assertIn("940", guards.due(self.leg("buy"), ticks, 3))


class Caps(unittest.TestCase):
    ENGINES = {"symbols": ["A", "B"], "order_lots": Decimal(2), "position_lots": Decimal(4), "orders_per_minute": 6}

    def test_the_stricter_holds(self):
        both = settings.Caps(frozenset({"B", "C"}), Decimal(1), Decimal(9), 6).with_engines(self.ENGINES)
        self.assertEqual(both, settings.Caps(frozenset({"B"}), Decimal(1), Decimal(4), 6))
        self.assertEqual(settings.Caps().with_engines(self.ENGINES).order_lots, 2)

    def test_the_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "own.ini")
            path.write_text("[caps]\nsymbols = WINZ26, WDOZ26\norder_lots = 0.5\norders_per_minute = 0\n")
            read = settings.read_caps(path)
            self.assertEqual(read, settings.Caps(frozenset({"WINZ26", "WDOZ26"}), Decimal("0.5"), None, 0))
            for wrong in ["[caps]\norder_lot = 1", "[cap]\norder_lots = 1", "[caps]\norder_lots = -1", "order_lots = 1",
                          "[caps]\norders_per_minute = 1.5", "[caps]\norder_lots = 1\norder_lots = 2"]:  # fmt: skip
                path.write_text(wrong)
                with self.assertRaises(settings.SettingsError, msg=wrong):
                    settings.read_caps(path)


class Schema(unittest.TestCase):
    """What the other tests hold every frame of the bridge's against does find faults."""

    def test_it_finds_what_is_wrong(self):
        frame = {"v": 1, "type": "accepted", "session": "", "seq": 1, "ack": 0, "ts_utc": 1, "body": {"magic": "5", "again": True}}
        self.assertIsNone(schema.check(frame))
        for body in [{"magic": 5, "again": True}, {"magic": "5"}, {"magic": "5", "again": 1}, {"magic": "x", "again": True}]:
            self.assertIsNotNone(schema.check({**frame, "body": body}), body)
        for changed in [{"type": "gossip"}, {"seq": -1}, {"cid": None}, {"body": []}]:
            self.assertIsNotNone(schema.check({**frame, **changed}), changed)


class Secrets(unittest.TestCase):
    @unittest.skipUnless(os.name == "posix", "permissions are posix's")
    def test_only_its_owner_may_read_it(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "secret")
            path.write_text("ab" * 32 + "\n")
            path.chmod(0o600)
            self.assertEqual(proof.read_secret(path), bytes.fromhex("ab" * 32))
            for mode in (0o640, 0o604, 0o620):
                path.chmod(mode)
                with self.assertRaisesRegex(proof.SecretError, "others"):
                    proof.read_secret(path)
            path.chmod(0o600)
            path.write_text("ab" * 31)
            with self.assertRaisesRegex(proof.SecretError, "64 hexadecimal") as caught:
                proof.read_secret(path)
            self.assertNotIn("abab", str(caught.exception))
            with self.assertRaises(proof.SecretError):
                proof.read_secret(path.with_name("none"))


class Tasks(unittest.TestCase):
    def test_a_task_that_loses_a_cancellation_is_ended_all_the_same(self):
        lost = []

        async def goes_on():
            while True:
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    if lost:
                        raise
                    lost.append(1)

        async def fails():
            raise OSError("gone")

        async def run():
            tasks = [asyncio.create_task(work()) for work in (goes_on, fails, goes_on)]
            await asyncio.sleep(0)
            await asyncio.wait_for(net.end_all(tasks), 30)
            return [task.done() for task in tasks]

        self.assertEqual(asyncio.run(run()), [True] * 3)
        self.assertEqual(lost, [1])


class Logs(unittest.TestCase):
    def test_a_log_does_not_grow_for_ever(self):
        log = logging.getLogger("alavanca_bridge")
        with tempfile.TemporaryDirectory() as folder, mock.patch.multiple(logs, FILE_BYTES=2_000, FILES=3):
            path = pathlib.Path(folder, "bridge.log")
            with mock.patch("sys.stderr", io.StringIO()):
                logs.begin(path, "info")
            try:
                for number in range(400):
                    log.info("line %s", number)
            finally:
                for handler in list(log.handlers):
                    log.removeHandler(handler)
                    handler.close()
            kept = sorted(found.name for found in pathlib.Path(folder).iterdir())
            self.assertEqual(kept, ["bridge.log", "bridge.log.1", "bridge.log.2", "bridge.log.3"])
            self.assertLessEqual(max(found.stat().st_size for found in pathlib.Path(folder).iterdir()), 2_000)
            self.assertIn("line 399\n", path.read_text())
        self.assertLessEqual(logs.FILE_BYTES * (logs.FILES + 1), 50_000_000)


if __name__ == "__main__":
    unittest.main()
