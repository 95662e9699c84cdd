"""An engine on another machine: what the bridge accepts over TLS, and what it says where it does not."""

import json
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile
import unittest
import warnings

from tests import support
from tests.support import HERE, PROJECT, SIMTERM, Bridge, Engine, Simterm, needs_simterm
from tests.test_orders import INSTANCE, World

#: The engine's own tests listen with these: for localhost and 127.0.0.1.
PAIR = PROJECT.parent.parent / "crates" / "adapters-mt5" / "tests" / "tls"
CERTIFICATE = PAIR / "certificate.pem"
#: For the same names, by somebody else; its key was thrown away.
ANOTHER = HERE / "tls" / "another.pem"
ALAVANCA = pathlib.Path(os.environ.get("ALAVANCA_BINARY", pathlib.Path(SIMTERM).with_name("alavanca")))


class Tls(World):
    def encrypted(self, *options, version=None, plain=False):
        """A bridge with these options, and an engine that listens with TLS, of this version, or plainly."""
        engine_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        engine_side.load_cert_chain(CERTIFICATE, PAIR / "key.pem")
        if version is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                engine_side.minimum_version = engine_side.maximum_version = version
            engine_side.set_ciphers("ALL:@SECLEVEL=0")

        class Encrypted(Engine):
            def __init__(self):
                super().__init__()
                if not plain:
                    self._listener = engine_side.wrap_socket(self._listener, server_side=True)

        self.addCleanup(setattr, support, "Engine", support.Engine)
        support.Engine = Encrypted
        self.world(*self.ACCOUNT, bridge=options)

    def refused(self, words):
        """The bridge has no session, and says so and what to do."""
        with self.assertRaises((OSError, AssertionError)):
            # With no certificate that it trusts the bridge does not say a word.
            for _ in range(2):
                self.engine.accept(5).next(lambda frame: True, 5, "word of the bridge")
        self.until(lambda: words in self.bridge.said(), words)


@needs_simterm
class OverTls(Tls):
    def test_an_order_goes_its_way(self):
        self.encrypted("--tls-ca", str(CERTIFICATE))
        found = next(found for found in self.simterm.call("symbols_get") if found["trade_mode"] == 4)
        self.symbol, self.lot = found["name"], str(found["volume_min"]).removesuffix(".0")
        self.simterm.call("advance", ms=3_600_000)
        engine = self.session()
        self.assertIn(engine._socket.version(), ("TLSv1.2", "TLSv1.3"))
        self.assertEqual(engine.trade(INSTANCE + 1)["body"]["retcode"], 10009)

    def test_a_certificate_that_nobody_vouches_for_is_refused(self):
        self.encrypted("--tls-ca", str(ANOTHER))
        self.refused("--tls-ca does not vouch for its certificate")

    def test_a_certificate_for_another_name_is_refused(self):
        self.encrypted("--tls-ca", str(CERTIFICATE), "--tls-name", "engine.example")
        self.refused("its certificate is not for engine.example")

    def test_the_name_is_checked_where_it_is_another_than_the_host(self):
        self.encrypted("--tls-ca", str(CERTIFICATE), "--tls-name", "localhost")
        self.session_up()

    def session_up(self):
        self.symbol, self.lot = "WIN", "1"
        self.assertEqual(self.session().hello["bridge"], "sidecar")

    def test_an_old_tls_is_refused(self):
        self.encrypted("--tls-ca", str(CERTIFICATE), version=ssl.TLSVersion.TLSv1_1)
        self.refused("by TLS 1.2 or newer")

    def test_an_engine_without_tls_is_refused(self):
        self.encrypted("--tls-ca", str(CERTIFICATE), plain=True)
        connection = self.engine.accept()
        connection.raw(b'{"v":1,"type":"challenge"}\n')
        self.until(lambda: "does it listen with MT5_TLS_CERT" in self.bridge.said(), "what to do")

    def test_plain_text_to_an_engine_with_tls_comes_to_nothing(self):
        self.encrypted()
        self.refused("name its certificate with --tls-ca")


class CommandLine(unittest.TestCase):
    def check(self, words, *options):
        secret = _folder(self) / "secret"
        secret.touch(mode=0o600)
        secret.write_text("00" * 32)
        ran = _bridge("--secret", secret, "--journal", secret.with_name("journal"), *options)
        self.assertEqual(ran.returncode, 2, ran.stderr)
        self.assertIn(words, ran.stderr)

    def test_what_cannot_be_is_said(self):
        elsewhere = ("--engine", "192.0.2.1:5757")
        self.check("is not this machine", *elsewhere)
        self.check("--tls-name wants --tls-ca", *elsewhere, "--tls-name", "a")
        self.check("/nowhere.pem: no certificate in PEM", *elsewhere, "--tls-ca", "/nowhere.pem")
        self.check("no certificate in PEM", *elsewhere, "--tls-ca", __file__)


@needs_simterm
class TheEngine(unittest.TestCase):
    """The real engine: `alavanca doctor` listens as `alavanca live` does."""

    def test_a_doctor_over_tls(self):
        if not ALAVANCA.exists():
            print(f"\n*** SKIPPED: no engine at {ALAVANCA}: cargo build -p alavanca ***", file=sys.stderr)
            self.skipTest("no engine")
        folder = _folder(self)
        key = folder / "key.pem"
        shutil.copyfile(PAIR / "key.pem", key)
        key.chmod(0o600)
        simterm = Simterm("--to", "17:00")
        self.addCleanup(simterm.close)
        symbol = next(found for found in simterm.call("symbols_get") if found["trade_mode"] == 4)["name"]
        simterm.call("advance", ms=3_600_000)
        settings = {
            "MT5_LISTEN": "0.0.0.0:0", "MT5_TLS_CERT": CERTIFICATE, "MT5_TLS_KEY": key, "LIVE_CLOCK": "BRIDGE",
        }  # fmt: skip
        command = [ALAVANCA, "doctor", "--json", "--symbol", symbol, "--secret", folder / "secret", "--wait", "60"]
        command += [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
        engine = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={})
        self.addCleanup(lambda: (engine.kill(), engine.communicate()))
        heard = []
        for line in engine.stderr:
            heard.append(line)
            if line.startswith("waiting for a bridge on "):
                break
        port = int(heard[-1].strip().rpartition(":")[2])
        listener = type("Listener", (), {"port": port})()
        bridge = Bridge(folder, simterm, listener, "--tls-ca", str(CERTIFICATE), secret=folder / "secret")
        self.addCleanup(bridge.close)
        out, errors = engine.communicate(timeout=90)
        found = {one["what"]: one["verdict"] for one in json.loads(out)["findings"]}
        self.assertEqual((found["account"], found["round trip"]), ("ok", "ok"), (errors, bridge.said()))


def _folder(case):
    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    case.addCleanup(folder.cleanup)
    return pathlib.Path(folder.name)


def _bridge(*arguments):
    command = [sys.executable, "-m", "alavanca_bridge", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


if __name__ == "__main__":
    unittest.main()
