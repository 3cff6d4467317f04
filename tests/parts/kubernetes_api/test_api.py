"""The calls of the Kubernetes API: lists in pages, applied objects, watches, and trouble by its kind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from fixtures.kubernetes_api.access import Access
from fixtures.kubernetes_api.api import PAGE, Conflict, Event, Gone, KubeApi, NotFound, Refused
from fixtures.kubernetes_api.watch import Key, Watched
from sandbox.errors import EnvironmentNotReady, WorldError
from tests.parts.kubernetes_api.fake_api import FakeApi

ALL, SHOP = "/apis/example.dev/v1/things", "/apis/example.dev/v1/namespaces/shop/things"
Result = TypeVar("Result")
Json = Any


def thing(name: str, **spec: Json) -> Json:
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def ask(api: FakeApi, question: Callable[[KubeApi], Awaitable[Result]], timeout_s: float = 5.0) -> Result:
    async def play() -> Result:
        try:
            async with KubeApi(api.access, timeout_s) as client:
                return await question(client)
        finally:
            await asyncio.sleep(0.1)  # TLS is closed by the loop, after the client

    return asyncio.run(play())


def test_a_list_of_more_than_one_page_is_whole_and_of_one_kind() -> None:
    with FakeApi() as api:
        for i in range(PAGE + 1):
            api.put(f"{SHOP}/t{i}", thing(f"t{i}"))
        api.put("/apis/example.dev/v1/namespaces/shop/others/o", thing("o"))
        found = ask(api, lambda client: client.list(ALL))

        assert len({one["metadata"]["name"] for one in found.objects}) == PAGE + 1
        assert found.version == "502"
        assert [call[1] for call in api.calls] == [ALL, ALL]


def test_a_list_may_be_of_some_labels() -> None:
    with FakeApi() as api:
        api.put(f"{SHOP}/a", {**thing("a"), "metadata": {"name": "a", "labels": {"x/y": "1"}}})
        api.put(f"{SHOP}/b", thing("b"))
        found = ask(api, lambda client: client.list(SHOP, selector="x/y=1"))

    assert [one["metadata"]["name"] for one in found.objects] == ["a"]


def test_apply_makes_what_is_missing_and_changes_what_is_there() -> None:
    with FakeApi() as api:
        for size in (1, 2):
            ask(api, lambda client, size=size: client.apply(f"{SHOP}/a", thing("a", size=size), "us"))  # type: ignore[misc]
            assert api.objects[f"{SHOP}/a"]["spec"] == {"size": size}

        assert ("PATCH", f"{SHOP}/a?fieldManager=us&force=true") in api.begun


def test_an_object_of_another_uid_is_not_deleted() -> None:
    with FakeApi() as api:
        api.put(f"{SHOP}/a", thing("a"))
        with pytest.raises(Conflict):
            ask(api, lambda client: client.delete(f"{SHOP}/a", "another"))
        ask(api, lambda client: client.delete(f"{SHOP}/a", api.objects[f"{SHOP}/a"]["metadata"]["uid"]))

        assert api.objects == {}


@pytest.mark.parametrize(
    ("status", "kind"), [(400, Refused), (403, Refused), (422, Refused), (409, Conflict), (410, Gone), (404, NotFound)]
)
def test_what_the_server_says_is_an_error_of_its_own_kind(status: int, kind: type[WorldError]) -> None:
    with FakeApi() as api:
        api.refusals = {"things/a": status}
        with pytest.raises(kind, match="refused PATCH") as refused:
            ask(api, lambda client: client.apply(f"{SHOP}/a", thing("a"), "us"))

    assert f"{status}: the object is refused" in str(refused.value)


async def some(client: KubeApi, version: str, number: int) -> list[Event]:
    async with client.watch(ALL, version, 5.0) as events:
        return [await anext(events) for _ in range(number)]


def test_a_watch_says_what_happened_after_a_version() -> None:
    with FakeApi() as api:
        api.put(f"{SHOP}/before", thing("before"))
        version = api.objects[f"{SHOP}/before"]["metadata"]["resourceVersion"]
        api.put(f"{SHOP}/a", thing("a"))
        api.put(f"{SHOP}/a", thing("a", text="x" * 300_000))  # longer than any buffer
        api.bookmark()
        api.remove(f"{SHOP}/a")
        found = ask(api, lambda client: some(client, version, 4))

    assert [one.kind for one in found] == ["ADDED", "MODIFIED", "BOOKMARK", "DELETED"]
    assert len(found[1].object["spec"]["text"]) == 300_000


def test_a_watch_from_a_version_that_is_forgotten_is_told_so() -> None:
    with FakeApi() as api:
        api.put(f"{SHOP}/a", thing("a"))
        api.forget()
        with pytest.raises(Gone, match="watch"):
            ask(api, lambda client: some(client, "1", 1))


def test_an_answer_to_a_write_is_known_at_once_unless_something_newer_is() -> None:
    def changed(key: Key, old: Json, new: Json) -> None:
        pass

    async def play(client: KubeApi) -> tuple[Json, Json]:
        watched = Watched(client, ALL, changed)
        first, second, third = ({**thing("a"), "n": n} for n in range(3))
        watched.objects["shop", "a"] = first
        watched.learn(first, second)
        known = watched.objects["shop", "a"]
        watched.learn(first, third)
        return known, watched.objects["shop", "a"]

    with FakeApi() as api:
        known, later = ask(api, play)

    assert (known["n"], later["n"]) == (1, 1)


def test_outside_of_a_pod_it_is_said_how_the_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(EnvironmentNotReady, match="not a pod") as refused:
        Access.in_cluster()
    assert "--api-url" in str(refused.value)

    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    found = Access.in_cluster(Path("/account"))

    assert found == Access("https://[fd00::1]:6443", Path("/account/ca.crt"), Path("/account/token"))
