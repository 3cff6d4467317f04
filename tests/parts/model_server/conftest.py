"""One running server of each kind for the tests that only ask it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.parts.model_server.processes import KINDS, Server, make_model, model_server


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """Both servers with the same model, revision and pod, answering at once, taking bodies of up to 64 KiB."""
    folder = tmp_path_factory.mktemp("servers")
    model = make_model(folder / "model")
    same = ("--revision", "ranker-00001", "--pod", "ranker-00001-a", "--most-bytes", str(1 << 16))
    with (
        model_server("slim", folder / "slim", *same, model_dir=model) as slim,
        model_server("sdk", folder / "sdk", *same, model_dir=model) as sdk,
    ):
        yield {"slim": slim.ready(), "sdk": sdk.ready()}


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, servers: dict[str, Server]) -> Server:
    return servers[request.param]
