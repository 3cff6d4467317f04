"""What the parts' tests share: one object store for all tests that only put things into it and take them out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.parts.object_store.running import RunningStore, object_store


@pytest.fixture(scope="session")
def store() -> Iterator[RunningStore]:
    """moto's S3 server behind the counting front, with the empty buckets `models` and `logs`."""
    with object_store("--server", "moto", "--bucket", "models", "--bucket", "logs") as running:
        yield running
