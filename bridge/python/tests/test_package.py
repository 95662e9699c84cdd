"""The package as a person installs it: its wheel, in a new environment."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import venv

from alavanca_bridge import __version__
from tests.support import PROJECT


def can_build():
    try:
        import setuptools
    except ImportError:
        return False
    return tuple(map(int, setuptools.__version__.split(".")[:2])) >= (70, 1)


class Package(unittest.TestCase):
    def test_its_wheel_installs_and_runs(self):
        if not can_build():
            print("\n*** SKIPPED: no setuptools to build a wheel with: cargo xtask setup, with a network ***", file=sys.stderr)
            self.skipTest("no setuptools")
        kept = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(kept.cleanup)
        folder = pathlib.Path(kept.name)
        # A build leaves its own files beside the source: so a copy, of what is the package's.
        source = folder / "source"
        source.mkdir()
        shutil.copytree(PROJECT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(PROJECT / name, source)
        quiet = ("--quiet", "--disable-pip-version-check", "--no-index")
        self.run_it(sys.executable, "-m", "pip", "wheel", *quiet, "--no-build-isolation", "--wheel-dir", folder, source)
        (wheel,) = folder.glob("*.whl")
        self.assertEqual(wheel.name, f"alavanca_bridge-{__version__}-py3-none-any.whl")
        venv.EnvBuilder(with_pip=True).create(folder / "new")
        programs = folder / "new" / ("Scripts" if os.name == "nt" else "bin")
        self.run_it(programs / "python", "-m", "pip", "install", *quiet, wheel)
        self.assertEqual(self.run_it(programs / "alavanca-bridge", "--version"), f"alavanca-bridge {__version__}\n")
        help_ = self.run_it(programs / "alavanca-bridge", "--help")
        for words in ("--engine HOST:PORT", "--tls-ca FILE", "examples:"):
            self.assertIn(words, help_)
        # All its parts are in it, the worker's too, which is a program of its own.
        modules = [path.stem for path in (PROJECT / "src" / "alavanca_bridge").glob("*.py") if path.stem != "__main__"]
        self.run_it(programs / "python", "-c", "\n".join(f"import alavanca_bridge.{name}" for name in sorted(modules)))

    def run_it(self, *command):
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        ran = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=300, env=clean)
        self.assertEqual(ran.returncode, 0, f"{command}: {ran.stdout}{ran.stderr}")
        return ran.stdout


if __name__ == "__main__":
    unittest.main()
