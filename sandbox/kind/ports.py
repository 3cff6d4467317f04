"""What a cluster of ours is called, and which ports of this machine it takes.

Comes in: nothing; goes out: names for whoever makes the cluster, checks the machine, or sends requests. Only
loopback addresses are bound. The API server's port is kind's to choose.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CLUSTER: Final = "sandbox"  # kind's name for it; its containers are sandbox-control-plane, sandbox-worker, …

HOST_PORTS: Final[Mapping[int, str]] = {
    31080: "the ingress gateway",
    31900: "the object store",
}
