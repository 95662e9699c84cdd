"""The shared secret, and the proofs that both sides make with it."""

import hashlib
import hmac
import os
import re
import stat

BRIDGE_PROOF = "alavanca bridge 1"
ENGINE_PROOF = "alavanca engine 1"


class SecretError(Exception):
    """The secret's file cannot be used."""


def read_owned(path, what):
    """The text of a file that its owner alone may read.

    On Windows there are no mode bits to look at; the file is protected by the folder that it lies in, and the README
    says how.
    """
    try:
        with open(path, encoding="ascii") as file:
            if os.name == "posix":
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                if mode & 0o077:
                    raise SecretError(f"{what} {path} may be read by others (mode {mode:04o}): run `chmod 600 {path}`")
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretError(f"{what} {path} cannot be read: {error}") from None


def read_secret(path):
    """The secret's bytes: 64 hexadecimal digits on one line of an owner-only file."""
    text = read_owned(path, "the secret file").strip()
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise SecretError(f"the secret file {path} does not hold 64 hexadecimal digits on one line")
    return bytes.fromhex(text)


def of_bridge(secret, engine_nonce, bridge_nonce, instance, account):
    """The bridge's proof over both nonces and the account."""
    words = (
        BRIDGE_PROOF,
        engine_nonce,
        bridge_nonce,
        instance,
        account["login"],
        account["server"],
        account["trade_mode"],
        str(account["margin_mode"]),
        account["currency"],
    )
    return _mac(secret, words)


def of_engine(secret, bridge_nonce, engine_nonce, session, epoch, armed):
    """The engine's proof over both nonces, the session, its epoch and whether orders may be sent."""
    words = (ENGINE_PROOF, bridge_nonce, engine_nonce, session, str(epoch), "true" if armed else "false")
    return _mac(secret, words)


def holds(expected, got):
    """Whether two proofs are the same, in constant time."""
    return hmac.compare_digest(expected.encode(), got.encode())


def _mac(secret, words):
    return hmac.new(secret, "\n".join(words).encode(), hashlib.sha256).hexdigest()
