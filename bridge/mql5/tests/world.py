"""What the tests share: a simulated terminal, the advisor as a program, and an engine's stand-in over a real socket."""

import ctypes
import hashlib
import hmac
import json
import os
import pathlib
import queue
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
sys.path.insert(0, str(HERE.parent))

import build  # noqa: E402
import schema  # noqa: E402

SECRET = "00112233445566778899aabbccddeeff" * 2
PATIENCE = float(os.environ.get("ALAVANCA_TEST_PATIENCE", "30"))
SYMBOL = "WINJ26"


def simterm_program():
    """The program; built where nobody named one."""
    named = os.environ.get("ALAVANCA_SIMTERM_BINARY")
    if named:
        return named
    command = ["cargo", "build", "--locked", "--quiet", "-p", "alavanca-adapters-sim", "--bin", "simterm"]
    subprocess.run(command, cwd=ROOT, check=True)
    return str(pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "simterm")


_programs = {}


def program(name):
    """Where a program is; looked up once."""
    if name not in _programs:
        sanitize = bool(os.environ.get("ALAVANCA_EA_SANITIZED"))
        _programs[name] = simterm_program() if name == "simterm" else str(build.build(sanitize=sanitize))
    return _programs[name]


def dies_with_its_test():
    """Linux: what a test started ends with it, also where it is killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def until(condition, what, patience=PATIENCE):
    """Waits for a condition; its value."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience} s in vain: {what}")
        time.sleep(0.01)


class Simterm:
    """A simulated terminal, and a driver's connection to it."""

    def __init__(self, *options):
        self.process = subprocess.Popen(
            [program("simterm"), *options], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
            preexec_fn=dies_with_its_test,
        )
        self.port = json.loads(self.process.stdout.readline())["port"]
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        self.lines = self.socket.makefile("r")
        self.number = 0
        self.call("attach", **{"as": "driver", "name": "test"})

    def call(self, name, /, **arguments):
        self.number += 1
        self.socket.sendall((json.dumps({"id": self.number, "call": name, **arguments}) + "\n").encode())
        answer = json.loads(self.lines.readline())
        if answer.get("error"):
            raise AssertionError(f"{name}: {answer['error']}")
        return answer["ok"]

    def sends(self, magic):
        """How often OrderSend was called with a magic."""
        sends = self.call("books")["sends"]
        rows = sends.items() if isinstance(sends, dict) else ((row["magic"], row) for row in sends)
        return next((row["sends"] for key, row in rows if int(key) == magic), 0)

    def positions(self):
        """Signed volumes by symbol, as the terminal has them."""
        volumes = {}
        for position in self.call("positions_get"):
            sign = 1 if position["type"] == 0 else -1
            volumes[position["symbol"]] = volumes.get(position["symbol"], 0) + sign * position["volume"]
        return volumes

    def tick(self, symbol=SYMBOL):
        return self.call("symbol_info_tick", symbol=symbol)

    def close(self):
        try:
            self.socket.close()
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


class Advisor:
    """The advisor's program in a folder of its own."""

    def __init__(self, simterm, engine_port, folder, inputs=(), environment=None, options=()):
        secret = pathlib.Path(folder) / "secret"
        if not secret.exists():
            secret.touch(0o600)
            secret.write_text(SECRET + "\n")
        command = [program("alavanca-ea"), "--simterm", f"127.0.0.1:{simterm.port}", "--files", str(folder)]
        command += ["--engine", f"127.0.0.1:{engine_port}", "--secret", str(secret), "--control", "true", *options]
        for one in inputs:
            command += ["--input", one]
        self.log = open(pathlib.Path(folder) / "advisor.log", "a", encoding="utf-8")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
            env={**os.environ, **(environment or {})}, preexec_fn=dies_with_its_test,
        )

    def stands(self):
        """Waits until it is on its chart; whether it is."""
        return bool(self.process.stdout.readline())

    def say(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def panel(self):
        self.say("panel")
        return json.loads(self.process.stdout.readline())

    def wait(self):
        return self.process.wait(timeout=PATIENCE)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        return self.wait()

    def remove(self):
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.log.close()


def proof(*parts):
    return hmac.new(bytes.fromhex(SECRET), "\n".join(parts).encode(), hashlib.sha256).hexdigest()


class Ended(AssertionError):
    """The connection ended while something was awaited."""


class Session:
    """The engine's end of one connection."""

    def __init__(self, connection):
        self.socket = connection
        self.socket.settimeout(PATIENCE)
        self.buffer = b""
        self.name = ""
        self.seq = 0
        self.seen = 0
        self.heard = []
        self.acks = True
        self.nonce = hashlib.sha256(os.urandom(16)).hexdigest()

    def send_raw(self, data):
        self.socket.sendall(data)

    def frame(self, kind, body, cid=None, **changes):
        self.seq += 1
        frame = {"v": 1, "session": self.name, "seq": self.seq, "ack": self.seen if self.acks else 0}
        if cid is not None:
            frame["cid"] = cid
        frame.update({"ts_utc": int(time.time() * 1000), "type": kind, "body": body})
        frame.update(changes)
        return (json.dumps(frame) + "\n").encode()

    def say(self, kind, body, cid=None, **changes):
        self.send_raw(self.frame(kind, body, cid, **changes))

    def read(self, patience=PATIENCE):
        """The next frame; None at the connection's end."""
        end = time.monotonic() + patience
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                raise AssertionError(f"no frame within {patience} s; heard {[one['type'] for one in self.heard[-5:]]}")
            try:
                chunk = self.socket.recv(65536)
            except ConnectionError:
                return None
            if not chunk:
                return None
            self.buffer += chunk
        line, self.buffer = self.buffer.split(b"\n", 1)
        assert len(line) < 65536, "a frame is too long"
        frame = json.loads(line)
        faults = schema.faults_of_bridge(frame)
        assert not faults, f"not the protocol: {faults}"
        assert frame["v"] == 1 and frame["session"] == self.name or frame["type"] in ("hello", "refuse", "welcome"), frame
        assert frame["seq"] == self.seen + 1, f"gap: {frame['seq']} after {self.seen}"
        self.seen = frame["seq"]
        self.heard.append(frame)
        return frame

    def hear(self, kind, cid=None, patience=PATIENCE, where=lambda body: True):
        """The next frame of a kind; others are passed over, and kept in `heard`."""
        end = time.monotonic() + patience
        while True:
            frame = self.read(max(0.1, end - time.monotonic()))
            if frame is None:
                raise Ended(f"the connection ended before `{kind}`; last {self.heard[-1:]}")
            if frame["type"] == "refuse" and kind != "refuse":
                raise AssertionError(f"refused: {frame['body']}")
            if frame["type"] == kind and (cid is None or frame.get("cid") == cid) and where(frame["body"]):
                return frame
            assert time.monotonic() < end, f"no `{kind}`"

    def ended(self):
        """Reads up to the connection's end."""
        while self.read() is not None:
            pass

    def ask(self, kind, body, answer, cid):
        self.say(kind, body, cid)
        return self.hear(answer, cid)["body"]

    def hello(self):
        self.say("challenge", {"nonce": self.nonce, "versions": [1], "engine": "test 1.0"})
        return self.hear("hello")["body"]

    def welcome(self, hello, epoch, **terms):
        self.name = hashlib.sha256(os.urandom(16)).hexdigest()[:32]
        auth = {
            "session": self.name, "epoch": epoch, "armed": True, "heartbeat_ms": 1000, "lost_after_ms": 30000,
            "window": 4, "deadman": "enforce",
            "caps": {"symbols": [SYMBOL], "order_lots": "10", "position_lots": "10", "orders_per_minute": 60},
        }
        auth.update(terms)
        said = proof(
            "alavanca engine 1", hello["nonce"], self.nonce, self.name, str(auth["epoch"]),
            "true" if auth["armed"] else "false",
        )
        self.say("auth", {**auth, "proof": auth.get("proof", said)})
        return self.hear("welcome")["body"]

    def close(self):
        self.socket.close()


class World(unittest.TestCase):
    """A test with a terminal, and advisors and engines as it needs them."""

    SIMTERM = ("--account", "netting", "--pulled", "false", "--speed", "1")

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.simterm = self.terminal(*self.SIMTERM)
        self.listen()
        self.epoch = 0

    def listen(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE)
        self.addCleanup(self.listener.close)
        self.port = self.listener.getsockname()[1]

    def terminal(self, *options):
        simterm = Simterm(*options)
        self.addCleanup(simterm.close)
        return simterm

    def advisor(self, inputs=(), stands=True, **more):
        advisor = Advisor(self.simterm, self.port, self.folder.name, inputs, **more)
        self.addCleanup(advisor.close)
        if stands:
            self.assertTrue(advisor.stands(), "the advisor did not start; see its log")
        return advisor

    def connection(self):
        session = Session(self.listener.accept()[0])
        self.addCleanup(session.close)
        return session

    def greeted(self):
        """A connection with its `hello`. One that waited too long for its `challenge` was given up by the advisor."""
        while True:
            session = self.connection()
            try:
                session.hello_said = session.hello()
                return session
            except (Ended, ConnectionError):
                session.close()

    def session(self, **terms):
        """A session that stands."""
        session = self.greeted()
        self.epoch += 1
        terms.setdefault("epoch", self.epoch)
        session.welcomed = session.welcome(session.hello_said, **terms)
        return session

    def log(self):
        return (pathlib.Path(self.folder.name) / "advisor.log").read_text(encoding="utf-8")

    def journal(self):
        return next(pathlib.Path(self.folder.name).glob("*.journal"))

    def order(self, magic, side="buy", intent="open", volume="1", **more):
        tick = self.simterm.tick()
        body = {
            "magic": str(magic), "epoch": self.epoch, "symbol": SYMBOL, "side": side, "volume": volume,
            "intent": intent, "price": f"{tick['ask' if side == 'buy' else 'bid']:g}", "deviation": 50, "sl": "0", "tp": "0",
            "filling": "ioc", "comment": "test", "not_after_server": tick["time_msc"] + 3_600_000,
        }
        body.update(more)
        return body

    def submit(self, session, magic, **more):
        """Submits an order; what became of it."""
        session.say("order_submit", self.order(magic, **more), str(magic))
        return self.outcome(session, magic)

    def outcome(self, session, magic):
        while True:
            frame = session.read()
            self.assertIsNotNone(frame, "the connection ended before the outcome")
            if frame["type"] in ("result", "unknown") and frame.get("cid") == str(magic):
                return frame["type"], frame["body"]

    def reconcile(self, session, orders=(), since=0, cid="r"):
        """All pages of a reconciliation, joined."""
        session.say("reconcile_req", {"deals_since_server": since, "orders": [str(magic) for magic in orders]}, cid)
        whole = {"outcomes": [], "guards": [], "positions": [], "orders": [], "deals": [], "pages": 0}
        while True:
            body = session.hear("reconcile", cid)["body"]
            self.assertNotIn("error", body)
            whole["pages"] += 1
            for name in ("positions", "orders", "deals"):
                whole[name] += body["snapshot"][name]
            whole["outcomes"] += body["outcomes"]
            whole["guards"] += body["guards"]
            whole["account"] = body["snapshot"]["account"]
            if not body["more"]:
                return whole


class Answering(threading.Thread):
    """Keeps a session alive while the test does something else; frames go to a queue."""

    def __init__(self, session):
        super().__init__(daemon=True)
        self.session = session
        self.frames = queue.Queue()
        self.start()

    def run(self):
        try:
            while True:
                frame = self.session.read()
                if frame is None:
                    break
                self.frames.put(frame)
        except (AssertionError, OSError, ValueError):
            pass
