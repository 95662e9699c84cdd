#!/usr/bin/env python3
"""Runs a bridge's tests, each class in a process of its own, several at a time: they wait most of their time.

    python3 bridge/run_tests.py FOLDER [--top FOLDER] [--jobs N] [--again-with NAME=VALUE MODULE...]

Finds what `unittest discover` finds, and ends with 1 where a class failed or had no test. With `--again-with` the classes
of these modules run once more with a variable set.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time
import unittest


def classes(suite):
    """The names of the test classes, in order, and how many tests each has."""
    found = {}
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            for name, count in classes(test).items():
                found[name] = found.get(name, 0) + count
        else:
            name = f"{type(test).__module__}.{type(test).__qualname__}"
            if name.startswith("unittest.loader."):
                # What could not be imported is a test that fails, under a name that cannot be run.
                raise SystemExit(f"run_tests: {test}: {getattr(test, '_exception', 'cannot be loaded')}")
            found[name] = found.get(name, 0) + 1
    return found


def run(name, count, folder, more):
    """One class, whether all its tests ran, and what it said."""
    began = time.monotonic()
    command = [sys.executable, "-W", "ignore::ResourceWarning", "-m", "unittest", "--verbose", name]
    ran = subprocess.run(
        command, cwd=folder, env={**os.environ, **more}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace",
    )  # fmt: skip
    said = re.search(r"^Ran (\d+) tests?", ran.stdout, flags=re.M)
    # A class that is skipped as a whole runs none of its tests, and says so.
    whole = said is not None and (int(said[1]) == count or "skipped" in ran.stdout)
    return ran.returncode == 0 and whole, time.monotonic() - began, ran.stdout


def main():
    parser = argparse.ArgumentParser(description="Runs a bridge's tests, several classes at a time.")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--top", type=pathlib.Path, help="the packages' top folder (default: the folder itself)")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--again-with", nargs="+", default=[], metavar="WORD", help="NAME=VALUE and modules")
    options = parser.parse_args()
    top = (options.top or options.folder).resolve()
    sys.path.insert(0, str(top))
    found = classes(unittest.defaultTestLoader.discover(str(options.folder.resolve()), top_level_dir=str(top)))
    work = [(name, count, {}) for name, count in found.items()]
    if options.again_with:
        variable, *modules = options.again_with
        once_more = dict([variable.split("=", 1)])
        again = [(name, count, once_more) for name, count in found.items() if name.rpartition(".")[0] in modules]
        if {name.rpartition(".")[0] for name, _, _ in again} != set(modules):
            raise SystemExit(f"run_tests: not all of {modules} are there")
        work += again
    if not work:
        raise SystemExit("run_tests: no test was found")
    # The longest first, as far as their number tells.
    work.sort(key=lambda one: -one[1])
    failed = []
    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        running = {pool.submit(run, name, count, top, more): (name, count, more) for name, count, more in work}
        for done in concurrent.futures.as_completed(running):
            (name, count, more), (good, seconds, said) = running[done], done.result()
            label = " ".join([name, *(f"{key}={value}" for key, value in more.items())])
            print(f"{'ok    ' if good else 'FAILED'} {seconds:6.1f} s {count:3} tests  {label}", flush=True)
            if not good:
                failed.append(label)
                print(said, flush=True)
            else:
                print("".join(f"{line}\n" for line in said.splitlines() if "***" in line), end="", flush=True)
    print(f"{sum(count for _, count, _ in work)} tests of {len(work)} classes; failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
