"""What a load generator is to ask, and when: one `Planned` a request, in order of time.

Comes in from the flows of a variant, or from a trace; the generator changes nothing about it. That the plan is made
before the first request is sent is what makes the load open: no answer can move, thin out or reorder it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One request. `number` counts the requests of its flow; the simulated world draws by it, too."""

    at_s: float  # from the start of the run
    number: int
    flow: int = 0
    key: int | None = None
    method: str = "POST"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
