"""`play`: a few manifests, some traffic, a timeline, played in the simulated world."""

from pathlib import Path

import pytest

from sandbox.journal.run import Run
from sandbox.manifests.profile_file import parse_profiles
from sandbox.manifests.reader import Text, read_manifests
from sandbox.scenario.model import Action, Arrivals, Flow, Step, Variant
from sandbox.sim.world import SimWorld

INSTANT = """
platform: {scheduling: 0s, containerStart: 1s, gatewayHop: 0s, activatorHop: 0s, endpointDelay: 100ms}
default: {serviceTime: constant(50ms)}
"""

ISVC = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: m}
spec:
  predictor:
    minReplicas: 1
    model: {modelFormat: {name: onnx}, storageUri: "s3://m/v1", resources: {requests: {cpu: 100m, memory: 64Mi}}}
"""


class Player:
    """Call it to play; `isvc` and `profile` are the texts that tests change, `step` makes steps from texts."""

    isvc = ISVC
    profile = INSTANT

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @staticmethod
    def step(at_s: float, text: str = "", **fields) -> Step:
        if text:
            return Step(at_s=at_s, action=Action.APPLY, objects=read_manifests(Text(text)).objects, **fields)
        return Step(at_s=at_s, **fields)

    def __call__(
        self, text: str, *, rate=10.0, to="m", duration_s=60.0, steps=(), profile=INSTANT, flows=None, seed=1
    ) -> Run:
        knots = rate if isinstance(rate, tuple) else ((0.0, rate),)
        variant = Variant(
            scenario="test",
            name="only",
            objects=read_manifests(Text(text)).objects,
            flows=(Flow(to=to, arrivals=Arrivals.CONSTANT, rate=knots),) if flows is None else flows,
            steps=tuple(steps),
            duration_s=duration_s,
            profiles=parse_profiles(profile),
        )
        number = len(list(self._folder.iterdir()))
        return Run(SimWorld().play(variant, seed, self._folder / str(number)), variant)


@pytest.fixture
def play(tmp_path: Path) -> Player:
    return Player(tmp_path)
