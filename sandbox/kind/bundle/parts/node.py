"""The node image: what every node of the kind cluster runs, with all component images unpacked in it.

Comes in: fixtures/node_image, the files that kind's module has for such an image, Kubernetes' programs, every image of
the bundle; goes out: recipes. Three layers: Debian with containerd; kind's files (with the changes below), ours and the
programs; the image store (bake.sh), so that a cluster's nodes neither pull nor unpack.

Mirrors images/base and pkg/build/nodeimage of kind v0.30.0. Differences: containerd and runc are Debian's; no resource
limits and no OOM score for containerd, and `restrict_oom_score_adj`, since a machine may lack CAP_SYS_RESOURCE
(fixtures/engine/runc stands before runc for the same reason); no crictl, no kindnetd (`sandbox-pod-network` instead),
no local-path-provisioner: the class `standard` has no provisioner.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sandbox.kind.bundle.archive import Runs, write_image
from sandbox.kind.bundle.debian import debian_system
from sandbox.kind.bundle.go_program import module_folder
from sandbox.kind.bundle.layer import Entry, tree, write_layer
from sandbox.kind.bundle.part import Category
from sandbox.kind.bundle.parts.kubernetes import KIND, KUBERNETES, NODE_PROGRAMS
from sandbox.kind.bundle.parts.source import Source
from sandbox.kind.bundle.recipe import Recipe, code, digest_of_files
from sandbox.kind.bundle.workplace import CommandFailed, Workplace

_DEBIAN = "ingredient/node-debian"
_FILES = "ingredient/node-files"
_STORE = "ingredient/node-store"
_PROGRAMS = {**{name: f"ingredient/{name}" for name in NODE_PROGRAMS}, "kubectl": "binary/kubectl"}
_ENABLED = ("kubelet.service", "containerd.service", "undo-mount-hacks.service")
_BAKING_LIMIT_S = 1200.0

# Of kind's files: (file, before, after). Each must be found, or kind has changed.
_CHANGES = (
    ("etc/systemd/system/containerd.service", "ExecStart=/usr/local/bin/containerd", "ExecStart=/usr/bin/containerd"),
    ("etc/systemd/system/containerd.service", "OOMScoreAdjust=-999\n", ""),
    ("etc/systemd/system/containerd.service", "LimitNPROC=infinity\nLimitCORE=infinity\nLimitNOFILE=infinity\n", ""),
    ("etc/containerd/config.toml", "restrict_oom_score_adj = false", "restrict_oom_score_adj = true"),
    ("etc/containerd/config.toml", "registry.k8s.io/pause:3.10", "registry.k8s.io/pause:{pause}"),
)


def recipes(source: Source, images: Sequence[Recipe]) -> list[Recipe]:
    """The node image with `images` in it."""
    folder = source.folder / "node_image"
    suite = source.versions.debian("node")
    debian = debian_system("node-debian", suite, source.packages("node_image"), folder / "prepare.sh")
    return [debian, _files(source), _store(source, images), _image(source)]


def tag(source: Source) -> str:
    return f"serving-sandbox/node:{source.versions.module(KUBERNETES)}"


# -- kind's files, ours, the programs ------------------------------------------------------------------------


def _files(source: Source) -> Recipe:
    folder = source.folder / "node_image" / "files"
    runc = source.folder / "engine" / "runc"
    version = source.versions.module(KUBERNETES)
    pause = source.versions.tag("pause")

    def make(place: Workplace) -> None:
        kinds = module_folder(place, KIND, source.go("kind")) / "images" / "base" / "files"
        changed = place.folder / "kind"
        _lay(kinds, changed, pause)
        units = "/etc/systemd/system"
        wants = [Entry(f"{units}/multi-user.target.wants/{unit}", link=f"{units}/{unit}") for unit in _ENABLED]
        programs = [Entry(f"/usr/bin/{name}", content=place.input(part)) for name, part in _PROGRAMS.items()]
        write_layer(
            place.output,
            [
                *tree(changed, "/"),
                *tree(folder, "/"),
                *wants,
                *programs,
                Entry("/usr/local/sbin/runc", content=runc),
                Entry("/kind/version", content=version.encode(), mode=0o644),
            ],
        )

    return Recipe(
        category=Category.INGREDIENT,
        name="node-files",
        suffix=".tar",
        version=version,
        source=f"images/base/files of go module {KIND}, fixtures/node_image, Kubernetes' programs",
        make=make,
        made_of={
            "ours": digest_of_files(folder, runc),
            "kind": digest_of_files(source.go("kind") / "go.mod", source.go("kind") / "go.sum"),
            "pause": pause,
            "code": code("parts/node", "layer"),
        },
        inputs=tuple(_PROGRAMS.values()),
    )


def _lay(kinds: Path, target: Path, pause: str) -> None:
    """Copy kind's files, with our changes; its programs and hooks executable, as its Dockerfile makes them."""
    shutil.copytree(kinds, target, copy_function=shutil.copyfile)
    for name, before, after in _CHANGES:
        file = target / name
        text = file.read_text(encoding="utf-8")
        if before not in text:
            raise CommandFailed(
                f"kind's {name} does not say {before.strip()!r} any more", "sandbox/kind/bundle/parts/node.py"
            )
        file.chmod(0o644)
        file.write_text(text.replace(before, after.format(pause=pause)), encoding="utf-8")
    for program in (*(target / "usr/local/bin").iterdir(), *(target / "kind/bin").iterdir()):
        program.chmod(0o755)


# -- the image store -----------------------------------------------------------------------------------------


def _store(source: Source, images: Sequence[Recipe]) -> Recipe:
    script = source.folder / "node_image" / "bake.sh"

    def make(place: Workplace) -> None:
        together = place.subfolder("images")
        for recipe in images:
            archive = place.input(recipe.id)
            (together / archive.name).hardlink_to(archive)
        helper = f"serving-sandbox/bake:{place.folder.name.lower()}"
        name = f"sandbox-{place.folder.name.lower()}"
        try:
            place.run(["docker", "import", place.input(_DEBIAN), helper], limit_s=600)
            command = ["docker", "run", "--rm", "--interactive", "--privileged", "--network=none", f"--name={name}"]
            command += ["--volume=/store", f"--volume={together}:/images:ro", helper, "sh", "-s"]
            place.run(command, limit_s=_BAKING_LIMIT_S, stdin=script, stdout=place.output)
        finally:
            _forget(name, helper)

    return Recipe(
        category=Category.INGREDIENT,
        name="node-store",
        suffix=".tar",
        version=source.versions.module(KUBERNETES),
        source="the bundle's images, unpacked by the node's containerd",
        make=make,
        made_of={"script": digest_of_files(script), "code": code("parts/node")},
        inputs=(_DEBIAN, *(recipe.id for recipe in images)),
    )


def _forget(container: str, image: str) -> None:
    """Leave nothing in the engine, whatever happened (a killed client leaves its container running)."""
    for command in (["docker", "rm", "--force", "--volumes", container], ["docker", "rmi", "--force", image]):
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120, check=False)


# -- the image -----------------------------------------------------------------------------------------------


def _image(source: Source) -> Recipe:
    layers = (_DEBIAN, _FILES, _STORE)
    runs = Runs(["/usr/local/bin/entrypoint", "/sbin/init"], env={"container": "docker"}, stop_signal="SIGRTMIN+3")

    def make(place: Workplace) -> None:
        place.notes["image_id"] = write_image(
            place.output, [place.input(layer) for layer in layers], [tag(source)], runs
        )

    return Recipe(
        category=Category.NODE,
        name="image",
        suffix=".tar",
        version=source.versions.module(KUBERNETES),
        source=f"made of {', '.join(layers)}",
        make=make,
        made_of={"runs": repr(runs), "code": code("parts/node", "archive")},
        inputs=layers,
        tags=(tag(source),),
    )
