"""Every frame that the tests read is held against the protocol's schema; here, that this sees what is wrong."""

import copy
import unittest

import schema

GOOD = {
    "v": 1, "session": "", "seq": 1, "ack": 0, "ts_utc": 1, "type": "tick",
    "body": {"symbol": "WINJ26", "ticks": [[1, "1", "1.5", "0", "2", 6]]},
}


class SchemaTest(unittest.TestCase):
    def test_a_good_frame(self):
        self.assertEqual(schema.faults_of_bridge(GOOD), [])

    def test_what_is_wrong_is_seen(self):
        changes = [
            lambda frame: frame.pop("seq"),
            lambda frame: frame.update(type="dance"),
            lambda frame: frame["body"].pop("symbol"),
            lambda frame: frame["body"]["ticks"][0].append(1),
            lambda frame: frame["body"]["ticks"][0].__setitem__(1, 1.5),
            lambda frame: frame["body"]["ticks"][0].__setitem__(2, "1e5"),
            lambda frame: frame["body"]["ticks"][0].__setitem__(5, -1),
            lambda frame: frame.update(ts_utc="1"),
        ]
        for number, change in enumerate(changes):
            with self.subTest(number):
                frame = copy.deepcopy(GOOD)
                change(frame)
                self.assertTrue(schema.faults_of_bridge(frame))


if __name__ == "__main__":
    unittest.main()
