"""What the API server says to a pod that its namespace has no room for, beyond upstream's tables."""

from __future__ import annotations

import pytest

from sandbox.manifests.tenancy import LimitRangeItem
from sandbox.mechanisms.scheduling.demand import ContainerDemand, PodDemand
from sandbox.mechanisms.tenancy import limit_range, quota

MODEL = ContainerDemand(name="kserve-container", requests={"cpu": 1000, "memory": 1 << 30}, limits={"memory": 1 << 30})
QUEUE_PROXY = ContainerDemand(name="queue-proxy", requests={"cpu": 25})
POD = quota.Pod(demand=PodDemand(containers=(MODEL, QUEUE_PROXY)))


def test_a_pod_that_exceeds_a_quota_is_told_by_how_much():
    compute = quota.Quota(
        name="compute", hard={"requests.cpu": 4000, "pods": 9}, used={"requests.cpu": 3075, "pods": 3}
    )

    refused = quota.admit("m-1", POD, [compute])

    assert isinstance(refused, quota.Refused)
    assert (refused.error, refused.resources) == ("exceeded", ("requests.cpu",))
    assert refused.message == (
        'pods "m-1" is forbidden: exceeded quota: compute, requested: requests.cpu=1025m, used: requests.cpu=3075m, '
        "limited: requests.cpu=4"
    )


def test_a_quota_on_memory_asks_every_container():
    refused = quota.admit("m-1", POD, [quota.Quota(name="q", hard={"limits.memory": 8 << 30, "memory": 8 << 30})])

    assert isinstance(refused, quota.Refused)
    assert refused.error == "must_specify"
    assert refused.message == (
        'pods "m-1" is forbidden: failed quota: q: must specify limits.memory for: queue-proxy; memory for: queue-proxy'
    )


def test_resources_of_the_pod_as_a_whole_speak_for_all_containers():
    whole = PodDemand(containers=(QUEUE_PROXY,), pod_level=ContainerDemand(requests={"memory": 5}))

    assert quota.missing(whole, ["memory"]) == {}


def test_an_amount_is_written_as_kubernetes_writes_it():
    assert [quota.written("limits.memory", amount) for amount in (0, 5, 3 << 20)] == ["0", "5", "3Mi"]
    assert quota.written("requests.nvidia.com/gpu", 4) == "4"


@pytest.mark.parametrize(
    ("scope", "priority", "counts"),
    [
        ("PriorityClass", "high", True),
        ("PriorityClass", "", False),
        ("PriorityClass not in [low,middle]", "high", True),
        ("PriorityClass not in [low,high]", "high", False),
        ("PriorityClass not in []", "", True),
        ("PriorityClass not in []", "high", False),
    ],
)
def test_a_quota_may_count_some_priority_classes_only(scope, priority, counts):
    assert counts is quota.in_scope(quota.Pod(demand=PodDemand(), priority_class=priority), [scope])


def test_a_resource_nobody_counts_is_not_charged():
    odd = quota.Pod(demand=PodDemand(containers=(ContainerDemand(requests={"odd": 1}, limits={"odd": 1}),)))

    assert quota.charge(odd) == {"count/pods": 1, "pods": 1}


def test_a_container_item_is_completed_and_a_pod_item_is_not():
    container = limit_range.completed(
        LimitRangeItem(type="Container", min={"cpu": 10}, max={"memory": 9}, default={"memory": 5})
    )

    assert (container.default, container.default_request) == ({"memory": 5}, {"cpu": 10, "memory": 5})
    assert limit_range.completed(LimitRangeItem(type="Pod", max={"cpu": 1})).default == {}


def test_items_of_other_types_give_and_ask_nothing():
    claim = [LimitRangeItem(type="PersistentVolumeClaim", min={"storage": 1}, default={"cpu": 1})]
    pod = PodDemand(containers=(QUEUE_PROXY,), init_containers=(QUEUE_PROXY,))

    assert limit_range.with_defaults(pod, claim) == pod
    assert limit_range.violations(pod, claim) == []


def test_every_way_to_break_a_bound_is_told():
    container = ContainerDemand(requests={"a": 5, "b": 5, "c": 5}, limits={"a": 1, "b": 9})
    item = LimitRangeItem(
        type="Container", min={"a": 4}, max={"b": 9, "c": 9}, max_limit_request_ratio={"c": 2, "d": 2}
    )
    too_much = LimitRangeItem(type="Container", max={"b": 4, "e": 1})
    both = ContainerDemand(requests={"e": 2}, limits={"e": 1})

    found = limit_range.violations(PodDemand(init_containers=(container,)), [item])
    more = limit_range.violations(PodDemand(containers=(both,)), [LimitRangeItem(type="Container", max={"e": 1})])

    assert [(one.where, one.rule, one.resource, one.problem) for one in found] == [
        ("init container 0", "min", "a", "limit too small"),
        ("init container 0", "max", "c", "limit missing"),
        ("init container 0", "ratio", "c", "limit missing"),
        ("init container 0", "ratio", "d", "request missing"),
    ]
    assert [one.problem for one in more] == ["request too large"]
    assert limit_range.message("p", more).startswith('pods "p" is forbidden: maximum e usage per Container')
    assert len(limit_range.violations(PodDemand(containers=(container,)), [too_much])) == 2
