"""ConfigMaps are read from a folder or from the API, kept for a while, and never waited for too long."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fixtures.kubernetes_api.api import KubeApi
from fixtures.sidecar_injector.cluster_configs import ClusterConfigs
from fixtures.sidecar_injector.configs import MOST_KEPT, Configs, Folder, config_map
from sandbox.errors import SandboxError, UsageError, WorldError
from sandbox.manifests.cache_config import CacheConfig
from sandbox.manifests.objects import ConfigMap
from tests.parts.sidecar_injector.fake_api import FakeApi


class Scripted:
    """A source that does what the script says next: a ttl, None, an error, or a wait."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.reads = 0

    async def read(self, namespace: str, name: str) -> ConfigMap | None:
        self.reads += 1
        doing = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(doing, Exception):
            raise doing
        if isinstance(doing, float):
            await asyncio.sleep(doing)
        return None if doing is None else config_map(namespace, name, {"ttl": doing} if isinstance(doing, str) else {})


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def down() -> WorldError:
    return WorldError("the API server did not answer")


async def said(configs: Configs, name: str = "warm") -> float | str:
    """The ttl of the cache, or why there is none."""
    try:
        return (await configs.get("shop", name)).ttl_s
    except SandboxError as error:
        return str(error.what)


def test_what_was_read_holds_until_it_has_aged() -> None:
    async def play() -> None:
        clock, source = Clock(), Scripted("1s", "2s")
        configs = Configs(source, ttl_s=10.0, now=clock)

        assert [await said(configs), await said(configs), source.reads] == [1.0, 1.0, 1]
        clock.now += 10.0
        assert [await said(configs), source.reads] == [2.0, 2]

    asyncio.run(play())


def test_when_the_api_fails_the_last_that_was_read_goes_on_to_hold() -> None:
    counted: list[str] = []

    async def play() -> None:
        clock = Clock()
        configs = Configs(
            Scripted("1s", down(), 9.0, "4s"), ttl_s=10.0, timeout_s=0.05, now=clock, count=counted.append
        )

        assert await said(configs) == 1.0
        for expected in (1.0, 1.0, 4.0):  # down, too slow, back
            clock.now += 11.0
            assert await said(configs) == expected

    asyncio.run(play())

    assert counted == ["read", "stale", "stale", "read"]


def test_a_config_map_that_was_never_read_is_refused_when_the_api_is_slow() -> None:
    async def play() -> None:
        configs = Configs(Scripted(30.0), timeout_s=0.05)
        async with asyncio.timeout(1.0):
            assert await said(configs) == "ConfigMap warm of namespace shop did not come"

    asyncio.run(play())


def test_an_answer_that_is_no_is_kept_as_well() -> None:
    async def play() -> None:
        source = Scripted(None, "1s")
        configs = Configs(source, now=Clock())

        assert [await said(configs), await said(configs), source.reads] == [
            "there is no ConfigMap warm in namespace shop",
            "there is no ConfigMap warm in namespace shop",
            1,
        ]

    asyncio.run(play())


def test_reviews_at_once_share_one_read_even_when_the_first_hangs_up() -> None:
    async def play() -> None:
        source = Scripted(0.05)
        configs = Configs(source)
        first, *others = [asyncio.create_task(configs.get("shop", "warm")) for _ in range(20)]
        await asyncio.sleep(0.01)
        first.cancel()

        assert await asyncio.gather(*others) == [CacheConfig()] * 19
        assert source.reads == 1

    asyncio.run(play())


def test_names_that_others_choose_do_not_fill_the_memory() -> None:
    async def play() -> None:
        configs = Configs(Scripted(None))
        for i in range(MOST_KEPT + 50):
            await said(configs, f"name-{i}")

        assert len(configs._kept) == MOST_KEPT

    asyncio.run(play())


def test_without_a_name_nothing_is_read() -> None:
    source = Scripted(down())

    assert asyncio.run(Configs(source).get("shop", "")) == CacheConfig()
    assert source.reads == 0


# -- a folder


def found(folder: Path, namespace: str, name: str) -> ConfigMap | None:
    return asyncio.run(Folder(folder).read(namespace, name))


def test_a_folder_knows_its_config_maps_by_namespace_and_name(configs: Path) -> None:
    warm = found(configs, "shop", "warm")

    assert warm is not None
    assert warm.data["ttl"] == "10m"
    assert found(configs, "other", "warm") is None


def test_a_file_that_cannot_be_read_hides_only_itself(tmp_path: Path) -> None:
    (tmp_path / "a-broken.yaml").write_text("kind: [")
    (tmp_path / "b.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: warm, namespace: shop}\n")

    assert found(tmp_path, "shop", "warm") is not None
    with pytest.raises(UsageError, match="not YAML"):
        found(tmp_path, "shop", "in-the-broken-one")


# -- the API


def ask(api: FakeApi, timeout_s: float = 5.0) -> ConfigMap | None:
    async def play() -> ConfigMap | None:
        try:
            async with KubeApi(api.access, timeout_s) as client:
                return await ClusterConfigs(client).read("shop", "warm")
        finally:
            await asyncio.sleep(0.1)  # TLS is closed by the loop, after the client

    return asyncio.run(play())


def test_the_api_gives_a_config_map_or_says_that_there_is_none() -> None:
    with FakeApi() as api:
        assert ask(api) is None
        api.config("warm", ttl="3s")

        warm = ask(api)

    assert warm is not None
    assert (warm.metadata.namespace, warm.data) == ("shop", {"ttl": "3s"})


def test_trouble_with_the_api_is_told_without_the_token() -> None:
    with FakeApi() as api:
        api.broken = True
        with pytest.raises(WorldError, match="refused GET") as broken:
            ask(api)
        api.broken, api.delay_s = False, 5.0
        with pytest.raises(WorldError, match="did not answer") as slow:
            ask(api, timeout_s=0.1)
        api.delay_s = 0.0
        api.access.token_file.write_text("secret-but-wrong")
        with pytest.raises(WorldError) as wrong:
            ask(api)

    assert "etcdserver" in str(broken.value)
    assert "401" in str(wrong.value)
    assert not any("secret-but-wrong" in str(one.value) or "t0ken" in str(one.value) for one in (broken, slow, wrong))


def test_a_replaced_token_is_used_from_the_next_call_on() -> None:
    with FakeApi() as api:
        good = api.access.token_file.read_text()
        api.access.token_file.write_text("old")
        with pytest.raises(WorldError):
            ask(api)
        api.access.token_file.write_text(good + "\n")

        assert ask(api) is None
