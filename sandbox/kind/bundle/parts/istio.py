"""Istio: istiod, the proxy with upstream Envoy, istioctl for this machine, and the manifests that istioctl renders.

Comes in: fixtures/go/istio, fixtures/images/proxyv2 (which Envoy, from PyPI) and fixtures/manifests/istio (the
installation's settings); goes out: recipes. Istio's own Envoy has extensions that upstream's lacks; the settings
switch off what needs them (docs/reference/bundle.md says which, and what is lost).
"""

from __future__ import annotations

from pathlib import Path

from sandbox.kind.bundle.archive import Runs
from sandbox.kind.bundle.go_program import go_program, module_folder
from sandbox.kind.bundle.image import image
from sandbox.kind.bundle.layer import Entry, write_layer
from sandbox.kind.bundle.part import Category
from sandbox.kind.bundle.parts.base import DEBIAN, STATIC
from sandbox.kind.bundle.parts.source import LOCAL, Source
from sandbox.kind.bundle.recipe import Recipe, code, digest_of_files
from sandbox.kind.bundle.wheels import program_of_wheel
from sandbox.kind.bundle.workplace import Workplace

ISTIO = "istio.io/istio"
ISTIOCTL = "binary/istioctl"
_BOOTSTRAP = "tools/packaging/common/envoy_bootstrap.json"


def recipes(source: Source) -> list[Recipe]:
    envoy = program_of_wheel("envoy", source.folder / "images" / "proxyv2" / "requirements.lock")
    return [*_programs(source), envoy, _bootstrap(source), *_images(source), _manifests(source)]


def tag(source: Source) -> str:
    """The tag of both images: the commit of the pseudo-version."""
    return source.versions.module(ISTIO).rpartition("-")[2]


def _programs(source: Source) -> list[Recipe]:
    folder, version = source.go("istio"), source.versions.module(ISTIO)
    at = "istio.io/istio/pkg/version"
    variables = {f"{at}.buildVersion": tag(source), f"{at}.buildTag": tag(source), f"{at}.buildHub": LOCAL}
    packages = {
        "pilot-discovery": ("pilot/cmd/pilot-discovery", Category.INGREDIENT),
        "pilot-agent": ("pilot/cmd/pilot-agent", Category.INGREDIENT),
        "istioctl": ("istioctl/cmd/istioctl", Category.BINARY),
    }
    return [
        go_program(
            name, f"{ISTIO}/{package}", folder, module=ISTIO, version=version, category=category, variables=variables
        )
        for name, (package, category) in packages.items()
    ]


def _bootstrap(source: Source) -> Recipe:
    """What Istio's image has beside the programs: Envoy's bootstrap template, and folders that the agent writes to."""
    folder = source.go("istio")

    def make(place: Workplace) -> None:
        template = module_folder(place, ISTIO, folder) / _BOOTSTRAP
        write_layer(
            place.output,
            [
                Entry("/var/lib/istio/envoy/envoy_bootstrap_tmpl.json", content=template, mode=0o644),
                Entry("/etc/istio/proxy", mode=0o777),
                Entry("/var/lib/istio/data", mode=0o777),
            ],
        )

    return Recipe(
        category=Category.INGREDIENT,
        name="istio-bootstrap",
        suffix=".tar",
        version=source.versions.module(ISTIO),
        source=f"{_BOOTSTRAP} of go module {ISTIO}",
        make=make,
        made_of={
            "modules": digest_of_files(folder / "go.mod", folder / "go.sum"),
            "code": code("parts/istio", "layer"),
        },
    )


def _images(source: Source) -> list[Recipe]:
    version = source.versions.module(ISTIO)
    discovery, agent = "/usr/local/bin/pilot-discovery", "/usr/local/bin/pilot-agent"
    return [
        image(
            "pilot",
            [f"{LOCAL}/pilot:{tag(source)}"],
            version,
            Runs([discovery], user="1337"),
            layers=[STATIC],
            programs={discovery: "ingredient/pilot-discovery"},
        ),
        image(
            "proxyv2",
            [f"{LOCAL}/proxyv2:{tag(source)}"],
            version,
            Runs([agent], user="1337"),
            layers=[DEBIAN, "ingredient/istio-bootstrap"],
            programs={agent: "ingredient/pilot-agent", "/usr/local/bin/envoy": "ingredient/envoy"},
        ),
    ]


def _manifests(source: Source) -> Recipe:
    settings = source.folder / "manifests" / "istio" / "operator.yaml"

    def make(place: Workplace) -> None:
        command: list[str | Path] = [place.input(ISTIOCTL), "manifest", "generate", "-f", settings]
        values = ["--set", f"hub={LOCAL}", "--set", f"tag={tag(source)}"]
        place.run([*command, *values], limit_s=120, stdout=place.output)

    return Recipe(
        category=Category.MANIFEST,
        name="istio",
        suffix=".yaml",
        version=source.versions.module(ISTIO),
        source=f"istioctl manifest generate, go module {ISTIO}",
        make=make,
        made_of={"settings": digest_of_files(settings), "code": code("parts/istio")},
        inputs=(ISTIOCTL,),
    )
