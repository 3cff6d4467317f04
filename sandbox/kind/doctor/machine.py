"""What was found out about a machine: the evidence that checks.py judges.

Comes in: gather.py's looking, or a test's invention; goes out: to the checks. Nothing here decides anything.
None means that it could not be found out (another operating system, no engine).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CAP_SYS_RESOURCE = 24  # include/uapi/linux/capability.h


@dataclass(frozen=True, slots=True)
class Engine:
    """What `docker info` says of the engine that answers."""

    version: str
    storage_driver: str
    cgroup_driver: str
    cgroup_version: str
    default_runtime: str
    cores: int
    memory_bytes: int
    root: str  # its folder, on the machine that it runs on
    root_free_bytes: int | None = None  # None: it is not on this machine
    rootless: bool = False


@dataclass(frozen=True, slots=True)
class Inotify:
    """How many watches one user may have."""

    instances: int
    watches: int


@dataclass(frozen=True, slots=True)
class BundleState:
    """What is in the bundle's folder."""

    root: str
    present: bool
    parts: int = 0
    problems: tuple[str, ...] = ()  # empty: every part is there, with the size that the lock says
    free_bytes: int = 0  # on the disk of the folder


@dataclass(frozen=True, slots=True)
class Machine:
    """Everything the checks look at."""

    bundle: BundleState
    engine: Engine | None = None
    engine_problem: str = ""  # why no engine answers
    engine_installed: bool = False  # is dockerd here
    engine_start: str = "fixtures/engine/start"
    capabilities: int | None = None  # the bounding set, as /proc/self/status has it
    inotify: Inotify | None = None
    cores: int | None = None
    memory_available_bytes: int | None = None
    tools: Mapping[str, str] = field(default_factory=dict)  # name: version, of those on the PATH or in the bundle
    ports_taken: Mapping[int, str] = field(default_factory=dict)  # port: what it is for
    cluster: Mapping[str, str] = field(default_factory=dict)  # container of our cluster: its state
    python: str = ""
    packages: Mapping[str, str | None] = field(default_factory=dict)  # Python package: version, None if missing

    @property
    def lacks_sys_resource(self) -> bool:
        return self.capabilities is not None and not self.capabilities >> CAP_SYS_RESOURCE & 1
