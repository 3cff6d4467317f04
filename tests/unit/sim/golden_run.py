"""Plays one fixed variant and prints its journal's digest; run by test_golden.py on every interpreter.

python tests/unit/sim/golden_run.py > tests/unit/sim/golden.txt      after a change that is meant
"""

import sys
import tempfile
from pathlib import Path

from sandbox.manifests.profile_file import parse_profiles
from sandbox.manifests.reader import Text, read_manifests
from sandbox.profiles import Distribution
from sandbox.scenario.model import Action, Arrivals, Flow, Keys, Step, Variant
from sandbox.sim.world import SimWorld

MANIFESTS = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: m}
spec:
  predictor:
    minReplicas: 0
    scaleTarget: 4
    containerConcurrency: 6
    timeout: 20
    model: {modelFormat: {name: onnx}, storageUri: "s3://m/v1", resources: {requests: {cpu: 100m, memory: 64Mi}}}
  transformer:
    minReplicas: 2
    annotations: {sandbox.dev/transformer-cache: "true", sandbox.dev/transformer-cache-config: small}
    containers: [{name: t, image: dev.local/t}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: small}
data: {maxEntries: "300"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: config-autoscaler, namespace: knative-serving}
data: {stable-window: 10s, scale-to-zero-grace-period: 6s}
"""
PROFILE = """
platform: {activators: 2}
default: {serviceTime: "lognormal(median=60ms, sigma=0.8)", workers: 3, load: "uniform(low=1s, high=3s)",
          modelSize: 300Mi, failureRate: 0.01}
"""


def variant() -> Variant:
    patch = {"spec": {"predictor": {"canaryTrafficPercent": 30, "model": {"storageUri": "s3://m/v2"}}}}
    poisson = Flow(
        to="m",
        arrivals=Arrivals.POISSON,
        rate=((0.0, 10.0), (20.0, 90.0), (40.0, 0.0), (75.0, 0.0), (80.0, 40.0)),
        keys=Keys(n=2000, s=0.9),
    )
    users = Flow(
        to="m", arrivals=Arrivals.USERS, users=3, think=Distribution("exponential", {"mean": 5.0}), name="users"
    )
    return Variant(
        scenario="golden",
        name="golden",
        objects=read_manifests(Text(MANIFESTS)).objects,
        flows=(poisson, users),
        steps=(
            Step(at_s=25.0, action=Action.PATCH, target="isvc/m", patch=patch, mark="canary"),
            Step(at_s=30.0, action=Action.FAULT, target="isvc/m", fault="kill-pod"),
        ),
        duration_s=100.0,
        profiles=parse_profiles(PROFILE),
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(SimWorld().play(variant(), 2021, Path(folder)).digest, file=sys.stdout)
