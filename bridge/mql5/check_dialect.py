#!/usr/bin/env python3
"""Refuses what a C++ compiler takes and MetaEditor does not, in the Expert Advisor's source.

    python3 bridge/mql5/check_dialect.py [FILE...]

The C++ build shows that the source is C++. This shows, as far as a script can, that it is MQL5: only words, functions
and constants of mql5-names.txt and the source's own; no pointers, references to locals, initializer lists, templates,
exceptions, `auto`, `std::`, adjacent literals; structures by reference; no array brackets but through Dialect.mqh.
What it cannot show MetaEditor has to: see README.md.
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
NAMES = HERE / "mql5-names.txt"

FORBIDDEN = [
    (r"\b(auto|nullptr|template|typename|throw|try|catch|constexpr|decltype|using|namespace|friend|operator|goto|"
     r"volatile|union|extern|inline|noexcept|new|delete|static_cast|reinterpret_cast|const_cast|dynamic_cast|unsigned|"
     r"signed|size_t|typedef|mutable|explicit|wchar_t|int64_t|uint64_t|int32_t|uint32_t|sizeof|NULL|static|export)\b",
     "a word of C++ that is not used here"),
    (r"::", "scope resolution"),
    (r"->", "a pointer's member"),
    (r"\[\s*[&=]?\s*\]\s*\(", "a lambda"),
    (r"\bfor\s*\([^;()]*:[^;()]*\)", "a range-based for"),
    (r"=\s*\{", "an initializer list"),
    (r"\breturn\s*\{", "an initializer list"),
    (r"\b[A-Za-z_]\w*\s*&\s*[A-Za-z_]\w*\s*=[^=]", "a reference to something local"),
    (r"\b(int|long|ulong|uint|uchar|ushort|double|bool|string|datetime|color|void|char)\s*\*", "a pointer"),
    (r"(?<=[=(,])\s*&\s*[A-Za-z_]", "an address"),
    (r"(?<=[=(,;{}])\s*\*\s*[A-Za-z_]", "a pointer that is followed"),
    (r"\b\d+(?:[uUlL]+)\b", "a literal with a suffix"),
    (r"\[\s*\]", "array brackets: use ARRAY, ARRAY_IN, ARRAY_OUT"),
    (r"\benum\s+(class|struct)\b", "a scoped enumeration"),
    (r"\blong\s+long\b", "long long"),
    (r"''\s*''", "adjacent literals"),
]
DIRECTIVES = ("include", "define", "ifdef", "else", "endif", "property")
# Handlers whose parameters are MetaTrader's.
HANDLERS = ("OnChartEvent", "OnTradeTransaction")


def blank_out(text):
    """Without comments, and with '' for each literal, so that places stay."""
    def instead(found):
        piece = found.group()
        keep = "\n" * piece.count("\n")
        return keep if piece.startswith("/") else "''" + keep

    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', instead, text, flags=re.S)


def allowed_names():
    """The names of mql5-names.txt."""
    words = set()
    for line in NAMES.read_text(encoding="utf-8").splitlines():
        words.update(line.split("#")[0].split())
    return words


def declared_names(text):
    """What the source itself names: types, functions, variables, parameters, constants."""
    names = set(re.findall(r"#define\s+(\w+)", text))
    names.update(re.findall(r"\b(?:struct|class|enum)\s+(\w+)", text))
    names.update(re.findall(r"\bARRAY(?:_IN|_OUT)?\(\s*\w+\s*,\s*(\w+)\s*\)", text))
    # TYPE NAME, TYPE &NAME and constructors.
    typed = re.findall(r"\b([A-Za-z_]\w*)\s+&?\s*([A-Za-z_]\w*)\s*(?=[;=(),{])", text)
    names.update(name for before, name in typed if before not in ("return", "else", "case"))
    for body in re.findall(r"\benum\s+\w+\s*\{(.*?)\}", text, flags=re.S):
        names.update(re.findall(r"[A-Za-z_]\w*", body))
    return names


def structures(text):
    """Types that MQL5 hands over by reference alone."""
    own = set(re.findall(r"\b(?:struct|class)\s+(\w+)", text))
    return own | {"MqlTick", "MqlRates", "MqlTradeRequest", "MqlTradeResult", "MqlTradeCheckResult", "MqlTradeTransaction"}


def parameter_faults(text, types):
    """Structures by value, and texts by constant reference, which not every build takes a literal for."""
    for found in re.finditer(r"\b(\w+)\s*\(([^(){};]*(?:\([^()]*\)[^(){};]*)*)\)\s*\{", text):
        name, parameters = found.groups()
        for parameter in parameters.split(","):
            words = re.findall(r"\w+|&", parameter)
            if len(words) >= 2 and words[-2] in types and "&" not in words:
                yield found.start(), f"`{' '.join(words)}`: a structure goes by reference"
            if words[:3] == ["const", "string", "&"] and name not in HANDLERS:
                yield found.start(), f"`{' '.join(words)}`: a text goes by value"


def check(paths):
    """Every fault as `FILE:LINE: what`."""
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    blank = {path: blank_out(text) for path, text in texts.items()}
    whole = "\n".join(blank.values())
    known = allowed_names() | declared_names(whole)
    types = structures(whole)
    faults = []
    for path, text in blank.items():
        def fault(place, what, path=path, text=text):
            faults.append(f"{path.name}:{text.count(chr(10), 0, place) + 1}: {what}")

        dialect = path.name == "Dialect.mqh"
        for pattern, what in FORBIDDEN:
            if dialect and "brackets" in what:
                continue
            for found in re.finditer(pattern, text):
                fault(found.start(), f"`{found.group().strip()}`: {what}")
        for found in re.finditer(r"^\s*#\s*(\w*)(.*)$", text, flags=re.M):
            word, rest = found.groups()
            if word not in DIRECTIVES:
                fault(found.start(), f"#{word}: not a directive of MQL5 that is used here")
            if word == "ifdef" and rest.strip() != "__MQL5__":
                fault(found.start(), "#ifdef of something other than __MQL5__")
        for found in re.finditer(r'^\s*#\s*include\s*(\S+)', texts[path], flags=re.M):
            if not re.fullmatch(r'"\w+\.mqh"', found.group(1)):
                faults.append(f"{path.name}: #include {found.group(1)}: only .mqh files beside it")
        if "#property" in text and not re.search(r"#ifdef __MQL5__(?:(?!#endif).)*#property", text, flags=re.S):
            faults.append(f"{path.name}: #property outside #ifdef __MQL5__")
        code = re.sub(r"^\s*#(?!define).*$", "", text, flags=re.M)
        for found in re.finditer(r"(?<![\w.])[A-Za-z_]\w*", code):
            word = found.group()
            if word not in known and not dialect:
                fault(found.start(), f"`{word}`: neither MQL5's (mql5-names.txt) nor declared here")
            if len(word) > 63:
                fault(found.start(), f"`{word}`: longer than MQL5's 63 characters")
        for place, what in parameter_faults(text, types):
            fault(place, what)
        if '"""' in texts[path] or re.search(r"[^\x00-\x7f]", texts[path]):
            faults.append(f"{path.name}: MetaEditor reads ASCII the same everywhere; there is something else in it")
    return sorted(set(faults))


if __name__ == "__main__":
    named = [pathlib.Path(name) for name in sys.argv[1:]]
    found_faults = check(named or sorted([*HERE.glob("*.mq5"), *HERE.glob("*.mqh")]))
    for one in found_faults:
        print(one)
    print(f"{len(found_faults)} faults" if found_faults else "the source keeps to what MQL5 and C++ share")
    sys.exit(1 if found_faults else 0)
