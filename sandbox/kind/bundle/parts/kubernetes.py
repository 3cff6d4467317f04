"""Kubernetes: the programs of a node, kubectl and kind for this machine, and the control plane's images.

Comes in: fixtures/go/{kubernetes,etcd,coredns,kind,pause}; goes out: recipes. The images have the names that kubeadm
looks for (cmd/kubeadm/app/constants/constants.go of Kubernetes v1.34.2), since no node pulls anything.
"""

from __future__ import annotations

from sandbox.kind.bundle.archive import Runs
from sandbox.kind.bundle.go_program import go_program
from sandbox.kind.bundle.image import image
from sandbox.kind.bundle.part import Category
from sandbox.kind.bundle.parts.base import DEBIAN, STATIC
from sandbox.kind.bundle.parts.source import Source
from sandbox.kind.bundle.recipe import Recipe

KUBERNETES = "k8s.io/kubernetes"
KIND = "sigs.k8s.io/kind"
ETCD = "go.etcd.io/etcd/server/v3"
COREDNS = "github.com/coredns/coredns"
NODE_PROGRAMS = ("kubeadm", "kubelet")
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
IMAGES = (*CONTROL_PLANE, "kube-proxy", "etcd", "coredns", "pause")

_REGISTRY = "registry.k8s.io"


def recipes(source: Source) -> list[Recipe]:
    return [*_programs(source), *_images(source)]


def _programs(source: Source) -> list[Recipe]:
    version = source.versions.module(KUBERNETES)
    variables = version_variables(version)
    named = {"kubectl": Category.BINARY}
    programs = [
        go_program(
            name,
            f"{KUBERNETES}/cmd/{name}",
            source.go("kubernetes"),
            module=KUBERNETES,
            version=version,
            variables=variables,
            category=named.get(name, Category.INGREDIENT),
        )
        for name in (*NODE_PROGRAMS, "kubectl", *CONTROL_PLANE, "kube-proxy")
    ]
    others = [
        ("kind", KIND, Category.BINARY),
        ("etcd", ETCD, Category.INGREDIENT),
        ("coredns", COREDNS, Category.INGREDIENT),
    ]
    for name, module, category in others:
        version = source.versions.module(module)
        programs.append(go_program(name, module, source.go(name), module=module, version=version, category=category))
    pause = go_program(
        "pause", ".", source.go("pause"), module="fixtures/go/pause", version=source.versions.tag("pause")
    )
    return [*programs, pause]


def version_variables(version: str) -> dict[str, str]:
    """What the linker sets so that the programs know their version (k8s.io/component-base/version/base.go)."""
    major, minor, _ = version.removeprefix("v").split(".")
    at = "k8s.io/component-base/version"
    return {
        f"{at}.gitVersion": version,
        f"{at}.gitMajor": major,
        f"{at}.gitMinor": minor,
        f"{at}.gitTreeState": "clean",
        f"{at}.gitCommit": f"module-{version}",
        f"{at}.buildDate": "1970-01-01T00:00:00Z",
    }


def _images(source: Source) -> list[Recipe]:
    version = source.versions.module(KUBERNETES)
    images = [_static(name, f"{_REGISTRY}/{name}:{version}", version) for name in CONTROL_PLANE]
    images.append(
        image(
            "kube-proxy",
            [f"{_REGISTRY}/kube-proxy:{version}"],
            version,
            Runs(["/usr/local/bin/kube-proxy"]),
            layers=[DEBIAN],
            programs={"/usr/local/bin/kube-proxy": "ingredient/kube-proxy"},
        )
    )
    etcd, coredns, pause = (source.versions.tag(name) for name in ("etcd", "coredns", "pause"))
    images.append(_static("etcd", f"{_REGISTRY}/etcd:{etcd}", source.versions.module(ETCD)))
    images.append(_static("coredns", f"{_REGISTRY}/coredns/coredns:{coredns}", source.versions.module(COREDNS)))
    images.append(_static("pause", f"{_REGISTRY}/pause:{pause}", pause, user="65535"))
    return images


def _static(name: str, tag: str, version: str, user: str = "") -> Recipe:
    """kubeadm's static pods call their program by its bare name, so it lies on the PATH."""
    program = f"/usr/local/bin/{name}"
    runs = Runs([program], user=user)
    return image(name, [tag], version, runs, layers=[STATIC], programs={program: f"ingredient/{name}"})
