"""What is delivered: rights that are those of its calls, a careful pod, an image of what is pinned and imported."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from fixtures.knative_istio.options import parse
from tests.parts.knative_istio.ingresses import ingress, path, rule, service, split
from tests.parts.knative_istio.running import cluster, controlled
from tests.parts.part import CHECKOUT

FOLDER = CHECKOUT / "fixtures" / "knative_istio"
Json = Any

OBJECTS = [one for one in YAML(typ="safe").load_all(FOLDER / "manifests" / "controller.yaml") if one is not None]


def one(kind: str) -> Json:
    (found,) = [each for each in OBJECTS if each["kind"] == kind]
    return found


DEPLOYMENT = one("Deployment")
POD = DEPLOYMENT["spec"]["template"]["spec"]


def granted() -> set[tuple[str, str, str]]:
    """(namespace or *, verb, resource) that the manifests give the controller."""
    rights = set()
    for binding in (each for each in OBJECTS if "roleRef" in each):
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": POD["serviceAccountName"], "namespace": "knative-serving"}
        ]
        (role,) = [
            each
            for each in OBJECTS
            if (each["kind"], each["metadata"]["name"]) == (binding["roleRef"]["kind"], binding["roleRef"]["name"])
        ]
        for each in role["rules"]:
            for resource in each["resources"]:
                rights |= {(binding["metadata"].get("namespace", "*"), verb, resource) for verb in each["verbs"]}
    return rights


def used(method: str, asked: str, is_made: bool) -> set[tuple[str, str, str]]:
    """The rights that a call needs, as the API server's authorizer names them."""
    path, _, query = asked.partition("?")
    parts = path.strip("/").split("/")[3:]
    namespaced = parts[0] == "namespaces"
    resource, *rest = parts[2:] if namespaced else parts
    where = parts[1] if namespaced and parts[1] == "istio-system" else "*"
    if len(rest) == 2:
        return {(where, method.lower(), f"{resource}/{rest[1]}")}
    verbs = {"GET": "watch" if "watch=" in query else "list", "PATCH": "patch", "DELETE": "delete"}
    return {(where, verbs[method], resource)} | ({(where, "create", resource)} if is_made else set())


def test_it_may_do_what_it_does_and_nothing_more() -> None:
    with cluster() as of, controlled(of):
        of.apply(service(split("hello-00001")))
        of.becomes("True")
        of.apply(ingress(rule(["hello.shop.example.com"], path(split("hello-00002")))))  # the mesh's is deleted
        of.becomes("True")
        calls = list(of.api.begun)

    done = set()
    for method, asked in calls:
        done |= used(method, asked, is_made="fieldManager" in asked)

    assert done == granted()


def test_the_pod_is_nobody_on_a_read_only_root_outside_the_mesh_and_alone() -> None:
    (container,) = POD["containers"]

    assert DEPLOYMENT["spec"]["replicas"] == 1
    assert DEPLOYMENT["spec"]["strategy"] == {"type": "Recreate"}
    assert DEPLOYMENT["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["runAsUser"] == 65532
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    for side in ("requests", "limits"):
        assert set(container["resources"][side]) == {"cpu", "memory"}


def test_the_options_of_the_deployment_are_read_and_its_probes_ask_what_is_served() -> None:
    (container,) = POD["containers"]
    options = parse([*container["args"], "--api-url", "https://example"])

    assert options.port == container["ports"][0]["containerPort"]
    assert [container[probe]["httpGet"]["path"] for probe in ("readinessProbe", "livenessProbe")] == [
        "/readyz",
        "/healthz",
    ]


def test_the_image_installs_exactly_what_is_pinned() -> None:
    def pins(file: Path) -> dict[str, str]:
        lines = [line for line in file.read_text().splitlines() if "==" in line and not line.startswith("#")]
        return {line.split("==")[0].lower().replace("_", "-"): line.split("==")[1] for line in lines}

    pinned, constraints = pins(FOLDER / "requirements.lock"), pins(FOLDER.parent / "constraints.txt")
    dockerfile = (FOLDER / "Dockerfile").read_text()

    assert {"aiohttp", "prometheus-client"} <= set(pinned)
    assert {name: constraints.get(name) for name in pinned} == pinned
    assert "ARG BASE\nFROM ${BASE}\n" in dockerfile
    assert "USER 65532" in dockerfile
    assert "--no-deps -r requirements.lock" in dockerfile


def test_what_the_image_copies_is_enough(tmp_path: Path) -> None:
    """In a folder with these files alone, and of what is installed only what is pinned, it starts."""
    for line in (FOLDER / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and not line.endswith("requirements.lock"):
            _, source, target = line.split()
            (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (CHECKOUT / source).is_dir() else shutil.copyfile
            copy(CHECKOUT / source, tmp_path / target)
    absent = ("ruamel", "numpy", "yaml", "cryptography", "kubernetes", "pytest")
    program = (
        "import sys\n"
        f"for name in {absent!r}: sys.modules[name] = None\n"
        f"sys.path = [{str(tmp_path)!r}, *(one for one in sys.path if one and {str(CHECKOUT)!r} != one)]\n"
        "import runpy\n"
        "sys.argv = ['knative_istio', '--help']\n"
        "runpy.run_module('fixtures.knative_istio', run_name='__main__')\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.returncode == 0, ended.stderr
    for option in ("--public-gateway", "--private-service", "--no-mesh", "--api-url"):
        assert option in ended.stdout
    assert "(default: cluster.local)" in " ".join(ended.stdout.split())
