"""The journal: what is in it stays, and says what it says for ever."""

import contextlib
import pathlib
import sqlite3
import tempfile
import unittest
from decimal import Decimal

from alavanca_bridge.journal import BRIDGE_MAGIC, Journal, JournalError
from alavanca_bridge.lock import Locked


def order(magic, **changed):
    return {
        "magic": str(magic), "symbol": "WIN", "side": "buy", "volume": "2", "intent": "open", "filling": "ioc", **changed,
    }  # fmt: skip


def deal(ticket, magic, side, volume, price, server=1_000):
    return {
        "ticket": str(ticket), "magic": str(magic), "kind": 0 if side == "buy" else 1, "volume": volume, "price": price,
        "position": "9", "server": server,
    }  # fmt: skip


GUARD = {"stop": "50", "target": "100", "hold_seconds": 60}
DONE = {"retcode": 10009, "volume": "2"}


class TheJournal(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name, "journal.sqlite")
        self.journal = Journal(self.path)

    def tearDown(self):
        self.journal.close()

    def again(self):
        self.journal.close()
        self.journal = Journal(self.path)

    def state(self, magic):
        return self.journal.order(magic)["state"]

    def test_is_durable(self):
        pragma = lambda name: self.journal._db.execute(f"PRAGMA {name}").fetchone()[0]  # noqa: E731
        self.assertEqual((pragma("journal_mode"), pragma("synchronous")), ("wal", 2))

    def test_a_magic_is_written_once(self):
        self.journal.write(order(1), 0, 0)
        with self.assertRaises(sqlite3.IntegrityError):
            self.journal.write(order(1), 0, 0)

    def test_two_bridges_on_one_journal_are_refused(self):
        with self.assertRaises(Locked):
            Journal(self.path)

    def test_a_damaged_one_is_refused(self):
        self.journal.close()
        self.path.write_bytes(b"no database at all" * 100)
        with self.assertRaises(JournalError):
            Journal(self.path)
        self.path.unlink()
        self.journal = Journal(self.path)

    def test_states_never_go_back(self):
        self.journal.write(order(1), 0, 0)
        self.assertTrue(self.journal.sending(1, 5))
        self.assertFalse(self.journal.sending(1, 5), "handed over once only")
        self.journal.answered(1, DONE)
        self.assertFalse(self.journal.sending(1, 5))
        for end in (lambda: self.journal.not_sent(1, "x"), lambda: self.journal.answered(1, DONE)):
            with self.assertRaises(JournalError):
                end()
        self.assertEqual(self.state(1), "answered")

    def test_after_a_restart_what_waited_is_never_sent_and_what_was_handed_over_stays_open(self):
        self.journal.write(order(1), 0, 0)
        self.journal.write(order(2), 0, 0)
        self.journal.sending(2, 5)
        self.again()
        self.assertEqual((self.state(1), self.state(2)), ("not_sent", "sending"))
        self.assertFalse(self.journal.sending(1, 5))
        self.assertEqual(self.journal.without_outcome(), 1)

    def test_facts_outlive_it(self):
        self.journal.note(epoch=7, account={"login": "1"})
        self.again()
        self.assertEqual((self.journal.epoch(), self.journal.fact("account")), (7, {"login": "1"}))

    def test_a_leg_is_what_its_deals_say(self):
        self.journal.write(order(1, guard=GUARD), 0, 100)
        self.journal.sending(1, 100)
        self.assertEqual(self.journal.legs(), [], "nothing was dealt yet")
        self.journal.book([deal(1, 1, "buy", "1", "1000", 2_000), deal(2, 1, "buy", "1", "1010", 1_500)])
        self.journal.book([deal(1, 1, "buy", "1", "1000", 2_000), deal(3, 99, "buy", "1", "1010")])
        self.again()
        (leg,) = self.journal.legs()
        self.assertEqual((leg["volume"], leg["entry"], leg["since"]), (2, Decimal(1005), 1_500))
        self.assertFalse(leg["in_doubt"])

    def open_leg(self, magic=1):
        self.journal.write(order(magic, guard=GUARD), 0, 100)
        self.journal.sending(magic, 100)
        self.journal.answered(magic, DONE)
        self.journal.book([deal(magic, magic, "buy", "2", "1000")])

    def close_leg(self, magic, closes, volume="2"):
        self.journal.write(order(magic, side="sell", intent="close", closes=str(closes), volume=volume), 0, 100)

    def test_a_closing_order_leaves_the_leg_in_doubt_until_its_end_is_proven(self):
        self.open_leg()
        leg = lambda: self.journal.legs()[0]  # noqa: E731
        self.close_leg(2, 1)
        self.assertTrue(leg()["in_doubt"], "journaled")
        self.journal.sending(2, 5)
        self.assertTrue(leg()["in_doubt"], "sending")
        self.journal.unknown(2, "hung")
        self.assertTrue(leg()["in_doubt"], "unknown")
        self.assertEqual(self.journal.in_doubt(), [2])
        self.journal.book([deal(20, 2, "sell", "2", "1010")])
        self.assertEqual((leg()["in_doubt"], leg()["volume"]), (False, 0), "its deals prove it")

    def test_the_history_may_prove_that_a_closing_order_did_nothing(self):
        self.open_leg()
        self.close_leg(2, 1)
        self.journal.sending(2, 5)
        self.journal.ended(2, 5, "0")
        (leg,) = self.journal.legs()
        self.assertEqual((leg["in_doubt"], leg["volume"]), (False, 2))
        self.assertEqual(self.journal.in_doubt(), [])

    def test_a_rejected_closing_order_gives_the_leg_back_to_its_guard(self):
        self.open_leg()
        for magic, retcode, doubt in [(2, 10018, False), (3, 10012, True)]:
            self.close_leg(magic, 1)
            self.journal.sending(magic, 5)
            self.journal.answered(magic, {"retcode": retcode, "volume": "0"})
            self.assertEqual(self.journal.legs()[0]["in_doubt"], doubt, retcode)

    def test_done_without_its_deals_is_in_doubt_and_a_part_is_a_part(self):
        self.open_leg()
        self.close_leg(2, 1)
        self.journal.sending(2, 5)
        self.journal.answered(2, {"retcode": 10010, "volume": "1"})
        self.assertTrue(self.journal.legs()[0]["in_doubt"])
        self.journal.book([deal(20, 2, "sell", "1", "1010")])
        self.assertTrue(self.journal.legs()[0]["in_doubt"], "the rest may still fill")
        self.journal.ended(2, 2, "1")
        (leg,) = self.journal.legs()
        self.assertEqual((leg["in_doubt"], leg["volume"]), (False, 1))

    def test_an_order_that_is_over_is_in_doubt_until_its_deals_are_here(self):
        for magic, told in [(2, {"retcode": 10009, "volume": "0"}), (3, None)]:
            self.open_leg(magic * 100)
            self.close_leg(magic, magic * 100)
            self.journal.sending(magic, 5)
            if told:
                self.journal.answered(magic, told)
            leg = lambda: self.journal.legs()[-1]  # noqa: B023, E731
            self.assertTrue(leg()["in_doubt"])
            self.journal.ended(magic, 2, "1.5")
            self.assertTrue(leg()["in_doubt"], "history has the order, and not all of its deals")
            self.journal.book([deal(magic * 10, magic, "sell", "1.5", "1010")])
            self.assertEqual((leg()["in_doubt"], leg()["volume"]), (False, Decimal("0.5")))

    def test_a_journal_of_an_older_bridge_is_read(self):
        self.open_leg()
        path = self.path
        self.journal.close()
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("ALTER TABLE orders DROP COLUMN ended_filled")
        self.journal = Journal(path)
        self.close_leg(2, 1)
        self.journal.sending(2, 5)
        self.journal.ended(2, 2, "0")
        self.assertEqual([leg["in_doubt"] for leg in self.journal.legs()], [False])

    def test_the_bridges_own_close_is_told(self):
        self.open_leg()
        self.close_leg(1 + BRIDGE_MAGIC, 1)
        self.journal.sending(1 + BRIDGE_MAGIC, 5)
        self.assertTrue(self.journal.legs()[0]["closed_by_bridge"])
        self.journal.book([deal(20, 1 + BRIDGE_MAGIC, "sell", "2", "950")])
        (leg,) = self.journal.last_closed_by_bridge(0)
        self.assertEqual((leg["magic"], leg["volume"]), (1, 0))
        self.journal.guard_over(1, "closed")
        self.assertEqual(self.journal.legs(), [])
        self.assertEqual(len(self.journal.last_closed_by_bridge(0)), 1)

    def test_what_the_bridge_did_is_kept_until_it_was_told(self):
        self.journal.act({"text": "a"})
        self.journal.act({"text": "b"})
        self.again()
        (first, _), _ = self.journal.untold()
        self.journal.told(first)
        self.assertEqual([body["text"] for _, body in self.journal.untold()], ["b"])


if __name__ == "__main__":
    unittest.main()
