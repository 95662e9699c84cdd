#!/usr/bin/env python3
"""Compiles the Expert Advisor's own source, with the shim around it, to the program `alavanca-ea`.

    python3 bridge/mql5/build.py [--sanitize] [--out FILE]

It goes to target/bridge-mql5/alavanca-ea (with --sanitize: alavanca-ea-sanitized), and is built only where something
changed. Prints where it is.
"""

import argparse
import hashlib
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FLAGS = ["-std=c++17", "-Wall", "-Wextra", "-Werror"]
PLAIN = ["-O1"]
SANITIZED = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def target():
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "bridge-mql5"


def build(sanitize=False, out=None):
    """Compiles, where needed; where the program is."""
    out = pathlib.Path(out) if out else target() / ("alavanca-ea-sanitized" if sanitize else "alavanca-ea")
    flags = FLAGS + (SANITIZED if sanitize else PLAIN)
    digest = hashlib.sha256(" ".join(flags).encode())
    sources = [path for pattern in ("*.mq5", "*.mqh", "shim/*.hpp", "shim/*.cpp") for path in HERE.glob(pattern)]
    for path in sorted(sources):
        digest.update(path.name.encode() + path.read_bytes())
    stamp = out.with_suffix(".built-from")
    if out.exists() and stamp.exists() and stamp.read_text() == digest.hexdigest():
        return out
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = out.with_suffix(f".{os.getpid()}")
    compiler = os.environ.get("CXX", "g++")
    subprocess.run([compiler, *flags, str(HERE / "shim" / "main.cpp"), "-o", str(fresh)], check=True)
    fresh.replace(out)
    stamp.write_text(digest.hexdigest())
    return out


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compiles the Expert Advisor's source to the program alavanca-ea.")
    parser.add_argument("--sanitize", action="store_true", help="with the address and undefined-behaviour sanitizers")
    parser.add_argument("--out", help="where the program goes")
    arguments = parser.parse_args()
    try:
        print(build(arguments.sanitize, arguments.out))
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
