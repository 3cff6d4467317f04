"""KServe's book-keeping of a component's revisions: which one was last rolled out in full, and which before.

Comes in: a component's status before, and its Knative Service's status. Goes out: the component's status
after. The control plane's KServe reconciler calls it whenever the Knative Service's status changes; what it
says decides where a canary's rest goes (kserve.py), and that a percent below 100 on a revision that is
already rolled out in full takes the traffic back to the one before.

Mirrors kserve/kserve (aaac4e29) pkg/apis/serving/v1beta1/inference_service_status.go, PropagateStatus.

Leaves out: URLs and addresses. Conditions are in conditions.py, the model's state in model_status.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sandbox.mechanisms.rollout.conditions import Condition
from sandbox.mechanisms.rollout.traffic import StatusTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentStatus:
    """Revision names, "" for none. Remembered one deep: `previous` is what `rolled` was before."""

    rolled: str = ""  # latestRolledoutRevision: the last one that had 100 %
    previous: str = ""  # previousRolledoutRevision
    ready: str = ""  # latestReadyRevision
    created: str = ""  # latestCreatedRevision
    traffic: tuple[StatusTarget, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnativeServiceStatus:
    """What a Knative Service reports: latest revisions, status.traffic, conditions by type."""

    created: str = ""
    ready: str = ""
    traffic: tuple[StatusTarget, ...] = ()
    conditions: Mapping[str, Condition] = field(default_factory=dict)


def propagate(status: ComponentStatus, service: KnativeServiceStatus) -> ComponentStatus:
    """The component's status after its Knative Service reported `service`."""
    for target in service.traffic:
        if target.latest and target.revision_name == service.ready:
            status = _follow(status, service, target.percent)
    return replace(status, ready=service.ready, created=service.created, traffic=service.traffic)


def _follow(status: ComponentStatus, service: KnativeServiceStatus, percent: int) -> ComponentStatus:
    """The latest ready revision is served by the latest target with `percent`: promoted, or taken back?"""
    if status.rolled != service.ready:
        return replace(status, previous=status.rolled, rolled=service.ready) if percent == 100 else status
    total = sum(target.percent for target in service.traffic if target.revision_name == service.ready)
    taken_back = service.created == service.ready and percent < 100 and total == 100 and status.previous
    return replace(status, rolled=status.previous) if taken_back else status
