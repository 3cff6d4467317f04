"""Is this machine ready for a cluster? See machine.py (what was found), gather.py (finding it), checks.py (judging)."""

from sandbox.kind.doctor.checks import examine
from sandbox.kind.doctor.finding import Check, Status
from sandbox.kind.doctor.gather import gather
from sandbox.kind.doctor.machine import Machine

__all__ = ["Check", "Machine", "Status", "examine", "gather"]
