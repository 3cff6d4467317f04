"""Pods fit where there is room, and the scheduler says why not."""

from sandbox.manifests.objects import Metadata, Node, PodTemplate, Resources, Taint
from sandbox.sim.nodes import UNLIMITED, Nodes, gpus, total

ONE_GPU = Resources(cpu_milli=1000, extended={"nvidia.com/gpu": 1})


def node(name: str, cpu: int = 4000, gpu: int = 0, labels: dict[str, str] | None = None, **more: object) -> Node:
    extended = {"nvidia.com/gpu": gpu} if gpu else {}
    return Node(
        metadata=Metadata(name=name, labels=labels or {}),
        allocatable=Resources(cpu_milli=cpu, memory_bytes=8 << 30, extended=extended),
        **more,
    )


def test_without_nodes_everything_fits():
    assert (UNLIMITED, "") == Nodes().place(PodTemplate(), Resources(cpu_milli=10**9))


def test_the_fifth_gpu_pod_stays_pending_with_the_schedulers_words():
    nodes = Nodes([node("a", cpu=64000, gpu=4), node("b")])
    for _ in range(4):
        assert ("a", "") == nodes.place(PodTemplate(), ONE_GPU)

    assert (None, "0/2 nodes are available: 2 Insufficient nvidia.com/gpu.") == nodes.place(PodTemplate(), ONE_GPU)


def test_room_that_is_given_back_can_be_taken_again():
    nodes = Nodes([node("a", gpu=1)])
    nodes.place(PodTemplate(), ONE_GPU)
    nodes.release("a", ONE_GPU)

    assert ("a", "") == nodes.place(PodTemplate(), ONE_GPU)
    assert {"cpu_milli": 1000, "memory_bytes": 0, "gpu": 1, "pods": 1} == nodes.usage("a")


def test_pods_spread_to_the_node_with_most_free_cpu():
    nodes = Nodes([node("a"), node("b")])
    asked = Resources(cpu_milli=1000)

    assert ["b", "a", "b", "a"] == [nodes.place(PodTemplate(), asked)[0] for _ in range(4)]


def test_selector_taint_and_cordon_keep_pods_out():
    nodes = Nodes(
        [
            node("t4", labels={"gpu": "t4"}, taints=(Taint(key="gpu", value="yes"),)),
            node("plain"),
            node("cordoned", labels={"gpu": "t4"}, unschedulable=True),
        ]
    )
    wants_t4 = PodTemplate(node_selector={"gpu": "t4"})
    tolerates = PodTemplate(node_selector={"gpu": "t4"}, tolerations=({"key": "gpu", "operator": "Exists"},))
    asked = Resources(cpu_milli=100)

    refused = nodes.place(wants_t4, asked)

    assert refused == (
        None,
        "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, "
        "1 node(s) had untolerated taint(s), 1 node(s) were unschedulable.",
    )
    assert ("t4", "") == nodes.place(tolerates, asked)


def test_memory_and_equal_tolerations():
    nodes = Nodes([node("a", taints=(Taint(key="team", value="x", effect="NoExecute"),))])
    right = PodTemplate(tolerations=({"key": "team", "value": "x"},))
    wrong = PodTemplate(
        tolerations=({"key": "team", "value": "y"}, {"key": "team", "value": "x", "effect": "NoSchedule"})
    )

    assert (None, "0/1 nodes are available: 1 Insufficient memory.") == nodes.place(
        right, Resources(memory_bytes=9 << 30)
    )
    assert nodes.place(wrong, Resources())[0] is None
    assert "a" == nodes.place(right, Resources())[0]


def test_requests_add_up():
    both = total([ONE_GPU, Resources(cpu_milli=25, memory_bytes=5, extended={"amd.com/gpu": 2})])

    assert (1025, 5, 3) == (both.cpu_milli, both.memory_bytes, gpus(both))
