"""The full platform path: real manifests played by the simulated world, journal and all.

Each request goes through the gateway to one of 12 transformers and asks their response cache; a miss goes on, split
80 : 20 between two predictor revisions, through an activator and a queue-proxy with containerConcurrency 4 to a
container. The autoscaler decides every 2 s, queue-proxies and activators report every second, counts, histograms and
gauges go to the journal on disk. At 20,000 requests a second some 60 pods run.
"""

from __future__ import annotations

from pathlib import Path

from sandbox.journal.journal import Journal
from sandbox.manifests.profile_file import parse_profiles
from sandbox.manifests.reader import Text, read_manifests
from sandbox.scenario.model import Action, Arrivals, Flow, Keys, Step, Variant
from sandbox.sim.world import SimWorld

MANIFESTS = Path(__file__).parent / "manifests"
RATE = 20_000.0
CANARY = {"spec": {"predictor": {"canaryTrafficPercent": 20, "model": {"storageUri": "s3://models/ranker/v2"}}}}
KEYS = Keys(n=10_000, s=1.1)

Knots = tuple[tuple[float, float], ...]


def variant(name: str, rate: Knots, duration_s: float) -> Variant:
    """The ranking service under that rate."""
    return Variant(
        scenario="bench",
        name=name,
        objects=read_manifests(Text((MANIFESTS / "ranker.yaml").read_text())).objects,
        flows=(Flow(to="ranker", arrivals=Arrivals.POISSON, rate=rate, keys=KEYS),),
        steps=(Step(at_s=1.0, action=Action.PATCH, target="isvc/ranker", patch=CANARY),),
        duration_s=duration_s,
        profiles=parse_profiles((MANIFESTS / "profile.yaml").read_text()),
    )


def play(requests: int, seed: int, folder: Path) -> Journal:
    """Play about that many requests; the journal goes to `folder`."""
    return SimWorld().play(variant("platform", ((0.0, RATE),), requests / RATE), seed, folder)
