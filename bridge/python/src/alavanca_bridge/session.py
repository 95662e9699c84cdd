"""One connection with the engine, from its `challenge` to its end: who is there, that both have the secret, that nothing
comes twice or late. Pure: bytes and time in, bytes and messages out.
"""

import secrets

from . import __version__, frames, proof


class Ended(Exception):
    """The connection is to be closed; `frame` goes out before, where there is one."""

    def __init__(self, why):
        super().__init__(why)


class Session:
    """The bridge's side of a connection. `send` takes the bytes of each frame."""

    def __init__(self, secret, instance, send):
        self._secret = secret
        self._instance = instance
        self._send = send
        self._lines = frames.Lines()
        self._nonce = secrets.token_hex(32)
        self._engine_nonce = None
        self.name = ""
        self.step = "challenge"
        self.sent = 0
        self.taken = 0
        #: The bridge's last frame that the engine took in.
        self.acknowledged = 0
        self.terms = None
        self.account = None
        #: The time, for what is said without being given it.
        self.utc = 0
        #: When the engine was heard last, and what it is to be echoed.
        self.heard = None
        self.echo = None

    @property
    def up(self):
        """Whether the session stands."""
        return self.step == "up"

    @property
    def armed(self):
        """Whether it stands and orders may be sent."""
        return self.up and self.terms["armed"]

    def take_in(self, data, now):
        """The engine's frames in these bytes: pairs of the envelope, and whether frames are missing before it.

        Raises `Ended` for what is no frame of this protocol.
        """
        try:
            lines = self._lines.take_in(data)
        except frames.FrameError as error:
            self.refuse("protocol", str(error))
        taken = []
        for line in lines:
            try:
                envelope = frames.decode(line)
            except frames.FrameError as error:
                self.refuse("protocol", str(error))
            self.heard = now
            # Of another session, whose numbers mean nothing here.
            if self.up and envelope["session"] != self.name:
                continue
            if envelope["ack"] > self.sent:
                self.refuse("protocol", f"`ack` is {envelope['ack']}; only {self.sent} frames were sent")
            if envelope["seq"] <= self.taken:
                continue
            gap = envelope["seq"] > self.taken + 1
            self.taken = envelope["seq"]
            self.acknowledged = max(self.acknowledged, envelope["ack"])
            taken.append((envelope, gap))
        return taken

    def say(self, kind, body, utc, server=None, cid=None):
        """Sends a message. Returns its number."""
        envelope = {"v": frames.VERSION, "type": kind, "session": self.name, "seq": self.sent + 1, "ack": self.taken}
        if cid is not None:
            envelope["cid"] = cid
        envelope["ts_utc"] = utc
        if server is not None:
            envelope["ts_server"] = server
        envelope["body"] = body
        line = frames.encode(envelope)
        self.sent += 1
        self._send(line)
        return self.sent

    def refuse(self, reason, text):
        """Says why there is no session, and ends it."""
        self.say("refuse", {"reason": reason, "text": text[:500]}, self.utc)
        raise Ended(f"refused ({reason}): {text}")

    # -- the handshake ------------------------------------------------------------------------------------------------

    def challenged(self, body):
        """Hears `challenge`; `hello` follows when the account is known."""
        if self.step != "challenge":
            self.refuse("protocol", "`challenge` out of turn")
        if frames.VERSION not in body["versions"]:
            self.refuse("version", f"the engine speaks {body['versions']}, this bridge {frames.VERSION}: bring both to one")
        self._engine_nonce = body["nonce"]
        self.step = "account"

    def hello(self, account, epoch_seen, utc, server):
        """Says who is there, on whose account."""
        self.account = account
        body = {
            "nonce": self._nonce,
            "version": frames.VERSION,
            "bridge": "sidecar",
            "release": __version__,
            "instance": self._instance,
            "epoch_seen": epoch_seen,
            "account": account,
            "proof": proof.of_bridge(self._secret, self._engine_nonce, self._nonce, self._instance, account),
        }
        self.say("hello", body, utc, server)
        self.step = "auth"

    def authenticated(self, body, epoch_seen):
        """Hears `auth`: whether the engine has the secret, and an epoch that is not of the past."""
        if self.step != "auth":
            self.refuse("protocol", "`auth` out of turn")
        expected = proof.of_engine(
            self._secret, self._nonce, self._engine_nonce, body["session"], body["epoch"], body["armed"]
        )
        if not proof.holds(expected, body["proof"]):
            self.refuse("proof", "the engine's proof does not hold; give both sides the same secret file")
        if body["epoch"] <= epoch_seen:
            self.refuse("epoch", f"epoch {body['epoch']} is not greater than {epoch_seen}, which this bridge has seen")
        self.terms = body
        self.name = body["session"]
        self.step = "welcome"

    def welcome(self, epoch, open_in_journal, utc, server):
        """The session stands. The epoch is durable by now."""
        self.say("welcome", {"epoch": epoch, "open_in_journal": open_in_journal}, utc, server)
        self.step = "up"
