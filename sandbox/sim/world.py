"""The simulated world: plays a variant in virtual time and leaves a journal.

The control plane's agenda and the data plane take turns: the data plane plays all requests up to the next entry
of the agenda, then the entry is done. The initial objects settle first (pods become ready, routes are set);
then the run's clock starts at 0 and the traffic with it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sandbox.journal.journal import Journal
from sandbox.journal.schema import RecordKind
from sandbox.journal.world import meta_of
from sandbox.journal.writer import JournalWriter
from sandbox.scenario.model import Flow, Variant
from sandbox.sim import columns as c
from sandbox.sim import compiled
from sandbox.sim.agenda import NS, Agenda, Priority, to_ns
from sandbox.sim.cluster import Cluster
from sandbox.sim.context import Context
from sandbox.sim.dataplane import DataPlane
from sandbox.sim.draws import mix64, stream
from sandbox.sim.link import Transfers
from sandbox.sim.nodes import Nodes
from sandbox.sim.timeline import play_step
from sandbox.sim.traffic import Traffic

SETTLE_AT_MOST_S = 900.0  # beyond the longest default progress deadline
SETTLE_AT_LEAST_S = 3.0  # a first decision of the autoscaler and its consequences


class SimWorld:
    """Plays in virtual time. `progress(share)` is told from time to time how far a run is (0 … 1)."""

    name = "sim"

    def __init__(self, progress: Callable[[float], None] | None = None) -> None:
        self._progress = progress

    def play(self, variant: Variant, seed: int, folder: Path) -> Journal:
        """Play one variant to its end; see sandbox.journal.world.World."""
        if not compiled.is_cached():
            print("compiling the simulation kernel (once for this version, some seconds) …", file=sys.stderr)
        with JournalWriter(folder, meta_of(variant, seed, self.name)) as journal:
            run = _Run(variant, seed, journal)
            run.settle()
            run.play(self._progress)
            journal.close("completed", **run.totals())
        return Journal(folder)


class _Run:
    """One run from its first object to its last second."""

    def __init__(self, variant: Variant, seed: int, journal: JournalWriter) -> None:
        self.variant = variant
        self.context = Context(
            agenda=Agenda(),
            plane=DataPlane(activators=variant.profiles.platform.activators),
            journal=journal,
            profiles=variant.profiles,
            seed=seed,
            nodes=Nodes(),
            store=Transfers(variant.profiles.platform.store_bytes_per_s),
        )
        self.cluster = Cluster(self.context)
        cluster = self.cluster
        self.traffic = Traffic(
            self.context.plane, seed, cluster.gateway.route, cluster.workloads.table, cluster.mesh.source
        )

    # ---- before 0

    def settle(self) -> None:
        """Apply the initial objects and let them become ready; the run starts at the next whole second."""
        agenda = self.context.agenda
        self.cluster.apply_all(self.variant.objects)
        agenda.at(NS, Priority.METRICS, self._metrics)
        at_most = SETTLE_AT_MOST_S if self.variant.settle else 0.0
        while agenda.now_s < at_most and not (self.cluster.settled and agenda.now_s >= SETTLE_AT_LEAST_S):
            self._advance(min(agenda.now_ns + NS, to_ns(at_most)))
        if not self.cluster.settled and self.variant.settle:
            self.context.record(
                RecordKind.NOTE, text=f"not everything became ready within {at_most:g} s; the run starts all the same"
            )
        if not self.context.nodes.limited:
            self.context.record(RecordKind.NOTE, text="no Node objects: the cluster's capacity is unlimited")
        self.context.begin_run()
        self.traffic.write(self.variant.flows, agenda.now_ns)
        for flow, first in self.traffic.clients:
            assert flow.client_side is not None
            for client in range(flow.client_side.clients):
                self._refresh_client(flow, first, client)

    # ---- from 0 on

    def play(self, progress: Callable[[float], None] | None = None) -> None:
        """Play the timeline and the traffic to the end."""
        agenda = self.context.agenda
        start_ns = agenda.now_ns
        for step in self.variant.steps:
            agenda.at(start_ns + to_ns(step.at_s), Priority.TIMELINE, partial(play_step, self.cluster, step))
        agenda.at(start_ns + NS, Priority.HARVEST, self._harvest)
        end_ns = start_ns + to_ns(self.variant.duration_s)
        slices = 50
        for part in range(1, slices + 1):
            self._advance(start_ns + (end_ns - start_ns) * part // slices)
            if progress is not None:
                progress(part / slices)
        agenda.run_due()
        if (end_ns - start_ns) % NS:
            self.cluster.harvest.second(self.cluster.workloads.all)

    def _advance(self, until_ns: int) -> None:
        """Take turns until `until_ns`; entries of the agenda at that instant are still to come."""
        agenda, plane = self.context.agenda, self.context.plane
        while True:
            due_ns = agenda.next_ns
            target_ns = until_ns if due_ns is None else min(due_ns, until_ns)
            signal = plane.advance(target_ns)
            agenda.now_ns = plane.now_ns
            if signal is not None:
                revision = self.cluster.by_row(signal[0])
                if revision is not None:
                    revision.first_request(signal[1])
                continue
            if due_ns is None or due_ns > until_ns:
                return
            if due_ns == until_ns and target_ns == until_ns:
                return
            agenda.run_due()

    def _metrics(self) -> None:
        agenda = self.context.agenda
        agenda.at(agenda.now_ns + NS, Priority.METRICS, self._metrics)
        self.cluster.second()

    def _harvest(self) -> None:
        agenda = self.context.agenda
        agenda.at(agenda.now_ns + NS, Priority.HARVEST, self._harvest)
        self.cluster.harvest.second(self.cluster.workloads.all)

    def _refresh_client(self, flow: Flow, first: int, client: int) -> None:
        """A client looks the servers up, and again after its discovery interval; clients are out of step."""
        assert flow.client_side is not None
        plane = self.context.plane
        rows = [
            int(row)
            for rev, _ in self.cluster.gateway.resolve(flow.to)
            for row in plane.state.endpoints[rev, : plane.state.revs[rev, c.R_ENDPOINTS]]
        ]
        plane.state.client_pods[first + client, : len(rows)] = rows
        plane.state.client_counts[first + client] = len(rows)
        interval_s = flow.client_side.discovery_s
        if self.context.run_ns <= 0:
            phase = mix64(stream(self.context.seed, f"discovery/{flow.to}"), client) >> 11 & ((1 << 53) - 1)
            interval_s *= phase / (1 << 53)
        self.context.agenda.after(
            max(interval_s, 1e-3), Priority.PODS, lambda: self._refresh_client(flow, first, client)
        )

    def totals(self) -> dict[str, object]:
        """What the journal's meta says about the run as a whole."""
        return {
            "downloaded_bytes": round(self.context.store.moved_bytes),
            "in_flight_at_end": len(self.context.plane.in_flight()),
        }
