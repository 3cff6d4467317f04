"""What every part of the simulated control plane shares: the clock, the data plane, the journal, the settings."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.journal.schema import RecordKind
from sandbox.journal.writer import JournalWriter
from sandbox.manifests.platform_config import PlatformConfig
from sandbox.mechanisms.autoscaling.config import AutoscalerConfig
from sandbox.profiles import ProfileBook
from sandbox.sim.agenda import NS, Agenda, Priority
from sandbox.sim.dataplane import DataPlane
from sandbox.sim.link import Transfers
from sandbox.sim.namespaces import Namespaces
from sandbox.sim.nodes import Nodes


@dataclass(slots=True)
class Context:
    """Shared state of one run. `start_ns` is the agenda's instant at which the run's own clock reads 0."""

    agenda: Agenda
    plane: DataPlane
    journal: JournalWriter
    profiles: ProfileBook
    seed: int
    nodes: Nodes
    store: Transfers
    namespaces: Namespaces = field(default_factory=Namespaces)
    autoscaler: AutoscalerConfig = field(default_factory=AutoscalerConfig)
    platform: PlatformConfig = field(default_factory=PlatformConfig)
    start_ns: int | None = None  # None while the cluster settles
    _before: list[tuple[int, RecordKind, dict[str, object]]] = field(default_factory=list)

    def begin_run(self) -> None:
        """The run's clock starts at 0 now; what was recorded before gets its negative times."""
        self.start_ns = self.agenda.now_ns
        for at_ns, kind, fields in self._before:
            self.journal.record((at_ns - self.start_ns) / NS, kind, **fields)
        self._before.clear()

    @property
    def run_ns(self) -> int:
        """The run's clock in ns; negative while the cluster settles."""
        return self.agenda.now_ns - self.start_ns if self.start_ns is not None else -1

    def record(self, kind: RecordKind, **fields: object) -> None:
        """Write a record, or keep it until it is known when the run starts."""
        if self.start_ns is None:
            self._before.append((self.agenda.now_ns, kind, fields))
        else:
            self.journal.record(self.run_ns / NS, kind, **fields)

    def event(self, about: str, reason: str, message: str) -> None:
        """An event as Kubernetes words it."""
        self.record(RecordKind.EVENT, object=about, reason=reason, message=message)

    def soon(self, priority: Priority, action: object) -> None:
        """Do something at this same instant, after what is being done now."""
        assert callable(action)
        self.agenda.at(self.agenda.now_ns, priority, action)
