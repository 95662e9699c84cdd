"""The source keeps to what MQL5 and C++ share, and the checker sees what does not."""

import pathlib
import re
import subprocess
import tempfile
import unittest

from world import HERE

import build
import check_dialect

FAULTS = {
    "auto x = 1;": "a word of C++",
    "int *p = &total;": "a pointer",
    "Entry &one = journal.entries[0];": "a reference to something local",
    "for(int one : list) Print(one);": "a range-based for",
    "MqlTick tick = {};": "an initializer list",
    "std::string text;": "scope resolution",
    "int list[];": "array brackets",
    "int n = 5u;": "a literal with a suffix",
    "entry->magic = 1;": "a pointer's member",
    "if(x == nullptr) return;": "a word of C++",
    "try { Turn(); } catch(int) { }": "a word of C++",
    'Print("a" "b");': "adjacent literals",
    "template<typename T> T Twice(T x) { return x + x; }": "a word of C++",
    "Turn([]() { return 1; });": "a lambda",
    "return strlen(text);": "`strlen`: neither",
    "x = std_max(1, 2);": "`std_max`: neither",
    "void Take(Entry entry) { Turn(); }": "a structure goes by reference",
    "void Take(const string &text) { Turn(); }": "a text goes by value",
    "#include <vector>": "only .mqh files",
    "#pragma once": "not a directive",
    "#property strict": "#property outside",
    'Print("é");': "ASCII",
}


class DialectTest(unittest.TestCase):
    def sources(self):
        return sorted([*HERE.parent.glob("*.mq5"), *HERE.parent.glob("*.mqh")])

    def test_the_source_keeps_to_it(self):
        self.assertGreater(len(self.sources()), 10)
        self.assertEqual(check_dialect.check(self.sources()), [])

    def test_each_fault_is_seen(self):
        with tempfile.TemporaryDirectory() as folder:
            for text, what in FAULTS.items():
                with self.subTest(text):
                    planted = pathlib.Path(folder) / "Planted.mqh"
                    body = text if text.startswith(("#", "void", "template")) else f"void Planted()\n  {{\n   {text}\n  }}"
                    planted.write_text(body + "\n", encoding="utf-8")
                    faults = check_dialect.check([*self.sources(), planted])
                    self.assertTrue(any(what in one and one.startswith("Planted") for one in faults), faults)

    def test_each_input_can_be_set_in_the_program(self):
        source = (HERE.parent / "Alavanca.mq5").read_text()
        inputs = re.findall(r"^input\s+\w+\s+(\w+)", source, flags=re.M)
        table = re.findall(r'\{"(\w+)", \[\]', (HERE.parent / "shim" / "main.cpp").read_text())
        self.assertEqual(inputs, table)
        self.assertGreater(len(inputs), 8)

    def test_it_compiles_without_a_warning(self):
        """build.py stops at any; here from nothing."""
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                ["python3", str(HERE.parent / "build.py"), "--out", f"{folder}/alavanca-ea"], capture_output=True, text=True
            )
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("-Werror", build.FLAGS)


if __name__ == "__main__":
    unittest.main()
