"""A Knative revision: its pods, its autoscaler, and whether the activator is in its path.

Each second the revision's reports are recorded, every two seconds (and when an activator reports the first
request for a revision at zero) the KPA decides, and each change of the decision, of the ready pods or of the
path leads to one look at the PodAutoscaler: bounds, scale to zero, ServerlessService mode, readiness. The
decisions are `mechanisms.autoscaling`'s; this file feeds them and carries their outcome to pool and data plane.

Mirrors knative/serving pkg/reconciler/autoscaling/kpa, pkg/reconciler/serverlessservice, pkg/autoscaler/scaling.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sandbox.journal.schema import Gauge, RecordKind
from sandbox.mechanisms.autoscaling.activators import (
    SksMode,
    activator_capacity,
    activators_needed,
    assign_slice,
    initial_excess_burst_capacity,
    same_sign,
    sks_mode,
)
from sandbox.mechanisms.autoscaling.annotations import RevisionScaling
from sandbox.mechanisms.autoscaling.collector import MetricCollector
from sandbox.mechanisms.autoscaling.kpa import TICK_S, Autoscaler, Decision
from sandbox.mechanisms.autoscaling.scale_to_zero import (
    PROBE_PERIOD_S,
    SCALE_UNKNOWN,
    Active,
    Bounded,
    Reachability,
    ScaleInput,
    active_condition,
    active_threshold,
    apply_scale,
    bounded,
)
from sandbox.mechanisms.rollout.conditions import Status
from sandbox.sim import columns as c
from sandbox.sim.agenda import Priority
from sandbox.sim.context import Context
from sandbox.sim.draws import stream
from sandbox.sim.metering import Meter
from sandbox.sim.workload import Workload

# A period that is over but for a rounding of floats would make an appointment for now, again and again.
SOONEST_S = 1e-9
PROBE_S = 0.2  # the activator answers a probe of the service once gateways know that it is in the path


class Revision:
    """One revision of a Knative Service."""

    def __init__(
        self,
        context: Context,
        workload: Workload,
        scaling: RevisionScaling,
        container_concurrency: int,
        annotations: Mapping[str, str],
    ) -> None:
        self.context = context
        self.workload = workload
        self.name = workload.identity.name
        self.scaling = scaling
        self.container_concurrency = container_concurrency
        self.annotations = annotations
        self.generation = 0
        self.created_s = context.agenda.now_s
        self.ready = Status.UNKNOWN
        self.reason = "Deploying"
        self.routing = "pending"
        self.routing_since_s: float | None = None
        self.removed = False
        self.on_status: Callable[[], None] = lambda: None
        self._meter = Meter(context.plane, workload, stream(context.seed, f"scrape/{self.name}"))
        self._collector = MetricCollector(
            scaling.stable_window_s,
            scaling.panic_window_s,
            scaling.weighted,
            scraped=scaling.target_burst_capacity != -1,
        )
        self._autoscaler: Autoscaler | None = None
        self._desired = SCALE_UNKNOWN
        self._outcome = Bounded(SCALE_UNKNOWN, "")  # of the last decision
        self._ebc = float(
            initial_excess_burst_capacity(scaling.initial_scale, scaling.total, scaling.target_burst_capacity)
        )
        self._active = Active.UNKNOWN
        self._active_since_s = self.created_s
        self._initialized = False  # the initial scale was reached once
        self._mode = SksMode.PROXY
        self._proxy_since_s = self.created_s
        self._look_again = 0  # number of the newest appointment; older ones are void
        self._looking = False
        workload.on_change = self._pods_changed
        workload.pool.on_refused = self._refused

    # ---- life

    def begin(self) -> None:
        """The Deployment is created with the initial scale, and the decider starts ticking."""
        self._set_mode(SksMode.PROXY)
        self.workload.pool.scale(self.scaling.initial_scale)
        self.context.agenda.after(TICK_S, Priority.AUTOSCALER, self._tick)
        self.context.agenda.after(self.scaling.progress_deadline_s, Priority.RECONCILE, self._deadline)
        self._reconcile_soon()

    def remove(self) -> None:
        """The revision is deleted: its pods go."""
        self.removed = True
        self.workload.gauges = {}
        self.workload.pool.scale(0)

    def set_routed(self, routed: bool, percent: int) -> None:
        """The route refers to this revision, or not any more."""
        self.workload.gauges[Gauge.PERCENT] = float(percent)
        wanted = "active" if routed else ("reserve" if self.routing != "pending" else "pending")
        if wanted != self.routing:
            self.routing = wanted
            self.routing_since_s = self.context.agenda.now_s
            self._reconcile_soon()

    @property
    def reachability(self) -> Reachability:
        if self.routing == "active":
            return Reachability.REACHABLE
        return Reachability.UNREACHABLE if self.routing == "reserve" else Reachability.UNKNOWN

    def _deadline(self) -> None:
        if self.ready is Status.UNKNOWN and not self.removed:
            self._set_ready(Status.FALSE, "ProgressDeadlineExceeded")

    def _refused(self) -> None:
        """The API server lets no pod in: the Deployment's ReplicaFailure fails a revision that was never ready."""
        if self.ready is Status.UNKNOWN:
            self._set_ready(Status.FALSE, "FailedCreate")

    def _set_ready(self, ready: Status, reason: str) -> None:
        if ready is not self.ready:
            self.ready, self.reason = ready, reason
            self.on_status()

    # ---- metrics

    def second(self) -> None:
        """Record what queue-proxies and activators report for the second that ends now."""
        now_ns = self.context.agenda.now_ns
        now_s = self.context.agenda.now_s
        reports = self._meter.pods(now_ns)
        from_activators = self._meter.activators(now_ns)
        if self.removed:
            return
        if self._collector.scraped:
            total = self._meter.scrape(reports, now_s, self.scaling.stable_window_s)
            if total is not None:
                self._collector.record(now_s, total)
        poke = False
        for report in from_activators:
            self._collector.record(now_s, report)
            poke = poke or report.avg_concurrency > 0
        if poke and self._desired == 0:
            self._decide()

    def first_request(self, activator: int) -> None:
        """An activator met a revision it did not know: the autoscaler hears of it at once."""
        report = self._meter.first_request(activator)
        now_s = float(self.context.agenda.now_ns // 1_000_000_000)  # stamped in whole seconds
        self._collector.record(now_s, report)
        if self._desired == 0:
            self._decide()

    # ---- decision

    def _tick(self) -> None:
        if self.removed:
            return
        self.context.agenda.after(TICK_S, Priority.AUTOSCALER, self._tick)
        self._decide()

    def _decide(self) -> None:
        now_s = self.context.agenda.now_s
        pool = self.workload.pool
        ready = pool.ready
        if self._autoscaler is None:
            self._autoscaler = Autoscaler(self.scaling.decider, ready, now_s)
        averages = self._collector.stable_and_panic(now_s, self.scaling.metric)
        if averages is None:
            return
        decision = self._autoscaler.decide(
            now_s, ready, *averages, reachable=self.reachability is not Reachability.UNREACHABLE
        )
        if not decision.valid:
            return
        gauges = self.workload.gauges
        gauges[Gauge.STABLE], gauges[Gauge.PANIC] = averages
        gauges[Gauge.EXCESS_BURST] = float(decision.excess_burst_capacity)
        if decision.desired != self._desired or not same_sign(decision.excess_burst_capacity, self._ebc):
            self._reconcile_soon()
        self._desired, self._ebc = decision.desired, float(decision.excess_burst_capacity)
        outcome = bounded(decision.desired, self.scaling, self.reachability, self._initialized)
        if outcome != self._outcome:
            self._outcome = outcome
            self._journal_decision(decision, outcome, averages)
        gauges[Gauge.DESIRED] = float(outcome.pods)

    def _journal_decision(self, decision: Decision, outcome: Bounded, averages: tuple[float, float]) -> None:
        self.context.record(
            RecordKind.DECISION,
            loop="kpa",
            revision=self.name,
            metric=self.scaling.metric,
            stable=averages[0],
            panic=averages[1],
            target=self.scaling.target,
            ready=self.workload.pool.ready,
            in_panic=decision.in_panic,
            excess_burst_capacity=decision.excess_burst_capacity,
            decided=decision.desired,
            formula=decision.explained(outcome.pods, outcome.bound),
            outcome=outcome.pods,
        )

    # ---- PodAutoscaler and ServerlessService

    def _pods_changed(self) -> None:
        self._spread()
        self._reconcile_soon()

    def _reconcile_soon(self) -> None:
        if not self._looking:
            self._looking = True
            self.context.soon(Priority.RECONCILE, self._reconcile)

    def _appointment(self, seconds: float) -> None:
        self._look_again += 1
        number = self._look_again
        self.context.agenda.after(
            max(seconds, SOONEST_S),
            Priority.RECONCILE,
            lambda: self._reconcile_soon() if number == self._look_again else None,
        )

    def _reconcile(self) -> None:
        """One look at the PodAutoscaler: what to scale to, which path, whether the revision is active and ready."""
        self._looking = False
        if self.removed:
            return
        pool = self.workload.pool
        now_s = self.context.agenda.now_s
        outcome = apply_scale(
            ScaleInput(
                scaling=self.scaling,
                desired=self._desired,
                current_replicas=pool.replicas,
                active=self._active,
                active_for_s=now_s - self._active_since_s,
                reachability=self.reachability,
                initialized=self._initialized,
                sks_mode=self._mode,
                proxy_for_s=now_s - self._proxy_since_s if self._mode is SksMode.PROXY else 0.0,
                activator_answers=self._activator_answers(),
            )
        )
        if outcome.patched:
            message = f"Scaled from {pool.replicas} to {outcome.scale}: {outcome.reason}"
            self.context.event(f"revision/{self.name}", "ScalingReplicaSet", message)
            pool.scale(outcome.scale)
        if outcome.look_again_after_s is not None:
            self._appointment(outcome.look_again_after_s)
        elif outcome.background_probe:
            self._appointment(PROBE_PERIOD_S)
        self._update_active(outcome.scale)
        self._set_mode(sks_mode(outcome.scale, self._ebc, inactive=self._active is Active.FALSE))

    def _update_active(self, want: int) -> None:
        """The Active condition, and with the first time the initial scale is there: the revision is ready."""
        threshold = active_threshold(self.scaling, self.reachability, self._initialized)
        activity = active_condition(self._active, want, self.workload.pool.ready, threshold, self._initialized)
        if activity.initialized and not self._initialized:
            self._initialized = True
            self._set_ready(Status.TRUE, "")
        if activity.active is not self._active:
            self._active, self._active_since_s = activity.active, self.context.agenda.now_s
            self.context.record(
                RecordKind.OBJECT,
                object=f"podautoscaler/{self.name}",
                event="condition",
                type="Active",
                status=activity.active.value,
                reason=activity.reason,
            )
            self._reconcile_soon()

    def _activator_answers(self) -> bool:
        """Would a probe of the revision's service be answered by an activator by now?"""
        if self._mode is not SksMode.PROXY:
            return False
        delay_s = self.context.profiles.platform.endpoint_delay_s + PROBE_S
        return self.context.agenda.now_s - self._proxy_since_s >= delay_s

    def _set_mode(self, mode: SksMode) -> None:
        """Put the activator into the path, or take it out, as gateways will see it after the endpoint delay."""
        if mode is SksMode.SERVE and not self.workload.pool.gateway_pods:
            mode = SksMode.PROXY  # no endpoints to serve from: the activator stays
        self._spread()
        if mode is self._mode and self.workload.gauges.get(Gauge.PROXY_MODE) is not None:
            return
        self._mode = mode
        self.workload.gauges[Gauge.PROXY_MODE] = float(mode is SksMode.PROXY)
        if mode is SksMode.PROXY:
            self._proxy_since_s = self.context.agenda.now_s
        self.context.record(
            RecordKind.OBJECT,
            object=f"serverlessservice/{self.name}",
            event="mode",
            mode=mode.value,
            excess_burst_capacity=self._ebc,
        )
        value = c.PROXY if mode is SksMode.PROXY else c.DIRECT
        self.context.agenda.after(
            self.context.profiles.platform.endpoint_delay_s,
            Priority.PODS,
            lambda: self.context.plane.set_mode(self.workload.row, value) if self._mode is mode else None,
        )

    def _spread(self) -> None:
        """Divide the pods among the activators that serve this revision, with their capacities."""
        pool, plane, row = self.workload.pool, self.context.plane, self.workload.row
        wanted = activators_needed(
            pool.ready, self.scaling.total, self.scaling.target_burst_capacity, self.scaling.activator_capacity
        )
        count = min(wanted, plane.activators)
        plane.state.revs[row, c.R_ACTIVATORS] = count
        names = [f"{pod.row:09d}" for pod in pool.activator_pods]
        by_name = dict(zip(names, pool.activator_pods, strict=True))
        for activator in range(plane.activators):
            mine = assign_slice(sorted(names), activator, count, self.container_concurrency) if names else []
            capacity = activator_capacity(self.container_concurrency, len(mine), activators=count)
            plane.set_activator(row, activator, [by_name[name].row for name in mine], capacity)

    @property
    def settled(self) -> bool:
        """Ready or failed, with as many pods as wanted: nothing left to wait for before the run starts."""
        pool = self.workload.pool
        if self.ready is Status.UNKNOWN:
            return False
        return self.ready is Status.FALSE or (pool.ready >= pool.replicas and len(pool.gateway_pods) == pool.ready)
