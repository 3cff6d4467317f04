"""The serving sandbox: play a model-serving scenario on Kubernetes and assert what must hold.

This is the whole public API for scenario files; everything else is reached through the `runs` fixture.
"""

from sandbox.journal.measured import Inconclusive, Measured, within
from sandbox.scenario import traffic
from sandbox.scenario.api import Scenario, at

__all__ = ["Inconclusive", "Measured", "Scenario", "at", "traffic", "within"]
