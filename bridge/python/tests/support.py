"""What the end-to-end tests stand on: a simulated terminal, an engine's stand-in behind a real socket, a real bridge."""

import collections
import hashlib
import hmac
import json
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from tests import schema

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parent
CONFORMANCE = PROJECT.parent.parent / "crates" / "adapters-mt5" / "conformance"
SIMTERM = os.environ.get("ALAVANCA_SIMTERM_BINARY", str(PROJECT.parent.parent / "target" / "debug" / "simterm"))
PATIENCE = 30
SECRET = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"


def why_not():
    """Why the end-to-end tests cannot run here, or `None`."""
    try:
        import numpy  # noqa: F401
    except ImportError:
        return "numpy is not there: run `cargo xtask setup` with a network"
    try:
        import MetaTrader5  # noqa: F401
    except ImportError:
        return "the official MetaTrader5 package's __init__.py is not there: run `cargo xtask setup` with a network"
    if not os.access(SIMTERM, os.X_OK):
        return f"no simulated terminal at {SIMTERM}: cargo build -p alavanca-adapters-sim --bin simterm"
    return None


def needs_simterm(case):
    """Skips a case loudly where it cannot run."""
    why = why_not()
    if why is not None:
        print(f"\n*** SKIPPED: {case.__name__}: {why} ***", file=sys.stderr)
        return unittest.skip(why)(case)
    return case


class Simterm:
    """A simulated terminal, and a driver's connection to it."""

    def __init__(self, *options):
        self.process = subprocess.Popen([SIMTERM, *map(str, options)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.process.stderr.read().decode())
        self.port = json.loads(line)["port"]
        self._socket = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        self._file = self._socket.makefile("rwb")
        self._number = 0
        self.call("attach", **{"as": "driver"}, name="test")

    def call(self, call, **arguments):
        self._number += 1
        self._file.write(json.dumps({"id": self._number, "call": call, **arguments}).encode() + b"\n")
        self._file.flush()
        answer = json.loads(self._file.readline())
        if answer.get("error"):
            raise AssertionError(f"{call}: {answer['error']}")
        return answer.get("ok")

    def fault(self, **fault):
        return self.call("fault", **fault)

    def books(self):
        return self.call("books")

    def now(self):
        return self.call("clock")["server_msc"]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()
        self._file.close()
        self._socket.close()


class Engine:
    """An engine's stand-in: it listens, and speaks with one bridge at a time."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self.port = self._listener.getsockname()[1]
        self.connection = None
        self.epoch = 0

    def accept(self, patience=PATIENCE):
        self.hang_up()
        self._listener.settimeout(patience)
        connection, _ = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = Connection(connection)
        return self.connection

    def session(self, **terms):
        """A session from `challenge` to `welcome`; terms as in `auth`."""
        deadline = time.monotonic() + PATIENCE
        while True:
            connection = self.accept(max(0.1, deadline - time.monotonic()))
            try:
                connection.handshake(max(self.epoch + 1, terms.pop("epoch", 0)), **terms)
            except Closed:
                # The bridge was killed in the middle, or its terminal was not there yet.
                if time.monotonic() > deadline:
                    raise
                continue
            self.epoch = connection.epoch
            return connection

    def hang_up(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def close(self):
        self.hang_up()
        self._listener.close()


class Closed(Exception):
    """The bridge closed the connection."""


class Connection:
    """One connection, from the engine's side. A thread takes frames in as they come, and acknowledges ticks."""

    def __init__(self, connection):
        self._socket = connection
        self.name = ""
        self.seq = 0
        self.taken = 0
        self.acknowledges = True
        self.hello = None
        self.nonce = secrets.token_hex(32)
        self.epoch = None
        self._inbox = collections.deque()
        self.everything = []
        self.gaps = 0
        self.problems = []
        self._news = threading.Condition()
        self._closed = False
        self._alive = True
        self._sending = threading.RLock()
        threading.Thread(target=self._read, daemon=True).start()

    # -- the wire

    def _read(self):
        try:
            with self._socket.makefile("rb") as lines:
                for line in lines:
                    if not line.endswith(b"\n"):
                        break
                    self._take(json.loads(line))
        except (OSError, ValueError):
            pass
        with self._news:
            self._closed = True
            self._news.notify_all()

    def _take(self, frame):
        wrong = schema.check(frame)
        with self._news:
            if wrong:
                self.problems.append(f"{frame['type']} is not the protocol's: {wrong}")
            if frame["seq"] != self.taken + 1:
                self.gaps += 1
            self.taken = frame["seq"]
            self.everything.append(frame)
            self._inbox.append(frame)
            self._news.notify_all()
        if frame["type"] == "tick" and self.acknowledges:
            self.beat()

    def beat(self):
        try:
            self.say("heartbeat", {"state": "ACTIVE"})
        except OSError:
            pass

    def keep_alive(self, every=0.2):
        def work():
            while self._alive and not self._closed:
                self.beat()
                time.sleep(every)

        threading.Thread(target=work, daemon=True).start()

    def say(self, kind, body, cid=None, seq=None, session=None, ack=None):
        with self._sending:
            self.seq = self.seq + 1 if seq is None else seq
            frame = {"v": 1, "type": kind, "session": self.name if session is None else session, "seq": self.seq}
            frame.update(ack=self.taken if ack is None else ack, ts_utc=time.time_ns() // 1_000_000)
            if cid is not None:
                frame["cid"] = cid
            frame["body"] = body
            self.raw(json.dumps(frame).encode() + b"\n")

    def raw(self, data):
        with self._sending:
            self._socket.sendall(data)

    def next(self, wanted, patience=PATIENCE, what=""):
        """The next frame that `wanted` takes; those before it are dropped."""
        deadline = time.monotonic() + patience
        with self._news:
            while True:
                assert not self.problems, self.problems
                while self._inbox:
                    frame = self._inbox.popleft()
                    if wanted(frame):
                        return frame
                if self._closed:
                    raise Closed(f"the bridge closed the connection while {what} was awaited; {self._tail()}")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"no {what} within {patience} s; {self._tail()}")
                self._news.wait(left)

    def _tail(self):
        return "last: " + json.dumps([(f["type"], f["body"]) for f in self.everything if f["type"] != "tick"][-6:])[:1500]

    def expect(self, *kinds, cid=None, patience=PATIENCE):
        def wanted(frame):
            return frame["type"] in kinds and (cid is None or frame.get("cid") == cid)

        return self.next(wanted, patience, f"{'|'.join(kinds)} {cid or ''}")

    def wait_closed(self):
        with self._news:
            self._news.wait_for(lambda: self._closed, PATIENCE)
            assert self._closed, "the bridge did not close the connection"

    def close(self):
        self._alive = False
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()

    # -- what an engine does

    def proof(self, session, epoch, armed, secret=SECRET):
        words = ("alavanca engine 1", self.hello["nonce"], self.nonce, session, str(epoch), "true" if armed else "false")
        return hmac.new(bytes.fromhex(secret), "\n".join(words).encode(), hashlib.sha256).hexdigest()

    def check_hello(self):
        account = self.hello["account"]
        words = ("alavanca bridge 1", self.nonce, self.hello["nonce"], self.hello["instance"], account["login"],
                 account["server"], account["trade_mode"], str(account["margin_mode"]), account["currency"])  # fmt: skip
        expected = hmac.new(bytes.fromhex(SECRET), "\n".join(words).encode(), hashlib.sha256).hexdigest()
        assert self.hello["proof"] == expected, "the bridge's proof does not hold"

    def handshake(self, epoch, armed=True, symbols=("WIN",), **terms):
        self.say("challenge", {"nonce": self.nonce, "versions": [1], "engine": "test"})
        first = self.expect("hello", "refuse")
        if first["type"] == "refuse":
            raise Closed(first["body"]["text"])
        self.hello = first["body"]
        self.check_hello()
        self.epoch = max(epoch, self.hello["epoch_seen"] + 1)
        name = secrets.token_hex(16)
        auth = {
            "session": name, "epoch": self.epoch, "armed": armed, "heartbeat_ms": 200, "lost_after_ms": 3000, "window": 8,
            "deadman": "enforce",
            "caps": {"symbols": list(symbols), "order_lots": "5", "position_lots": "10", "orders_per_minute": 1000},
            **terms,
        }  # fmt: skip
        auth["proof"] = self.proof(name, self.epoch, armed)
        self.name = name
        self.say("auth", auth)
        self.welcome = self.expect("welcome")["body"]
        self.keep_alive()

    def subscribe(self, *symbols, ticks=True):
        self.say("subscribe", {"symbols": list(symbols), "ticks": ticks})
        return [self.expect("symbol_spec")["body"] for _ in symbols]

    def reconcile(self, *magics, since=0):
        cid = secrets.token_hex(4)
        self.say("reconcile_req", {"deals_since_server": since, "orders": [str(m) for m in magics]}, cid)
        whole = self.expect("reconcile", cid=cid)["body"]
        more = whole["more"]
        while more:
            part = self.expect("reconcile", cid=cid)["body"]
            more = part["more"]
            for name in ("outcomes", "guards"):
                whole[name] += part[name]
            for name in ("positions", "orders", "deals"):
                whole["snapshot"][name] += part["snapshot"][name]
        return whole

    def outcome(self, magic, since=0):
        return self.reconcile(magic, since=since)["outcomes"][0]

    def submit(self, magic, **order):
        body = {
            "magic": str(magic), "epoch": self.epoch, "symbol": "WIN", "side": "buy", "volume": "1", "intent": "open",
            "price": "0", "deviation": 1000, "sl": "0", "tp": "0", "filling": "ioc", "comment": f"t {magic % 1000}",
            "not_after_server": 2**60, **order,
        }  # fmt: skip
        self.say("order_submit", body, str(magic))

    def answer(self, magic):
        """What became of an order, in this session: `result` or `unknown`."""
        return self.expect("result", "unknown", cid=str(magic))

    def trade(self, magic, **order):
        self.submit(magic, **order)
        return self.answer(magic)


class Bridge:
    """A bridge as a process of its own."""

    def __init__(self, folder, simterm, engine, *options, secret=None, **environment):
        self.folder = pathlib.Path(folder)
        self.journal = self.folder / "journal.sqlite"
        if secret is None:
            secret = self.folder / "secret"
            secret.touch(mode=0o600)
            secret.write_text(SECRET + "\n")
        self.secret = secret
        self._simterm, self._engine, self._options, self._environment = simterm, engine, options, environment
        self.process = None
        self.start()

    def start(self, *options, **environment):
        command = [
            sys.executable, "-m", "alavanca_bridge", "--engine", f"127.0.0.1:{self._engine.port}",
            "--secret", str(self.secret), "--journal", str(self.journal), "--poll-ms", "2", "--log-level", "debug",
            *self._options, *options,
        ]  # fmt: skip
        given = {"ALAVANCA_SIMTERM": f"127.0.0.1:{self._simterm.port}", "PYTHONUNBUFFERED": "1"}
        self.errors = open(self.folder / "stderr", "ab")
        self.process = subprocess.Popen(
            command, env={**os.environ, **given, **self._environment, **environment}, stderr=self.errors,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    @property
    def worker(self):
        """The worker's process id, from its lock."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                return int(pathlib.Path(f"{self.journal}.worker").read_text())
            except (OSError, ValueError):
                time.sleep(0.01)
        raise AssertionError("no worker")

    def kill(self, whole=True):
        """`kill -9`, of the net process alone or of both."""
        if whole:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        else:
            self.process.kill()
        self.process.wait(PATIENCE)
        self.errors.close()

    def kill_worker(self):
        os.kill(self.worker, signal.SIGKILL)

    def wait_dead(self):
        self.process.wait(PATIENCE)
        self.errors.close()

    def restart(self, *options, whole=True, **environment):
        self.kill(whole)
        self.start(*options, **environment)

    def said(self):
        return (self.folder / "stderr").read_text(errors="replace")

    def close(self):
        self.kill()


class Case(unittest.TestCase):
    """A test with a simulated terminal, an engine and a bridge."""

    def world(self, *simterm, bridge=(), **environment):
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.simterm = Simterm(*simterm)
        self.addCleanup(self.simterm.close)
        self.engine = Engine()
        self.addCleanup(self.engine.close)
        self.bridge = Bridge(folder.name, self.simterm, self.engine, *bridge, **environment)
        self.addCleanup(self.bridge.close)
        self.addCleanup(self._tell_of_failure)

    def _tell_of_failure(self):
        outcome = getattr(self, "_outcome", None)
        if outcome is not None and not getattr(outcome, "success", True):
            print(f"\n--- {self.id()}: the bridge said\n" + self.bridge.said()[-6000:], file=sys.stderr)

    def until(self, holds, what, patience=PATIENCE):
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            value = holds()
            if value:
                return value
            time.sleep(0.01)
        self.fail(f"not within {patience} s: {what}")

    def sends(self, magic=None):
        """How often the exchange was called with a magic, or with any."""
        sends = self.simterm.books()["sends"]
        return sum(entry["sends"] for key, entry in sends.items() if magic is None or key == str(magic))
