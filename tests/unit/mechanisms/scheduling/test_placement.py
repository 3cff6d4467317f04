"""A pod goes where it may and where it fits, and the scheduler says why not."""

from __future__ import annotations

import pytest

from sandbox.manifests.objects import Container, Metadata, Node, NodeTerm, PodTemplate, Requirement, Resources, Taint
from sandbox.mechanisms.scheduling import affinity, fit
from sandbox.mechanisms.scheduling.demand import demand_of, resources_of
from sandbox.mechanisms.scheduling.placement import Room, may_fit_now, place
from sandbox.mechanisms.scheduling.taints import tolerates

GPU = Taint(key="nvidia.com/gpu", value="present")
TOLERATES_GPU = PodTemplate(tolerations=({"key": "nvidia.com/gpu", "operator": "Exists"},))
ANY = PodTemplate()


def node(name: str, *, cpu: int = 4000, gpus: int = 0, **more: object) -> Node:
    labels = more.pop("labels", {})
    extended = {"nvidia.com/gpu": gpus} if gpus else {}
    return Node(
        metadata=Metadata(name=name, labels=labels),
        allocatable=Resources(cpu_milli=cpu, memory_bytes=8 << 30, extended=extended),
        **more,
    )


def room(one: Node, pods: int = 0, **used: int) -> Room:
    return Room(node=one, used=used, pods=pods)


def test_the_first_filter_that_a_node_fails_is_the_one_that_is_told():
    rooms = [
        room(node("cordoned", unschedulable=True, taints=(GPU,))),
        room(node("tainted", taints=(GPU,))),
        room(node("unlabelled")),
        room(node("full", labels={"gpu": "a100"}), cpu=4000),
        room(node("crowded", labels={"gpu": "a100"}, max_pods=3), pods=3),
    ]

    where, message = place(rooms, PodTemplate(node_selector={"gpu": "a100"}), {"cpu": 1})

    assert where is None
    assert message == (
        "0/5 nodes are available: 1 Insufficient cpu, 1 Too many pods, "
        "1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint(s), "
        "1 node(s) were unschedulable."
    )


def test_of_the_nodes_that_fit_the_one_with_most_free_cpu_is_taken():
    rooms = [room(node("small", cpu=2000)), room(node("busy"), cpu=3000), room(node("free"), cpu=1000)]

    assert ("free", "") == place(rooms, ANY, {"cpu": 500})


def test_who_tolerates_being_unschedulable_may_run_on_a_cordoned_node():
    daemon = PodTemplate(tolerations=({"key": "node.kubernetes.io/unschedulable", "operator": "Exists"},))

    assert ("a", "") == place([room(node("a", unschedulable=True))], daemon, {})


@pytest.mark.parametrize(
    ("before", "after", "pod", "again"),
    [
        (None, node("new", gpus=1), ANY, True),
        (None, node("new"), ANY, False),
        (None, node("new", gpus=1, taints=(GPU,)), ANY, False),
        (node("n", gpus=1, taints=(GPU,)), node("n", gpus=1), ANY, True),
        (node("n", gpus=1), node("n", gpus=2), ANY, True),
        (node("n", gpus=2), node("n", gpus=1), ANY, False),
        (node("n", gpus=1), node("n", gpus=1, cpu=9000), TOLERATES_GPU, False),
        (node("n", gpus=1), node("n", gpus=1, max_pods=200), ANY, True),
    ],
)
def test_a_changed_node_is_looked_at_again_where_it_can_have_made_room(before, after, pod, again):
    assert again is may_fit_now(pod, {"nvidia.com/gpu": 1}, before, after)


@pytest.mark.parametrize(
    ("toleration", "taint", "does"),
    [
        ({"key": "k", "value": "v"}, Taint(key="k", value="v"), True),
        ({"key": "k", "value": "w"}, Taint(key="k", value="v"), False),
        ({"key": "other", "operator": "Exists"}, Taint(key="k"), False),
        ({"operator": "Exists"}, Taint(key="k", effect="NoExecute"), True),
        ({"key": "k", "effect": "NoExecute"}, Taint(key="k"), False),
        ({"key": "k"}, Taint(key="k"), True),
    ],
)
def test_a_toleration_names_key_value_and_effect(toleration, taint, does):
    assert does is tolerates(toleration, taint)


@pytest.mark.parametrize(
    ("requirement", "labels", "does"),
    [
        (Requirement(key="gpu", operator="DoesNotExist"), {}, True),
        (Requirement(key="gpu", operator="DoesNotExist"), {"gpu": "t4"}, False),
        (Requirement(key="driver", operator="Lt", values=("500",)), {"driver": "470"}, True),
        (Requirement(key="driver", operator="Gt", values=("500",)), {"driver": "470"}, False),
        (Requirement(key="driver", operator="Gt", values=("500",)), {"driver": "new"}, False),
        (Requirement(key="driver", operator="Gt", values=("500",)), {}, False),
        (Requirement(key="gpu", operator="NotIn", values=("no value: spaces",)), {"gpu": "t4"}, False),
    ],
)
def test_an_expression_that_cannot_be_met_or_read_does_not_match(requirement, labels, does):
    assert does is affinity.wants("n", labels, {}, [NodeTerm(labels_match=(requirement,))])


def test_a_container_of_a_manifest_asks_for_what_is_not_zero():
    asked = demand_of(
        Container(
            name="m",
            requests=Resources(cpu_milli=100, extended={"nvidia.com/gpu": 1}),
            limits=Resources(memory_bytes=5),
        )
    )

    assert (asked.name, asked.requests, asked.limits) == ("m", {"cpu": 100, "nvidia.com/gpu": 1}, {"memory": 5})
    assert resources_of(asked.requests) == Resources(cpu_milli=100, extended={"nvidia.com/gpu": 1})


def test_reasons_are_the_schedulers_words():
    found = fit.shortages({"memory": 5}, {"memory": 3, "pods": 1}, {}, 1)

    assert [one.reason for one in found] == ["Too many pods", "Insufficient memory"]
    assert [one.unresolvable for one in found] == [False, True]
