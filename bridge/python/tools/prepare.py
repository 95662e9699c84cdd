"""Prepares what the sidecar's tests run on, in a folder that is never committed: a virtual environment with numpy, and the
official package's own unmodified `__init__.py` over the tests' stand-in for its compiled half.

    python3 bridge/python/tools/prepare.py target/bridge-python

Ends with 0 also where there is no network: the tests that need the package then say that they are skipped. After it
`target/bridge-python/venv/bin/python -m alavanca_bridge` is the bridge on a simulated terminal.
"""

import hashlib
import pathlib
import subprocess
import sys
import tempfile
import venv
import zipfile

PACKAGE = "MetaTrader5==5.0.6231"
#: Of the wheel for CPython 3.12; its `__init__.py` is the same in all.
SHA256 = "b94b1f8f52087ae36dfac5f352a96f5d04fe308704d9515f82cf5d1470bc31d4"
NUMPY = "numpy>=1.24"
#: Builds the bridge's own wheel; from this version on without the package `wheel`.
SETUPTOOLS = "setuptools>=70.1"
PROJECT = pathlib.Path(__file__).resolve().parent.parent


def main(folder):
    """Makes what is not there yet."""
    folder = pathlib.Path(folder).resolve()
    python = folder / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        print(f"prepare: virtual environment {folder / 'venv'}")
        venv.EnvBuilder(with_pip=True, clear=True).create(folder / "venv")
    missing = []
    if not _runs(python, "import numpy"):
        print(f"prepare: installing {NUMPY}")
        if not _runs(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", NUMPY):
            missing.append("numpy")
    if not _runs(python, "import setuptools as s; assert tuple(map(int, s.__version__.split('.')[:2])) >= (70, 1)"):
        print(f"prepare: installing {SETUPTOOLS}")
        if not _runs(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", SETUPTOOLS):
            missing.append("setuptools")
    init = folder / "site" / "MetaTrader5" / "__init__.py"
    if not init.exists():
        print(f"prepare: fetching {PACKAGE}")
        if not _fetch(python, init):
            missing.append("the official MetaTrader5 package")
    if init.exists():
        (init.parent / "_core.py").write_text("from alavanca_fake_core import *  # noqa: F403\n", encoding="utf-8")
    _paths(python, [PROJECT / "src", PROJECT / "tests" / "fake", folder / "site"])
    for what in missing:
        print(f"prepare: COULD NOT HAVE {what}: the tests that need it will be SKIPPED", file=sys.stderr)
    return 0


def _fetch(python, init):
    """The wheel from PyPI; of it, `__init__.py` and the licence."""
    with tempfile.TemporaryDirectory() as place:
        wanted = ("--no-deps", "--only-binary=:all:", "--platform=win_amd64", "--python-version=3.12", PACKAGE)
        quiet = ("--quiet", "--disable-pip-version-check")
        if not _runs(python, "-m", "pip", "download", *quiet, f"--dest={place}", *wanted):
            return False
        wheel = next(pathlib.Path(place).glob("*.whl"))
        found = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if found != SHA256:
            raise SystemExit(f"prepare: {wheel.name} has the SHA-256 {found}, expected {SHA256}")
        init.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheel) as archive:
            licence = next(name for name in archive.namelist() if name.endswith("LICENSE.txt"))
            (init.parent / "LICENSE.txt").write_bytes(archive.read(licence))
            init.write_bytes(archive.read("MetaTrader5/__init__.py"))
    return True


def _paths(python, folders):
    """Lets the environment's Python see these folders."""
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], check=True, capture_output=True, text=True
    ).stdout.strip()
    lines = "".join(f"{folder}\n" for folder in folders)
    (pathlib.Path(site) / "alavanca_bridge_tests.pth").write_text(lines, encoding="utf-8")


def _runs(python, *arguments):
    arguments = arguments if arguments[0].startswith("-") else ("-c", *arguments)
    return subprocess.run([python, *arguments], stderr=subprocess.DEVNULL if arguments[0] == "-c" else None).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
