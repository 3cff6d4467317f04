"""Knative Serving: its programs, their images, and its manifests with these images in.

Comes in: fixtures/go/knative and fixtures/manifests/knative; goes out: recipes. Manifests are the serving module's
config/core, with the files that are symbolic links there (module archives drop those) taken from the sibling modules
that go.mod selects. Not built from one go.mod with KServe: that one's newer OpenTelemetry makes every program of
Knative end at its start ("conflicting Schema URL").
"""

from __future__ import annotations

from sandbox.kind.bundle.archive import Runs
from sandbox.kind.bundle.go_program import go_program
from sandbox.kind.bundle.image import image
from sandbox.kind.bundle.parts.base import NONROOT, STATIC
from sandbox.kind.bundle.parts.source import Source, local_tag
from sandbox.kind.bundle.recipe import Recipe
from sandbox.kind.bundle.rendered import Upstream, rendered

SERVING = "knative.dev/serving"
NETWORKING = "knative.dev/networking"
CACHING = "knative.dev/caching"
PROGRAMS = ("controller", "activator", "autoscaler", "webhook", "queue")


def recipes(source: Source) -> list[Recipe]:
    return [*(recipe for name in PROGRAMS for recipe in _program(source, name)), _manifests(source)]


def tag(source: Source, program: str) -> str:
    return local_tag(f"kn-{program}", source.versions.module(SERVING))


def _program(source: Source, name: str) -> list[Recipe]:
    version = source.versions.module(SERVING)
    package = f"{SERVING}/cmd/{name}"
    inside = f"/ko-app/{name}"
    return [
        go_program(f"kn-{name}", package, source.go("knative"), module=SERVING, version=version),
        image(
            f"kn-{name}",
            [tag(source, name)],
            version,
            Runs([inside], user=NONROOT),
            layers=[STATIC],
            programs={inside: f"ingredient/kn-{name}"},
        ),
    ]


def _manifests(source: Source) -> Recipe:
    return rendered(
        "knative",
        source.folder / "manifests" / "knative",
        version=source.versions.module(SERVING),
        modules=source.go("knative"),
        upstream=[
            Upstream(SERVING, "config/core", "core"),
            Upstream(SERVING, "third_party/istio-latest", "istio"),
            Upstream(NETWORKING, "config", "networking"),
            Upstream(CACHING, "config", "caching"),
        ],
        replaced={f"ko://{SERVING}/cmd/{name}": tag(source, name) for name in sorted(PROGRAMS, key=len, reverse=True)},
    )
