"""Ticks, bars and readings end to end: complete, in order, never faster than the engine."""

import datetime
import json
import pathlib
import socket
import tempfile
import threading
import time
import unittest

from tests.support import SECRET, Case, Closed, needs_simterm
from tests.test_orders import INSTANCE, World

MINUTE = 60_000


def ticks_file(count, folder):
    """Ticks of which many share a millisecond or a second: rows of an export."""
    rows, server = [], datetime.datetime(2026, 3, 10, 10, 0, 0)
    for number in range(count):
        # 700 in one second at first, then bursts of five in one millisecond.
        if number >= 700 and number % 5 == 0:
            server += datetime.timedelta(milliseconds=400)
        elif number < 700 and number % 3 == 0:
            server += datetime.timedelta(milliseconds=4)
        stamp = server.strftime("%H:%M:%S.") + f"{server.microsecond // 1000:03d}"
        bid = 120_000 + 5 * (number % 97)
        rows.append(f"2026.03.10\t{stamp}\t{bid}\t{bid + 5}\t{bid}\t{1 + number % 9}")
    path = pathlib.Path(folder, "ticks.csv")
    path.write_text("<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\n" + "\n".join(rows) + "\n")
    return path, rows


@needs_simterm
class Ticks(World):
    def test_each_tick_comes_once_and_in_order_also_within_a_millisecond(self):
        with tempfile.TemporaryDirectory() as folder:
            path, rows = ticks_file(1500, folder)
            # All at once: the terminal has 700 in a single second when it is first asked.
            self.world("--ticks", path, bridge=("--poll-ms", "0"))
            engine = self.engine.session(symbols=["WINJ26"])
            engine.subscribe("WINJ26")
            engine.expect("tick")
            first = [f["body"]["ticks"] for f in engine.everything if f["type"] == "tick"]
            self.assertTrue(first)
            self.simterm.call("advance", ms=3_600_000 + 100)
            got = []

            def whole():
                got[:] = [tick for f in list(engine.everything) if f["type"] == "tick" for tick in f["body"]["ticks"]]
                return len(got) >= len(rows)

            self.until(whole, f"{len(rows)} ticks; {len(got)} came", 60)
            time.sleep(0.5)
            whole()
            got = [tick for tick in got if tick[4] != "0"]
            self.assertEqual([f"{int(t[1])}\t{int(t[2])}\t{int(t[3])}\t{int(t[4])}" for t in got],
                             [row.split("\t", 2)[2] for row in rows])  # fmt: skip
            self.assertEqual([t[0] for t in got], sorted(t[0] for t in got))
            self.assertEqual(engine.gaps, 0)

    def test_with_a_window_of_one_the_market_waits_for_the_engine(self):
        self.world("--to", "17:00", bridge=("--poll-ms", "0"))
        engine = self.engine.session(symbols=["WINJ26"], window=1)
        engine.acknowledges = False
        engine._alive = False  # No heartbeat acknowledges by the way.
        silent = threading.Event()

        def beat():
            while not silent.wait(0.2):
                try:
                    engine.say("heartbeat", {"state": "ACTIVE"}, ack=self.acknowledged)
                except OSError:
                    return

        self.acknowledged = engine.taken
        threading.Thread(target=beat, daemon=True).start()
        self.addCleanup(silent.set)
        engine.say("subscribe", {"symbols": ["WINJ26"], "ticks": True}, ack=self.acknowledged)
        for _ in range(20):
            tick = engine.expect("tick")
            before = self.simterm.now()
            time.sleep(0.05)
            self.assertEqual(self.simterm.now(), before, "the market does not move while the frame is unacknowledged")
            self.assertEqual(sum(f["type"] == "tick" and f["seq"] > tick["seq"] for f in engine.everything), 0)
            self.acknowledged = tick["seq"]
            engine.say("heartbeat", {"state": "ACTIVE"}, ack=self.acknowledged)

    def test_a_wider_window_is_filled_and_not_overrun(self):
        self.world("--to", "17:00", bridge=("--poll-ms", "0"))
        engine = self.engine.session(symbols=["WINJ26"], window=3)
        engine.acknowledges = engine._alive = False
        engine.say("subscribe", {"symbols": ["WINJ26"], "ticks": True})
        time.sleep(1.5)
        self.assertEqual(sum(f["type"] == "tick" for f in engine.everything), 3)

    def test_what_one_poll_brings_of_two_symbols_is_held_back_by_frames(self):
        self.world("--symbols", "WIN,WDO", "--to", "17:00", bridge=("--poll-ms", "0"))
        self.simterm.call("advance", ms=600_000)
        engine = self.engine.session(symbols=["WINJ26", "WDOJ26"], window=1)
        engine.acknowledges = engine._alive = False
        engine.say("subscribe", {"symbols": ["WINJ26", "WDOJ26"], "ticks": True})
        seen = []
        for _ in range(2):
            seen.append(engine.expect("tick"))
            time.sleep(0.5)
            ticks = [f for f in list(engine.everything) if f["type"] == "tick"]
            self.assertEqual(len(ticks), len(seen), "one frame is on the way, the other waits")
            engine.say("heartbeat", {"state": "ACTIVE"}, ack=seen[-1]["seq"])
        self.assertEqual({frame["body"]["symbol"] for frame in seen}, {"WINJ26", "WDOJ26"})

    def test_lock_step_is_fast_enough_for_a_compressed_day(self):
        self.world("--to", "17:00", bridge=("--poll-ms", "0"))
        engine = self.engine.session(symbols=["WINJ26"], window=1)
        engine.subscribe("WINJ26")
        begin = time.monotonic()
        while time.monotonic() - begin < 30 and sum(f["type"] == "tick" for f in list(engine.everything)) < 500:
            time.sleep(0.01)
        took = time.monotonic() - begin
        count = sum(f["type"] == "tick" for f in engine.everything)
        print(f"\n{count / took:.0f} ticks a second in lock-step")
        self.assertGreaterEqual(count, 500)


@needs_simterm
class Bars(World):
    def ask(self, engine, **request):
        engine.say("bars_req", {"symbol": self.symbol, "seconds": 60, **request}, "b")
        rows = []
        while True:
            body = engine.expect("bars", cid="b")["body"]
            rows += body["bars"]
            if not body["more"]:
                return rows, body.get("error")

    def truth(self, seconds=60):
        """The terminal's own complete bars, as the wire has them."""
        frame = {60: 1, 300: 5, 3600: 1 | 0x4000}[seconds]
        rows = self.simterm.call("copy_rates_from_pos", symbol=self.symbol, timeframe=frame, start_pos=0, count=self.MAX)
        until = self.quote()["time_msc"]
        return [row[0] * 1000 for row in rows if (row[0] + seconds) * 1000 <= until]

    MAX = 1000

    def test_pages_beyond_max_bars(self):
        engine = self.begin("--to", "17:00", "--max-bars", "1000", "--history-days", "8")
        truth = self.truth()
        since = truth[0] - 6 * 86_400_000
        rows, error = self.ask(engine, from_server=since, to_server=truth[-1])
        self.assertIsNone(error)
        stamps = [row[0] for row in rows]
        self.assertEqual((stamps, stamps[-len(truth) :]), (sorted(set(stamps)), truth))
        self.assertGreater(len(stamps), 2 * self.MAX)
        counted, error = self.ask(engine, count=2500)
        self.assertEqual((error, [row[0] for row in counted]), (None, stamps[-2500:]))
        self.assertEqual(counted, rows[-2500:])

    def test_only_complete_bars_and_both_ends(self):
        engine = self.begin()
        for seconds in (60, 300, 3600):
            rows, error = self.ask(engine, count=7, seconds=seconds)
            self.assertEqual((error, [row[0] for row in rows]), (None, self.truth(seconds)[-7:]))
        truth = self.truth()
        rows, _ = self.ask(engine, from_server=truth[-9], to_server=truth[-5])
        self.assertEqual([row[0] for row in rows], truth[-9:-4])

    def test_what_cannot_be_had_is_an_error(self):
        engine = self.begin()
        for request in ({"count": 5, "seconds": 61}, {"count": 5, "symbol": "NOSUCH"}, {}):
            rows, error = self.ask(engine, **request)
            self.assertEqual((rows, bool(error)), ([], True), request)


@needs_simterm
class Readings(World):
    def test_symbols(self):
        engine = self.begin()
        spec, none = engine.subscribe(self.symbol, "NOSUCH", ticks=False)
        self.assertEqual((spec["point"], spec["tick_size"], spec["tick_value"], spec["volume_min"], spec["execution"]),
                         ("1", "5", "1", "1", 3))  # fmt: skip
        self.assertEqual((none["exists"], none["symbol"]), (False, "NOSUCH"))
        calendar = next(f for f in engine.everything if f["type"] == "session_calendar")["body"]
        self.assertEqual(calendar, {"symbol": self.symbol, "known": False, "sessions": []})

    def test_snapshots_come_by_themselves(self):
        engine = self.begin()
        engine.trade(INSTANCE + 1)
        snapshot = engine.expect("snapshot")["body"]
        self.assertEqual((len(snapshot["positions"]), snapshot["deals"]), (1, []))
        self.assertEqual(float(snapshot["account"]["balance"]), float(self.simterm.books()["balance"]))

    def test_what_the_user_does_by_hand_is_told(self):
        engine = self.begin()
        engine.subscribe(self.symbol)
        self.simterm.call("manual", symbol=self.symbol, side="buy", volume=2)
        deal = engine.expect("deal")["body"]
        self.assertEqual((deal["magic"], deal["reason"], deal["volume"]), ("0", 0, "2"))
        self.assertEqual(engine.expect("position_update")["body"]["volume"], "2")
        self.simterm.call("manual", symbol=self.symbol, close=True)
        self.assertEqual(engine.expect("deal")["body"]["entry"], 1)
        self.assertEqual(engine.expect("position_update")["body"]["volume"], "0")

    def test_a_servers_stop_is_told_with_the_tick_that_reached_it(self):
        engine = self.begin()
        engine.subscribe(self.symbol)
        bid = self.quote()["bid"]
        engine.trade(INSTANCE + 1, sl=str(int(bid) - 15))
        engine.expect("position_update")
        deal = engine.next(lambda f: f["type"] == "deal" and f["body"]["entry"] == 1, what="the stop's deal")["body"]
        self.assertEqual((deal["reason"], deal["kind"]), (4, 1))
        self.assertEqual(engine.expect("position_update")["body"]["volume"], "0")

    def test_a_reconciliation_of_many_parts_is_whole(self):
        engine = self.begin()
        magics = [INSTANCE + n for n in range(1, 61)]
        for number, magic in enumerate(magics):
            engine.trade(magic, side="sell" if number % 2 else "buy")
        frames = len(engine.everything)
        whole = engine.reconcile(*magics, INSTANCE + 1000)
        parts = [f for f in engine.everything[frames:] if f["type"] == "reconcile"]
        self.assertGreater(len(parts), 1)
        self.assertEqual([o["magic"] for o in whole["outcomes"]], [str(m) for m in (*magics, INSTANCE + 1000)])
        self.assertEqual([o["journal"] for o in whole["outcomes"]], ["answered"] * 60 + ["absent"])
        self.assertTrue(all(len(o["deals"]) == 1 and len(o["orders"]) == 1 for o in whole["outcomes"][:60]))
        self.assertEqual(len([d for d in whole["snapshot"]["deals"] if d["magic"] != "0"]), 60)
        since = engine.reconcile(since=self.simterm.now() + 1)
        self.assertEqual(since["snapshot"]["deals"], [])

    def test_failing_to_look_is_not_flat(self):
        engine = self.begin()
        engine.trade(INSTANCE + 1)
        self.simterm.fault(**{"do": "none", "error": -1, "on": "positions_get", "always": True})
        answer = engine.reconcile(INSTANCE + 1)
        self.assertIn("positions_get", answer["error"])

    def test_a_late_deal_and_a_rewritten_comment_are_found_by_magic(self):
        engine = self.begin()
        self.simterm.fault(**{"do": "late_deal", "looks": 3})
        self.simterm.fault(**{"do": "comment", "text": "broker's own"})
        engine.trade(INSTANCE + 1)
        deal = engine.expect("deal")["body"]
        self.assertEqual(deal["magic"], str(INSTANCE + 1))


@needs_simterm
class Sessions(World):
    def test_a_lost_engine_is_looked_for_again_with_a_higher_epoch(self):
        engine = self.begin()
        first = engine.hello["instance"]
        for _ in range(3):
            self.engine.hang_up()
            engine = self.session()
        self.assertEqual((engine.hello["instance"], engine.hello["epoch_seen"]), (first, 3))
        self.bridge.restart()
        self.assertNotEqual(self.session().hello["instance"], first)

    def test_an_engine_that_falls_silent_is_lost(self):
        engine = self.begin(terms={"lost_after_ms": 800})
        engine._alive = False
        engine.wait_closed()
        self.assertEqual(self.session().trade(INSTANCE + 1)["body"]["retcode"], 10009)

    def test_half_a_line_and_a_frame_in_crumbs(self):
        engine = self.begin()
        frame = {"v": 1, "type": "calc_margin", "session": engine.name, "seq": 0, "ack": 0, "ts_utc": 1, "cid": "crumbs",
                 "body": {"symbol": self.symbol, "side": "buy", "volume": "1", "price": "122000"}}  # fmt: skip
        with engine._sending:
            engine.seq += 1
            frame["seq"] = engine.seq
            for byte in json.dumps(frame).encode() + b"\n":
                engine.raw(bytes([byte]))
        self.assertIn("amount", engine.expect("calculated", cid="crumbs")["body"])
        with engine._sending:
            engine.raw(json.dumps({**frame, "seq": engine.seq + 1, "type": "order_submit"}).encode()[:200])
            self.engine.hang_up()
        self.assertEqual(self.session().reconcile()["snapshot"]["positions"], [])

    def test_a_frame_that_comes_twice_or_late_does_nothing(self):
        engine = self.begin()
        body = {"magic": str(INSTANCE + 1), "epoch": engine.epoch, "symbol": self.symbol, "side": "buy", "volume": "1",
                "intent": "open", "price": "0", "deviation": 100, "sl": "0", "tp": "0", "filling": "ioc", "comment": "",
                "not_after_server": 2**60}  # fmt: skip
        with engine._sending:
            held = engine.seq
            engine.say("order_submit", body, "late", seq=held)
            engine.say("order_submit", body, "late", seq=1)
            engine.seq = held
        self.assertEqual(engine.outcome(INSTANCE + 1)["journal"], "absent")

    def test_a_gap_is_answered_with_a_snapshot_and_the_rest_counts(self):
        engine = self.begin()
        engine.expect("snapshot")
        with engine._sending:
            engine.seq += 5
        begin = time.monotonic()
        engine.beat()
        engine.expect("snapshot")
        self.assertLess(time.monotonic() - begin, 2)
        self.assertEqual(engine.trade(INSTANCE + 1)["body"]["retcode"], 10009)

    def test_it_ends_in_order(self):
        engine = self.begin()
        self.bridge.process.terminate()
        self.assertIn("ended", engine.expect("bye")["body"]["text"])
        self.assertEqual(self.bridge.process.wait(30), 0)
        self.bridge.start()
        self.session()

    def test_two_bridges_on_one_journal_are_refused(self):
        self.begin()
        other = type(self.bridge)(self.folder, self.simterm, self.engine)
        self.assertEqual(other.process.wait(30), 1)
        other.errors.close()

    def test_no_secret_is_in_the_log(self):
        engine = self.begin()
        engine.trade(INSTANCE + 1)
        said = self.bridge.said() + pathlib.Path(f"{self.bridge.journal}.log").read_text()
        self.assertIn("begins", said)
        for secret in (SECRET, engine.nonce, engine.hello["nonce"], engine.hello["proof"]):
            self.assertNotIn(secret, said)


class CommandLine(Case):
    def test_settings_that_cannot_be_used(self):
        import subprocess
        import sys

        with tempfile.TemporaryDirectory() as folder:
            secret = pathlib.Path(folder, "secret")
            secret.touch(mode=0o600)
            secret.write_text(SECRET)
            good = ["--engine", "127.0.0.1:1", "--secret", str(secret), "--journal", str(pathlib.Path(folder, "j"))]
            for changed, words in [
                (["--engine", "127.0.0.1"], "HOST:PORT"), (["--engine", "10.0.0.5:7375"], "--tls-ca"),
                (["--secret", "/nowhere"], "secret file"), (["--settings", "/nowhere"], "/nowhere"),
            ]:  # fmt: skip
                run = subprocess.run([sys.executable, "-m", "alavanca_bridge", *good, *changed], capture_output=True, text=True)
                self.assertEqual((run.returncode, words in run.stderr), (2, True), run.stderr)
            secret.chmod(0o644)
            run = subprocess.run([sys.executable, "-m", "alavanca_bridge", *good], capture_output=True, text=True)
            self.assertEqual((run.returncode, "others" in run.stderr), (2, True), run.stderr)


if __name__ == "__main__":
    unittest.main()
