"""GPUs are counted resources on labelled nodes."""

from __future__ import annotations

import json

import pytest
from fake_cluster import FakeKube

from sandbox.errors import UsageError
from sandbox.kind.stack.component import Object, Waiting
from sandbox.kind.stack.gpus import Gpu, Gpus, check_nodes, patches, place, read_gpus

A100, T4 = Gpu("nvidia.com/gpu", "a100", 2), Gpu("nvidia.com/gpu", "t4", 1)


def node(name: str, *, labels: dict[str, str] | None = None, has: dict[str, str] | None = None) -> Object:
    status = {"capacity": {"cpu": "2", **(has or {})}, "allocatable": {"cpu": "2", **(has or {})}}
    return {"metadata": {"name": name, "labels": labels or {}}, "status": status}


FRONT = node("front", labels={"node-role.kubernetes.io/control-plane": ""})


def test_the_option_is_read() -> None:
    assert (A100, Gpu("amd.com/gpu", "mi", 1)) == read_gpus("nvidia.com/gpu:a100=2, amd.com/gpu:mi=1")


@pytest.mark.parametrize("text", ["", "a100=2", "nvidia.com/gpu:a100", "nvidia.com/gpu:a100=0", "nvidia.com/gpu:a=1,"])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_gpus(text)


def test_a_type_that_is_named_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="twice"):
        read_gpus("nvidia.com/gpu:a100=2,nvidia.com/gpu:a100=1")


def test_each_type_has_a_worker_of_its_own() -> None:
    assert {"one": A100, "two": T4} == place([A100, T4], [node("two"), FRONT, node("one"), node("zero")])
    assert {"front": A100} == place([A100], [FRONT])
    with pytest.raises(UsageError, match="2 types of GPU need 3 nodes"):
        check_nodes([A100, T4], 2)
    check_nodes([A100, T4], 3)
    check_nodes([A100], 1)


def test_a_node_gets_labels_capacity_and_what_may_be_allocated() -> None:
    labels, status = patches(node("one"), A100)

    assert {"/metadata/labels/gpu": "a100", "/metadata/labels/nvidia.com~1gpu.product": "a100"} == {
        one["path"]: one["value"] for one in labels
    }
    assert {"/status/capacity/nvidia.com~1gpu": "2", "/status/allocatable/nvidia.com~1gpu": "2"} == {
        one["path"]: one["value"] for one in status
    }


def test_what_an_earlier_option_left_goes() -> None:
    had = node("one", labels={"gpu": "a100", "nvidia.com/gpu.product": "a100"}, has={"nvidia.com/gpu": "2"})
    labels, status = patches(had, None)

    assert ["remove", "remove"] == [one["op"] for one in labels]
    assert {"0"} == {one["value"] for one in status}
    assert ([], []) == patches(node("two", labels={"gpu": "of somebody else"}), None)


def test_it_waits_until_the_node_says_so() -> None:
    kube = FakeKube({"nodes": [FRONT, node("one")]})

    assert [Waiting("nvidia.com/gpu of node one", "0 of 2")] == Gpus((A100,)).waiting(kube)
    kube.objects["nodes"] = [FRONT, node("one", has={"nvidia.com/gpu": "2"})]
    assert [] == Gpus((A100,)).waiting(kube)


def test_installing_patches_nodes_that_need_it_only() -> None:
    kube = FakeKube({"nodes": [FRONT, node("one"), node("two")]})
    Gpus((A100,)).install(kube)

    assert ["patch node/one"] * 2 == [verb for verb, _ in kube.told]
    assert "add" == json.loads(kube.told[0][1])[0]["op"]
