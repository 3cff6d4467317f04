"""Judges a machine: each check with its verdict, the evidence, and the one command that fixes it.

Comes in: a Machine (machine.py); goes out: Checks, in the order in which a person would mend things. Pure: no look at
the machine is taken here. The limits are measured ones: the whole stack on three idle nodes takes 1.8 GiB, each kind
node counts every core again, and kind's own list of known issues asks for the inotify limits.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sandbox.kind.doctor.finding import Check, Status
from sandbox.kind.doctor.machine import Engine, Machine
from sandbox.kind.ports import CLUSTER

LEAST_ENGINE = (20, 10)
LEAST_CORES = 2
LEAST_MEMORY, GOOD_MEMORY = 3 << 30, 5 << 30
LEAST_INSTANCES, GOOD_INSTANCES = 128, 512  # kind.sigs.k8s.io/docs/user/known-issues, "too many open files"
LEAST_WATCHES, GOOD_WATCHES = 8192, 524288
RUNNING_DISK = 8 << 30  # the node image in the engine, and what three nodes write
BUILDING_DISK = 25 << 30  # Go's caches, ingredients, the bundle
BUILD_TOOLS = {
    "go": "apt-get install golang",
    "mmdebstrap": "apt-get install mmdebstrap",
    "pip": "python3 -m ensurepip",
}
ENGINE_PACKAGES = "apt-get install docker.io iptables jq"

Judge = Callable[[Machine], list[Check]]


def examine(machine: Machine, world: str = "kind") -> list[Check]:
    """All checks of a world; kind's include those of the simulated one."""
    judges: tuple[Judge, ...] = (_python,)
    if world == "kind":
        judges = (*judges, _engine, _capabilities, _inotify, _size, _disk, _ports, _bundle, _tools, _cluster)
    return [check for judge in judges for check in judge(machine)]


def ready(checks: list[Check]) -> bool:
    return all(check.status is not Status.FAIL for check in checks)


# -- the simulated world -------------------------------------------------------------------------------------


def _python(machine: Machine) -> list[Check]:
    checks = [Check("python", Status.OK, machine.python)]
    numba = machine.packages.get("numba")
    if numba is None:
        checks.append(Check("numba", Status.WARN, "not installed: the same results, slowly", "pip install numba"))
    else:
        checks.append(Check("numba", Status.OK, numba))
    return checks


# -- the engine ----------------------------------------------------------------------------------------------


def _engine(machine: Machine) -> list[Check]:
    engine = machine.engine
    if engine is None:
        return [Check("engine", Status.FAIL, machine.engine_problem or "no engine answers", _start(machine))]
    checks = [_version(engine), _storage(engine), _cgroups(engine)]
    if engine.rootless:
        checks.append(
            Check("rootless", Status.WARN, "the engine runs without root: not tried by us", "use the root engine")
        )
    return checks


def _start(machine: Machine) -> str:
    if "permission denied" in machine.engine_problem.lower():
        return "sudo usermod -aG docker $USER, then log in again"
    return f"sudo {machine.engine_start}" if machine.engine_installed else f"sudo {ENGINE_PACKAGES}"


def _version(engine: Engine) -> Check:
    numbers = tuple(int(number) for number in re.findall(r"\d+", engine.version)[:2])
    if numbers < LEAST_ENGINE:
        needed = ".".join(str(number) for number in LEAST_ENGINE)
        return Check("engine", Status.FAIL, f"{engine.version}, {needed} is needed", f"sudo {ENGINE_PACKAGES}")
    return Check("engine", Status.OK, engine.version)


def _storage(engine: Engine) -> Check:
    good = engine.storage_driver in ("overlay2", "overlayfs")
    fix = "" if good else "start dockerd with --storage-driver overlay2, on a disk that is no overlay itself"
    return Check("storage driver", Status.OK if good else Status.WARN, engine.storage_driver, fix)


def _cgroups(engine: Engine) -> Check:
    evidence = f"version {engine.cgroup_version}, driver {engine.cgroup_driver}"
    if engine.cgroup_driver == "none":
        return Check(
            "cgroups", Status.FAIL, evidence, "delegate cgroups to your user (rootless engine), or use the root one"
        )
    return Check("cgroups", Status.OK, evidence)


def _capabilities(machine: Machine) -> list[Check]:
    if machine.capabilities is None:
        return [Check("capabilities", Status.SKIP, "not Linux here")]
    if not machine.lacks_sys_resource:
        return [Check("capabilities", Status.OK, "CAP_SYS_RESOURCE is there")]
    runtime = machine.engine.default_runtime if machine.engine else ""
    if machine.engine is None:
        return [
            Check(
                "capabilities",
                Status.WARN,
                "no CAP_SYS_RESOURCE: start the engine our way",
                f"sudo {machine.engine_start}",
            )
        ]
    if runtime == "sandbox":
        return [Check("capabilities", Status.OK, "no CAP_SYS_RESOURCE, and the engine's runtime does without")]
    return [
        Check(
            "capabilities",
            Status.FAIL,
            f"no CAP_SYS_RESOURCE, and the engine's runtime {runtime} asks for it: no privileged container starts",
            f"end this dockerd, then: sudo {machine.engine_start}",
        )
    ]


# -- limits --------------------------------------------------------------------------------------------------


def _inotify(machine: Machine) -> list[Check]:
    limits = machine.inotify
    if limits is None:
        return [Check("inotify", Status.SKIP, "not Linux here")]
    evidence = f"{limits.instances} instances, {limits.watches} watches a user"
    fix = f"sudo sysctl fs.inotify.max_user_instances={GOOD_INSTANCES} fs.inotify.max_user_watches={GOOD_WATCHES}"
    if limits.instances < LEAST_INSTANCES or limits.watches < LEAST_WATCHES:
        return [Check("inotify", Status.FAIL, evidence, fix)]
    if limits.instances < GOOD_INSTANCES or limits.watches < GOOD_WATCHES:
        return [Check("inotify", Status.WARN, f"{evidence}: few for three nodes", fix)]
    return [Check("inotify", Status.OK, evidence)]


def _size(machine: Machine) -> list[Check]:
    """The engine's cores and memory where it has its own (a virtual machine), else this machine's."""
    cores = machine.engine.cores if machine.engine else machine.cores
    checks = []
    if cores is not None:
        enough = cores >= LEAST_CORES
        fix = "" if enough else f"give the engine {LEAST_CORES} cores"
        checks.append(Check("cpu", Status.OK if enough else Status.FAIL, f"{cores} cores", fix))
    memory = machine.memory_available_bytes
    if machine.engine and (memory is None or machine.engine.memory_bytes < memory):
        memory = machine.engine.memory_bytes
    if memory is not None:
        status = Status.FAIL if memory < LEAST_MEMORY else Status.WARN if memory < GOOD_MEMORY else Status.OK
        fix = "" if status is Status.OK else f"end something, or give the engine {_gib(GOOD_MEMORY)}"
        checks.append(Check("memory", status, f"{_gib(memory)} to be had", fix))
    return checks


def _disk(machine: Machine) -> list[Check]:
    checks = []
    free = machine.engine.root_free_bytes if machine.engine else None
    if machine.engine and free is not None:
        fix = "" if free >= RUNNING_DISK else "docker system prune"
        status = Status.FAIL if fix else Status.OK
        checks.append(
            Check(
                "engine's disk", status, f"{_gib(free)} free at {machine.engine.root}, {_gib(RUNNING_DISK)} needed", fix
            )
        )
    if not _whole(machine):
        free = machine.bundle.free_bytes
        short = free < BUILDING_DISK
        evidence = f"{_gib(free)} free at {machine.bundle.root}, {_gib(BUILDING_DISK)} needed to build"
        fix = "sandbox bundle build --dir ON_ANOTHER_DISK" if short else ""
        checks.append(Check("bundle's disk", Status.WARN if short else Status.OK, evidence, fix))
    return checks


def _ports(machine: Machine) -> list[Check]:
    if not machine.ports_taken:
        return [Check("ports", Status.OK, "free")]
    named = ", ".join(f"{port} ({purpose})" for port, purpose in sorted(machine.ports_taken.items()))
    if machine.cluster:
        return [Check("ports", Status.OK, f"{named}: by the cluster that is up")]
    first = min(machine.ports_taken)
    return [Check("ports", Status.FAIL, f"taken: {named}", f"end what listens: ss -ltnp 'sport = :{first}'")]


# -- what `up` starts from -----------------------------------------------------------------------------------


def _whole(machine: Machine) -> bool:
    return machine.bundle.present and not machine.bundle.problems


def _bundle(machine: Machine) -> list[Check]:
    state = machine.bundle
    if not state.present:
        return [Check("bundle", Status.FAIL, f"none in {state.root}", "sandbox bundle build")]
    if state.problems:
        more = f" and {len(state.problems) - 1} more" if len(state.problems) > 1 else ""
        return [Check("bundle", Status.FAIL, f"{state.root}: {state.problems[0]}{more}", "sandbox bundle build")]
    return [Check("bundle", Status.OK, f"{state.parts} parts in {state.root}")]


def _tools(machine: Machine) -> list[Check]:
    """kind and kubectl for a cluster; what builds a bundle only while it is not whole."""
    checks = []
    for name in ("kind", "kubectl"):
        version = machine.tools.get(name)
        fix = "" if version else "sandbox bundle build"
        checks.append(
            Check(name, Status.OK if version else Status.FAIL, version or "neither in the bundle nor on the PATH", fix)
        )
    if not _whole(machine):
        for name, install in BUILD_TOOLS.items():
            version = machine.tools.get(name)
            fix = "" if version else install
            checks.append(
                Check(name, Status.OK if version else Status.FAIL, version or "missing: it builds the bundle", fix)
            )
    return checks


def _cluster(machine: Machine) -> list[Check]:
    if not machine.cluster:
        return [Check("cluster", Status.OK, "none is up")]
    down = sorted(name for name, state in machine.cluster.items() if state != "running")
    if down:
        return [Check("cluster", Status.FAIL, f"{CLUSTER} is stale: not running: {', '.join(down)}", "sandbox down")]
    return [Check("cluster", Status.OK, f"{CLUSTER} is up: {', '.join(sorted(machine.cluster))}")]


def _gib(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB"
