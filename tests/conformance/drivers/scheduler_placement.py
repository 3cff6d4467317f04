"""Driver of scheduler_placement.json: cases become calls of scheduling.affinity.

topology_spread_cases have no driver: the sandbox knows no topologySpreadConstraints (a manifest that has them is told
so), and a filter that nothing calls would be no mechanism.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.manifests.objects import NodeTerm, Requirement
from sandbox.mechanisms.scheduling import affinity

Json = dict[str, Any]


def _terms(given: list[Json] | None) -> tuple[NodeTerm, ...] | None:
    if given is None:
        return None
    return tuple(
        NodeTerm(
            labels_match=tuple(_requirement(one) for one in term.get("labels_match", ())),
            name_match=tuple(_requirement({"key": "metadata.name", **one}) for one in term.get("name_match", ())),
        )
        for term in given
    )


def _requirement(given: Json) -> Requirement:
    return Requirement(key=given["key"], operator=given["operator"], values=tuple(given.get("values", ())))


def node_affinity(case: Json, table: Json) -> None:
    name, labels = case["node"]["node"], case["node"]["labels"]
    enforced = affinity.wants(name, labels, {}, _terms(case.get("added_terms")))
    wanted = affinity.wants(name, labels, case.get("node_selector", {}), _terms(case.get("required_terms")))
    want = case["want"]

    assert want["schedulable"] is (enforced and wanted)
    if not want["schedulable"]:
        assert want["enforced_by_scheduler"] is not enforced


DRIVERS: dict[str, Callable[[Json, Json], None]] = {"node_affinity_cases": node_affinity}
