"""Load for real worlds. See plan.py (what is asked when), open_loop.py (asking), outcome.py, recorder.py (noting)."""

from sandbox.kind.load.open_loop import Client, play
from sandbox.kind.load.outcome import Outcome, Punctuality, punctuality
from sandbox.kind.load.plan import Planned
from sandbox.kind.load.recorder import Recorder, Target

__all__ = ["Client", "Outcome", "Planned", "Punctuality", "Recorder", "Target", "play", "punctuality"]
