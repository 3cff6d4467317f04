"""No request is lost or counted twice, whatever happens to pods, routes and limits.

A state machine drives a data plane through random timelines: a transformer in two revisions, in front of a predictor in
two revisions and with a cache, open-loop and closed-loop traffic. After every step all counters are held against the
rows of the requests that are under way.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sandbox.sim import columns as c
from sandbox.sim import heap
from sandbox.sim.dataplane import DataPlane
from sandbox.sim.draws import alias_table, quantile_table, stream

MS = 1_000_000
SECOND = 1000 * MS
ANSWERS = [c.N_200, c.N_403, c.N_500, c.N_502, c.N_503, c.N_504]
INSIDE = [c.AT_QUEUE_PROXY, c.AT_CONTAINER, c.WORKING, c.WAITING]
ACTIVATORS = 2
FRONTS, PREDICTORS, PLAIN = (0, 1), (2, 3), (4,)
REVS = FRONTS + PREDICTORS + PLAIN
ROUTE_REVS = (FRONTS, PREDICTORS, PLAIN)
FLOW_ROUTES = (0, 2, 0)
USERS = 8

revs = st.sampled_from(REVS)
limits = st.sampled_from((0, 1, 3, 5))
picks = st.integers(min_value=0, max_value=1000)


class Timeline(RuleBasedStateMachine):
    """Random timelines of one data plane."""

    @initialize(
        seed=st.integers(0, 1000),
        concurrency=st.tuples(*(limits for _ in REVS)),
        workers=st.tuples(*(limits for _ in REVS)),
        timeouts_ms=st.tuples(*(st.sampled_from((20, 150, 2000)) for _ in REVS)),
        fail=st.sampled_from((0, (1 << 53) // 4)),
    )
    def make(self, seed, concurrency, workers, timeouts_ms, fail):
        plane = self.plane = DataPlane(activators=ACTIVATORS)
        self.pods = {rev: [] for rev in REVS}
        self.leaving = []
        self.started_by_the_dead = {}
        self.of_freed_pods = np.zeros((2 * len(REVS), c.COUNTERS), dtype=np.int64)
        work, think = (
            plane.new_table(quantile_table(lambda u, ms=ms: -math.log1p(-u) * ms * MS, 1.0)) for ms in (20.0, 40.0)
        )
        for rev in REVS:
            assert plane.new_rev() == rev
            row = plane.state.revs[rev]
            row[[c.R_TABLE, c.R_CC, c.R_WORKERS]] = (work, concurrency[rev], workers[rev])
            row[[c.R_TIMEOUT, c.R_HOP, c.R_ACT_HOP, c.R_ACTIVATORS]] = (timeouts_ms[rev] * MS, MS, MS, ACTIVATORS)
            row[[c.R_MODEL, c.R_RESPONSE_BYTES, c.R_FAIL]] = (rev, 10, fail if rev in PREDICTORS else 0)
        for _ in ROUTE_REVS:
            plane.new_route()
        plane.state.revs[list(FRONTS), c.R_INNER_ROUTE] = 1
        plane.state.revs[FRONTS[0], [c.R_HAS_CACHE, c.R_CACHE_TABLE]] = (1, work)
        flows = np.zeros((3, c.FLOW_COLUMNS), dtype=np.int64)
        flows[:, c.F_NEXT] = c.FOREVER
        flows[:, c.F_KIND] = (c.KIND_POISSON, c.KIND_CONSTANT, c.KIND_USERS)
        flows[:, c.F_ROUTE] = FLOW_ROUTES
        flows[:, c.F_KEYS] = 50
        flows[:, c.F_THINK] = think
        for flow in range(3):
            for column in range(c.F_GAP_STREAM, c.F_CLIENT_STREAM + 1):
                flows[flow, column] = stream(seed, f"{flow}/{column}")
        knots = np.array([[0.0, float(c.FOREVER), 150 / SECOND, 0.0]])
        keys = alias_table(1.0 / np.arange(1, 51))
        plane.replace(flows=flows, positions=np.zeros(3), knots=knots, keys=keys)
        plane.start_flows()
        for user in range(USERS):
            s = plane.state
            event = (c.EVENT_USER << c.KIND_SHIFT) | (2 << c.USER_BITS) | user
            s.scalars[c.S_HEAP] = heap.push(s.heap_t, s.heap_v, int(s.scalars[c.S_HEAP]), 1 + user * MS, event)

    # ---- what can happen

    @rule(ms=st.sampled_from((1, 10, 50, 300)))
    def time_passes(self, ms):
        until = self.plane.now_ns + ms * MS
        while self.plane.advance(until) is not None:
            pass

    @rule(rev=revs, count=st.integers(1, 3))
    def pods_come_up(self, rev, count):
        for _ in range(count):
            pod = self.plane.new_pod(rev)
            self.plane.state.pods[pod, c.P_ALIVE] = c.ALIVE
            if rev == FRONTS[0]:
                self.plane.state.pods[pod, c.P_CACHE] = self.plane.new_cache(max_entries=10, max_bytes=1000)
            self.pods[rev].append(pod)
        self.tell_everybody(rev)

    def tell_everybody(self, rev, capacity=20):
        self.plane.set_endpoints(rev, self.pods[rev])
        for activator in range(ACTIVATORS):
            self.plane.set_activator(rev, activator, self.pods[rev], capacity)

    @rule(rev=revs, pick=picks, told=st.booleans())
    def a_pod_dies(self, rev, pick, told):
        living = [pod for pod in self.pods[rev] if pod not in self.started_by_the_dead]
        if not living:
            return
        pod = living[pick % len(living)]
        self.plane.kill_pod(pod)
        self.started_by_the_dead[pod] = int(self.plane.state.pod_counts[2 * pod : 2 * pod + 2, c.N_STARTED].sum())
        if told:
            self.leaves(rev, pod)

    @rule(order=st.permutations(REVS))
    def a_node_dies(self, order):
        """Several pods at one instant, some of which wait for others."""
        for rev in order:
            self.a_pod_dies(rev, 0, told=True)

    @rule(rev=revs, pick=picks)
    def a_container_hangs(self, rev, pick):
        state = self.plane.state.pods
        working = [pod for pod in self.pods[rev] if state[pod, c.P_ALIVE] == c.ALIVE]
        if working:
            self.plane.hang_pod(working[pick % len(working)])

    @rule(rev=revs, pick=picks)
    def a_pod_is_drained(self, rev, pick):
        if self.pods[rev]:
            self.leaves(rev, self.pods[rev][pick % len(self.pods[rev])])

    def leaves(self, rev, pod):
        self.pods[rev].remove(pod)
        self.leaving.append((rev, pod))
        self.tell_everybody(rev)

    @precondition(lambda self: self.leaving)
    @rule()
    def drained_pods_are_removed(self):
        s = self.plane.state
        for rev, pod in list(self.leaving):
            if s.pods[pod, c.P_INSIDE] or s.load[:, pod].any() or s.scalars[c.S_TODO]:
                continue
            self.of_freed_pods[2 * rev : 2 * rev + 2] += s.pod_counts[2 * pod : 2 * pod + 2]
            if s.pods[pod, c.P_CACHE] != c.NONE:
                self.plane.free_cache(int(s.pods[pod, c.P_CACHE]))
            self.plane.free_pod(pod)
            s.pod_counts[2 * pod : 2 * pod + 2] = 0
            self.leaving.remove((rev, pod))
            self.started_by_the_dead.pop(pod, None)

    @rule(rev=revs, mode=st.sampled_from((c.DIRECT, c.PROXY)))
    def the_path_changes(self, rev, mode):
        self.plane.set_mode(rev, mode)

    @rule(rev=revs, capacity=st.integers(0, 6))
    def activators_get_another_capacity(self, rev, capacity):
        self.tell_everybody(rev, capacity)

    @rule(route=st.sampled_from((0, 1, 2)), weights=st.tuples(st.integers(0, 3), st.integers(0, 3)))
    def weights_move(self, route, weights):
        targets = ROUTE_REVS[route]
        self.plane.set_route(route, targets, weights[: len(targets)])

    @rule(policy=st.sampled_from((1, 3, 4)), rev=revs)
    def the_gateway_balances_otherwise(self, policy, rev):
        self.plane.state.revs[rev, c.R_POLICY] = policy

    # ---- what must hold

    def under_way(self, rows):
        """Revision, role, pod, activator and stage of the requests in these rows."""
        hops = self.plane.state.hops[rows]
        return hops[:, c.H_REV], rows & 1, hops[:, c.H_POD], hops[:, c.H_ACT], hops[:, c.H_STAGE]

    def counted(self):
        """Counters per (revision, role), those at its pods included."""
        s = self.plane.state
        total = s.rev_counts[: 2 * len(REVS)] + self.of_freed_pods
        held = [(rev, pod) for rev in REVS for pod in self.pods[rev]] + self.leaving
        for rev, pod in held:
            total[2 * rev : 2 * rev + 2] += s.pod_counts[2 * pod : 2 * pod + 2]
        return total

    @invariant()
    def arrived_is_answered_or_under_way(self):
        rev, role, _, _, _ = self.under_way(self.plane.in_flight())
        under_way = np.bincount(2 * rev + role, minlength=2 * len(REVS))
        counted = self.counted()

        assert counted[:, c.N_ARRIVED].tolist() == (counted[:, ANSWERS].sum(axis=1) + under_way).tolist()
        assert counted[:, c.N_200].tolist() == self.plane.state.hist[: 2 * len(REVS)].sum(axis=1).tolist()

    @invariant()
    def what_flows_made_has_arrived_or_found_no_route(self):
        s = self.plane.state
        made = [0, 0, 0]
        for route, index in zip(FLOW_ROUTES, s.flows[:, c.F_INDEX], strict=True):
            made[route] += int(index)
        arrived = [int(s.rev_counts[[2 * rev for rev in targets], c.N_ARRIVED].sum()) for targets in ROUTE_REVS]
        lost = [made[0] - arrived[0], made[2] - arrived[2]]

        assert min(lost) >= 0
        assert sum(lost) == s.scalars[c.S_NO_ROUTE]
        assert arrived[1] == 0  # nobody but transformers asks the predictors

    @invariant()
    def each_pod_has_answered_what_it_began_or_is_at_it(self):
        s = self.plane.state
        _, _, at, act, stage = self.under_way(self.plane.in_flight())
        for _, pod in [(rev, pod) for rev in REVS for pod in self.pods[rev]] + self.leaving:
            counts = s.pod_counts[2 * pod : 2 * pod + 2].sum(axis=0)
            inside = int(((at == pod) & np.isin(stage, INSIDE)).sum())
            answered = int(counts[ANSWERS].sum())

            assert inside == s.pods[pod, c.P_INSIDE]
            assert int(((at == pod) & (act == c.NONE)).sum()) == s.load[0, pod]
            assert int(((at == pod) & (act != c.NONE)).sum()) == s.load[1:, pod].sum()
            if pod in self.started_by_the_dead:  # it answers who still knocks, and begins nothing
                assert counts[c.N_STARTED] == self.started_by_the_dead[pod]
                assert counts[c.N_STARTED] <= answered + inside
            else:
                assert counts[c.N_STARTED] == answered + inside

    @invariant()
    def each_activator_knows_what_it_has(self):
        s = self.plane.state
        _, _, _, act, stage = self.under_way(self.plane.in_flight())
        for row in range(ACTIVATORS * len(REVS)):
            queued = int(((act == row) & (stage == c.AT_ACTIVATOR)).sum())
            inside = int((act == row).sum())

            assert (inside, queued, inside - queued) == tuple(s.acts[row, [c.A_INSIDE, c.A_QUEUED, c.A_USED]])

    @invariant()
    def nobody_works_beyond_the_limits(self):
        s = self.plane.state
        for rev in REVS:
            for pod in self.pods[rev]:
                active, running = s.pods[pod, [c.P_ACTIVE, c.P_RUNNING]]
                cc, workers = s.revs[rev, [c.R_CC, c.R_WORKERS]]

                assert 0 <= active <= (cc or active)
                assert 0 <= running <= (workers or running)


Timeline.TestCase.settings = settings(
    max_examples=30, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestConservation = Timeline.TestCase


@pytest.mark.parametrize("order", [(0, 2), (2, 0)])
def test_a_transformer_and_its_predictor_that_die_at_one_instant_answer_once(order):
    timeline = Timeline()
    timeline.make(1, (0,) * 5, (0,) * 5, (2000,) * 5, 0)
    for route, rev in enumerate((0, 2)):
        timeline.weights_move(route, (1, 0))
        timeline.pods_come_up(rev, 1)
    timeline.time_passes(300)
    at_predictor = (timeline.under_way(timeline.plane.in_flight())[0] == 2).sum()

    for rev in order:
        timeline.a_pod_dies(rev, 0, told=True)
    timeline.time_passes(50)

    assert at_predictor > 0
    timeline.arrived_is_answered_or_under_way()
    timeline.each_pod_has_answered_what_it_began_or_is_at_it()
