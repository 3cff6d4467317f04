"""Registers `--conformance-dir` early enough for a plain `pytest` from the root (see tests/conformance/conftest.py)."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--conformance-dir",
        metavar="DIR",
        default=None,
        help="run the conformance drivers over the tables in DIR instead of tests/conformance/tables",
    )
