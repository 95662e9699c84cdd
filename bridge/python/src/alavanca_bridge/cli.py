"""The command `alavanca-bridge`."""

import argparse
import asyncio
import ipaddress
import os
import ssl
import sys

from . import __version__, logs, proof, settings
from .bridge import Bridge
from .journal import Journal, JournalError
from .lock import Locked
from .net import Net

DESCRIPTION = """\
Joins Alavanca's engine to a MetaTrader 5 terminal. The engine listens, the bridge dials in, and goes on doing so.
"""
EXAMPLES = """\
examples:
  alavanca-bridge --engine 127.0.0.1:5757 --secret alavanca.secret --journal bridge.sqlite
  alavanca-bridge --engine 127.0.0.1:5757 --secret alavanca.secret --journal bridge.sqlite \\
      --terminal "C:\\Program Files\\MetaTrader 5\\terminal64.exe" --login 123456 --server Broker-Demo \\
      --password-file mt5.password
"""


def parser():
    """The command's arguments."""
    made = argparse.ArgumentParser(
        "alavanca-bridge", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = made.add_argument
    add("--engine", required=True, metavar="HOST:PORT", help="where the engine listens")
    add("--secret", required=True, metavar="FILE", help="the shared secret: 64 hexadecimal digits, owner-only")
    add("--journal", required=True, metavar="FILE", help="the bridge's journal (SQLite); one for each account, for ever")
    add("--symbols", default="", metavar="A,B", help="symbols that are watched also without an engine")
    add("--settings", metavar="FILE", help="caps of the bridge's own; the stricter of them and the engine's hold")
    add("--kill-file", metavar="FILE", help="while this file is there nothing is opened (default: JOURNAL.kill)")
    add("--poll-ms", type=_ms, default=20, metavar="N", help="pause between two polls of the terminal (default: 20)")
    add(
        "--worker-limit-ms", type=_ms, default=20_000, metavar="N",
        help="a call of the terminal that takes longer is given up, its process killed (default: 20000)",
    )  # fmt: skip
    add("--log", metavar="FILE", help="the log, turned over at 5 MB (default: JOURNAL.log)")
    add("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    add("--tls-ca", metavar="FILE", help="speak TLS with an engine whose certificate this one (PEM) vouches for")
    add("--tls-name", metavar="NAME", help="the name in the engine's certificate (default: the host)")
    add("--terminal", metavar="PATH", help="terminal64.exe, where more than one is installed")
    add("--login", type=int, metavar="N", help="log the terminal in to this account")
    add("--server", metavar="NAME", help="its trade server")
    add("--password-file", metavar="FILE", help="its password, on one line of an owner-only file")
    add("--version", action="version", version=f"alavanca-bridge {__version__}")
    return made


def main(arguments=None):
    """Runs the bridge. 0 after an end in order, 1 after a failure, 2 for settings that cannot be used."""
    options = parser().parse_args(arguments)
    try:
        host, port = _address(options.engine)
        tls = _tls(options, host)
        secret = proof.read_secret(options.secret)
        caps = settings.read_caps(options.settings) if options.settings else settings.Caps()
        login = _login(options)
    except (proof.SecretError, settings.SettingsError, OSError, ValueError) as error:
        print(f"alavanca-bridge: {error}", file=sys.stderr)
        return 2
    log = logs.begin(options.log or f"{options.journal}.log", options.log_level)
    try:
        journal = Journal(options.journal)
    except (JournalError, Locked, OSError) as error:
        log.error("the journal cannot be used: %s", error)
        return 1
    kill_file = options.kill_file or f"{options.journal}.kill"
    symbols = [symbol for symbol in options.symbols.split(",") if symbol]
    bridge = Bridge(journal, secret, caps, symbols, options.poll_ms, lambda: os.path.exists(kill_file))
    log.info("alavanca-bridge %s begins; journal %s, epoch %s", __version__, options.journal, journal.epoch())
    tick_ms = min(20, max(5, options.poll_ms))
    net = Net(bridge, (host, port), f"{options.journal}.worker", login, options.worker_limit_ms, tick_ms, tls)
    try:
        asyncio.run(net.run())
    except KeyboardInterrupt:
        pass
    finally:
        journal.close()
    log.info("ended")
    return 0


def _ms(text):
    number = int(text)
    if not 0 <= number <= 3_600_000:
        raise argparse.ArgumentTypeError("0 to 3600000 milliseconds")
    return number


def _address(text):
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"--engine {text}: expected HOST:PORT, such as 127.0.0.1:5757")
    return host.strip("[]"), int(port)


def _tls(options, host):
    if options.tls_ca:
        try:
            # The certificate is asked for, and the name in it checked; those of the system vouch for nothing.
            context = ssl.create_default_context(cafile=options.tls_ca)
        except OSError as error:
            raise ValueError(f"--tls-ca {options.tls_ca}: no certificate in PEM could be read from it: {error}") from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context, options.tls_name or host
    if options.tls_name:
        raise ValueError("--tls-name wants --tls-ca, the certificate that the name stands in or that vouches for it")
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ValueError(f"--engine {host} is not this machine: name the engine's certificate with --tls-ca")
    return None


def _login(options):
    login = {}
    if options.terminal:
        login["path"] = options.terminal
    if options.login:
        login["login"] = options.login
    if options.server:
        login["server"] = options.server
    if options.password_file:
        login["password"] = proof.read_owned(options.password_file, "the password file").strip()
    return login
