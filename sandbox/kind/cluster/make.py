"""Makes the cluster from the bundle, or finds it made.

Comes in: the bundle, how many nodes, whom to tell; goes out: whether it was made now. Killed in the middle, it leaves
containers that the record does not have: the next one removes them and starts anew, since kind cannot go on.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from sandbox.errors import EnvironmentNotReady
from sandbox.kind.bundle import Bundle
from sandbox.kind.cluster import engine
from sandbox.kind.cluster.plan import Plan, config, plan
from sandbox.kind.cluster.record import ClusterFiles, Record, read_record, write_record
from sandbox.kind.cluster.remove import remove_containers
from sandbox.kind.doctor import Status, examine, gather
from sandbox.kind.ports import CLUSTER

DEFAULT_NODES = 3
LOAD_S, CREATE_S = 600.0, 300.0


def make(bundle: Bundle, files: ClusterFiles, nodes: int | None, tell: Callable[[str], None]) -> bool:
    """False: it is there already."""
    image, found = bundle.node_image(), engine.containers()
    record = read_record(files.record)
    what = plan(found, record, nodes, image.image_id)
    if what is Plan.KEEP:
        return False
    if what is Plan.MAKE_AGAIN:
        tell("removing a half-made one")
        remove_containers(found)
    _check(bundle)
    if not engine.has_image(image.tag, image.image_id):
        load = ["docker", "load", "--quiet", "--input", str(image.file)]
        engine.run_logged(load, files.log, LOAD_S, lambda line: tell("the engine loads the node image"))
    # A half-made one may have left kind's network behind: what was there before it, is what counts.
    was_there = record.network_was_there if record else engine.NETWORK in engine.networks()
    write_record(files.record, Record(network_was_there=was_there))
    files.config.write_text(config(nodes or DEFAULT_NODES), encoding="utf-8")
    command = [str(bundle.binary("kind")), "create", "cluster", "--name", CLUSTER, "--image", image.tag]
    command += ["--config", str(files.config), "--kubeconfig", str(files.kubeconfig)]
    environment = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
    engine.run_logged(command, files.log, CREATE_S, lambda line: tell(f"kind: {line}"), environment)
    made = tuple(one.id for one in engine.containers())
    write_record(files.record, Record(was_there, image.image_id, made))
    return True


def _check(bundle: Bundle) -> None:
    """What the doctor finds, before anything is made."""
    wrong = [check for check in examine(gather(bundle.layout.root)) if check.status is Status.FAIL]
    if wrong:
        raise EnvironmentNotReady(
            f"this machine is not ready: {wrong[0].name}",
            value=wrong[0].evidence,
            rule=f"{len(wrong)} checks of `sandbox doctor` fail",
            next_step=wrong[0].fix or "sandbox doctor",
        )
