"""Load for real worlds. See plan.py (what is asked when), open_loop.py (asking), outcome.py (what came back)."""

from sandbox.kind.load.open_loop import Client, play
from sandbox.kind.load.outcome import Outcome, punctuality
from sandbox.kind.load.plan import Planned

__all__ = ["Client", "Outcome", "Planned", "play", "punctuality"]
