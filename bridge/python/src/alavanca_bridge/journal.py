"""The bridge's journal: what makes that no order is sent twice, in SQLite (WAL, `synchronous = FULL`).

An order's row goes through these states, each committed before what follows it:

    journaled   written; `order_send` was not called
    sending     about to be called, or called: from here on it may exist
    answered    the terminal's answer is known
    not_sent    it was not sent and never will be

Whatever a magic's row says is said for ever: the magic is the primary key, and no state goes back.
"""

import json
import os
import sqlite3
from decimal import Decimal

from . import retcodes
from .decimals import text
from .lock import Lock

SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS orders (
    magic INTEGER PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('journaled', 'sending', 'answered', 'not_sent')),
    opens INTEGER NOT NULL,
    closes INTEGER,
    guarded INTEGER NOT NULL,
    body TEXT NOT NULL,
    result TEXT,
    why TEXT,
    journaled_utc INTEGER NOT NULL,
    journaled_server INTEGER NOT NULL,
    sending_server INTEGER,
    ended INTEGER,
    guard_over TEXT,
    ended_filled TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS orders_by_state ON orders (state);
CREATE INDEX IF NOT EXISTS orders_by_closes ON orders (closes);
CREATE INDEX IF NOT EXISTS orders_guarded ON orders (guarded) WHERE guarded = 1;
CREATE TABLE IF NOT EXISTS deals (
    ticket INTEGER PRIMARY KEY,
    magic INTEGER NOT NULL,
    side TEXT NOT NULL,
    volume TEXT NOT NULL,
    price TEXT NOT NULL,
    position INTEGER NOT NULL,
    server INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS deals_by_magic ON deals (magic);
CREATE TABLE IF NOT EXISTS acted (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    body TEXT NOT NULL,
    told INTEGER NOT NULL DEFAULT 0
) STRICT;
"""

#: `ORDER_STATE_FILLED`.
FILLED = 4
#: What the bridge adds to an extra's opening magic for its own closing order.
BRIDGE_MAGIC = 1 << 52
#: What it adds for each attempt before, and how many there may be. Order numbers of what is guarded stay below it.
ATTEMPT = 1 << 24
ATTEMPTS = 1 << 8


class JournalError(Exception):
    """The journal cannot be used; nothing may be traded without it."""


class Journal:
    """One bridge's journal. It is locked while it is open: two bridges on one journal are refused."""

    def __init__(self, path):
        self._lock = Lock(f"{path}.lock")
        try:
            self._open(path)
        except (JournalError, OSError):
            self._lock.close()
            raise

    def _open(self, path):
        try:
            if os.name == "posix":
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL").fetchone()
            self._db.execute("PRAGMA synchronous = FULL")
            columns = [row[1] for row in self._db.execute("PRAGMA table_info(orders)")]
            if columns and "ended_filled" not in columns:
                # A journal of before, when a closing order was sent once only.
                self._db.execute("ALTER TABLE orders ADD COLUMN ended_filled TEXT")
            self._db.executescript(SCHEMA.replace(") STRICT;", ");") if sqlite3.sqlite_version_info < (3, 37) else SCHEMA)
            sound = self._db.execute("PRAGMA quick_check").fetchone()[0]
        except sqlite3.Error as error:
            raise JournalError(f"{path}: {error}") from None
        if sound != "ok":
            raise JournalError(f"{path} is damaged ({sound}): trading needs a whole journal")
        # What was written and not handed over when the bridge ended never will be.
        self._db.execute(
            "UPDATE orders SET state = 'not_sent', why = 'the bridge ended before it was sent' WHERE state = 'journaled'"
        )

    def close(self):
        """Closes it and gives it free."""
        self._db.close()
        self._lock.close()

    # -- facts --------------------------------------------------------------------------------------------------------

    def fact(self, name, otherwise=None):
        """Something noted."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else otherwise

    def note(self, **facts):
        """Notes facts in one commit."""
        with _transaction(self._db):
            for name, value in facts.items():
                self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value)))

    def epoch(self):
        """The highest epoch of an engine that was seen; 0 for none."""
        return self.fact("epoch", 0)

    # -- orders -------------------------------------------------------------------------------------------------------

    def write(self, body, utc, server, state="journaled", why=None):
        """A new order's row. `body` is the order as the wire has it, numbers as text. Raises `sqlite3.IntegrityError` where
        the magic is there.
        """
        closes = body.get("closes")
        self._db.execute(
            "INSERT INTO orders (magic, state, opens, closes, guarded, body, why, journaled_utc, journaled_server, "
            "sending_server) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                int(body["magic"]),
                state,
                int(body.get("intent") == "open"),
                int(closes) if closes else None,
                int(body.get("guard") is not None),
                json.dumps(body),
                why,
                utc,
                server or 0,
                server if state == "sending" else None,
            ),
        )

    def sending(self, magic, server):
        """From here on it may exist. False where it was not `journaled`: then it must not be sent."""
        changed = self._db.execute(
            "UPDATE orders SET state = 'sending', sending_server = ? WHERE magic = ? AND state = 'journaled'",
            (server or 0, magic),
        )
        return changed.rowcount == 1

    def answered(self, magic, result):
        """The terminal's answer."""
        self._end(magic, "answered", json.dumps(result), None)

    def not_sent(self, magic, why):
        """It was not sent and never will be: only for a row in `journaled`, or in `sending` where it is proven."""
        self._end(magic, "not_sent", None, why)

    def unknown(self, magic, why):
        """There is no answer and will be none; it stays in `sending`."""
        self._db.execute("UPDATE orders SET why = ? WHERE magic = ? AND state = 'sending'", (why, magic))

    def _end(self, magic, state, result, why):
        changed = self._db.execute(
            "UPDATE orders SET state = ?, result = ?, why = ? WHERE magic = ? AND state IN ('journaled', 'sending')",
            (state, result, why, magic),
        )
        if changed.rowcount != 1:
            raise JournalError(f"order {magic} ended twice")

    def order(self, magic):
        """An order's row as a dictionary, or `None`."""
        cursor = self._db.execute(
            "SELECT magic, state, body, result, why, journaled_server, guard_over FROM orders WHERE magic = ?", (magic,)
        )
        row = cursor.fetchone()
        if row is None:
            return None
        found = dict(zip((column[0] for column in cursor.description), row))
        found["body"] = json.loads(found["body"])
        found["result"] = json.loads(found["result"]) if found["result"] else None
        return found

    def without_outcome(self):
        """How many orders may exist and have no answer."""
        return self._db.execute("SELECT count(*) FROM orders WHERE state = 'sending'").fetchone()[0]

    def opened_lately(self, server, utc):
        """How many opening orders went out at or after this time of the server's. Where the server's time was not known
        then, this computer's clock says it.
        """
        query = (
            "SELECT count(*) FROM orders WHERE opens = 1 AND state != 'not_sent' "
            "AND (sending_server >= ? OR (coalesce(sending_server, 0) = 0 AND journaled_utc >= ?))"
        )
        return self._db.execute(query, (server, utc)).fetchone()[0]

    def sent_at(self, magic, server):
        """The server's time when it was sent, as the worker saw it."""
        self._db.execute("UPDATE orders SET sending_server = max(coalesce(sending_server, 0), ?) WHERE magic = ?", (server, magic))

    # -- deals and guards ---------------------------------------------------------------------------------------------

    def book(self, deals):
        """Notes the deals of orders in this journal; one that is there already changes nothing."""
        with _transaction(self._db):
            for deal in deals:
                if deal["kind"] not in (0, 1):
                    continue
                self._db.execute(
                    "INSERT OR IGNORE INTO deals SELECT ?, ?, ?, ?, ?, ?, ? "
                    "WHERE EXISTS (SELECT 1 FROM orders WHERE magic = ?)",
                    (
                        int(deal["ticket"]),
                        int(deal["magic"]),
                        "buy" if deal["kind"] == 0 else "sell",
                        deal["volume"],
                        deal["price"],
                        int(deal["position"]),
                        deal["server"],
                        int(deal["magic"]),
                    ),
                )

    def legs(self):
        """Extras that are to be guarded: those that opened, by the deals, and are not over."""
        rows = self._db.execute(
            "SELECT magic, body, state FROM orders WHERE guarded = 1 AND guard_over IS NULL "
            "AND state IN ('sending', 'answered')"
        ).fetchall()
        return [leg for leg in (self._leg(magic, json.loads(body)) for magic, body, _ in rows) if leg]

    def waiting_since(self):
        """The time of the oldest order that may have opened a leg which is not over; `None` without any."""
        query = (
            "SELECT min(journaled_server) FROM orders WHERE guarded = 1 AND guard_over IS NULL "
            "AND state IN ('sending', 'answered')"
        )
        return self._db.execute(query).fetchone()[0]

    def _leg(self, magic, body):
        closers = self._db.execute(
            "SELECT magic, state, result, ended, ended_filled, body FROM orders WHERE closes = ?", (magic,)
        ).fetchall()
        own = [closer for closer in closers if closer[0] >= BRIDGE_MAGIC]
        magics = [magic, *(closer[0] for closer in closers)]
        marks = ",".join("?" * len(magics))
        deals = self._db.execute(
            f"SELECT magic, side, volume, price, position, server FROM deals WHERE magic IN ({marks})", magics
        ).fetchall()
        opened = [deal for deal in deals if deal[1] == body["side"]]
        if not opened:
            return None
        volume = sum(Decimal(deal[2]) for deal in opened)
        closed_by = {}
        for deal in deals:
            if deal[1] != body["side"]:
                closed_by[deal[0]] = closed_by.get(deal[0], Decimal(0)) + Decimal(deal[2])
        entry = sum(Decimal(deal[2]) * Decimal(deal[3]) for deal in opened) / volume
        return {
            "magic": magic,
            "symbol": body["symbol"],
            "side": body["side"],
            "guard": body["guard"],
            "filling": body["filling"],
            "entry": entry,
            "since": min(deal[5] for deal in opened),
            "position": opened[0][4],
            "volume": max(Decimal(0), volume - sum(closed_by.values())),
            "in_doubt": any(self._in_doubt(closer, closed_by) for closer in closers),
            "own_in_doubt": any(self._in_doubt(closer, closed_by) for closer in own),
            "closed_by_bridge": bool(own),
            "attempts": len(own),
            # The engine's last epoch in which the bridge tried to close it.
            "tried_in": max((json.loads(closer[5]).get("epoch", 0) for closer in own), default=None),
        }

    def _in_doubt(self, closer, closed_by):
        """Whether a closing order may still take something from the leg, or may have."""
        magic, state, result, ended, ended_filled, body = closer
        if state == "not_sent":
            return False
        closed = closed_by.get(magic, Decimal(0))
        if closed >= Decimal(json.loads(body)["volume"]):
            return False
        if ended_filled is not None:
            # It is over; its deals may come later.
            return closed < Decimal(ended_filled)
        if ended is not None and ended != FILLED:
            return False
        if state in ("journaled", "sending"):
            return True
        # Unless it was surely refused it may have filled, or rest and fill later.
        meaning = retcodes.meaning(json.loads(result)["retcode"])
        return meaning in (retcodes.Meaning.UNKNOWN, retcodes.Meaning.PLACED, retcodes.Meaning.DONE)

    def bridge_closes(self, magic):
        """Whether an order of the bridge's own may still take something from the leg that this order opened."""
        row = self.order(magic)
        leg = self._leg(magic, row["body"]) if row and row["body"].get("guard") else None
        return leg is not None and leg["own_in_doubt"]

    def in_doubt(self):
        """Closing orders whose end is not known, by magic: the terminal's history may tell."""
        rows = self._db.execute(
            "SELECT c.magic FROM orders c JOIN orders o ON o.magic = c.closes WHERE o.guarded = 1 AND o.guard_over IS NULL "
            "AND c.state IN ('sending', 'answered') AND c.ended IS NULL"
        )
        return [row[0] for row in rows]

    def ended(self, magic, state, filled):
        """How an order ended by the terminal's history: its `ORDER_STATE`, and how much of it was filled (text)."""
        self._db.execute("UPDATE orders SET ended = ?, ended_filled = ? WHERE magic = ?", (state, filled, magic))

    def guard_over(self, magic, why):
        """Nothing of this extra is left to look after."""
        self._db.execute("UPDATE orders SET guard_over = ? WHERE magic = ?", (why, magic))

    def last_closed_by_bridge(self, since_server):
        """Extras that the bridge closed by itself since a time, as `Guarded` needs them."""
        rows = self._db.execute(
            "SELECT DISTINCT o.magic, o.body FROM orders o JOIN orders c ON c.closes = o.magic AND c.magic >= ? "
            "WHERE c.state IN ('sending', 'answered') AND c.journaled_server >= ?",
            (BRIDGE_MAGIC, since_server),
        ).fetchall()
        return [leg for leg in (self._leg(magic, json.loads(body)) for magic, body in rows) if leg]

    # -- what the bridge did by itself --------------------------------------------------------------------------------

    def act(self, body):
        """Notes that the bridge acted by itself, until an engine was told."""
        self._db.execute("INSERT INTO acted (body) VALUES (?)", (json.dumps(body),))

    def untold(self):
        """What no engine has acknowledged yet: numbers and bodies."""
        rows = self._db.execute("SELECT number, body FROM acted WHERE told = 0 ORDER BY number").fetchall()
        return [(number, json.loads(body)) for number, body in rows]

    def told(self, number):
        """An engine has it."""
        self._db.execute("UPDATE acted SET told = 1 WHERE number = ?", (number,))


class _transaction:
    def __init__(self, db):
        self._db = db

    def __enter__(self):
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind, *_):
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def plain(body):
    """A body read from the wire, with its numbers as text again: as the journal and the worker take it."""
    written = {}
    for name, value in body.items():
        if value is None:
            continue
        if isinstance(value, Decimal):
            written[name] = text(value)
        elif isinstance(value, dict):
            written[name] = plain(value)
        elif name in IDS:
            written[name] = str(value)
        else:
            written[name] = value
    return written


#: Fields of orders and changes that are ids.
IDS = frozenset({"magic", "position", "position_by", "closes", "order"})
