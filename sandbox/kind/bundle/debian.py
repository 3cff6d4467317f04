"""Recipe: a Debian root file system as one layer, by mmdebstrap.

Comes in: suite, packages, and optionally a script of ours that runs in the finished system; goes out: a recipe that
makes a tar. Variant essential (no apt), no documentation, no translations. Written without syncing each file: a tar
that was half made is thrown away anyway.

The packages are what the archive serves on the day of the build (Debian keeps no old ones there); the lock file
records the point release, the log every version.
"""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from pathlib import Path

from sandbox.kind.bundle.part import Category
from sandbox.kind.bundle.recipe import Recipe, code, digest_of_files
from sandbox.kind.bundle.workplace import Workplace

LIMIT_S = 1800.0
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*", "/var/cache/*/*")
_MERGED = "usr-is-merged"  # in place of usrmerge, which would bring all of perl


def debian_system(name: str, suite: str, packages: Sequence[str], script: Path | None = None) -> Recipe:
    """A minimal Debian with `packages`, after `script` has run in it."""

    def make(place: Workplace) -> None:
        tar = place.folder / "system.tar"
        command = [
            "mmdebstrap",
            "--variant=essential",
            "--dpkgopt=force-unsafe-io",
            f"--include={','.join([_MERGED, *packages])}",
        ]
        command += [f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT]
        command += ["--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"]
        command += ['--customize-hook=chroot "$1" dpkg-query -W']
        if script is not None:
            command += [f"--customize-hook=chroot \"$1\" sh -eu < '{script}'"]
        place.run([*command, suite, tar], env={"SOURCE_DATE_EPOCH": "0"}, limit_s=LIMIT_S)
        place.notes["version"] = f"{suite} {_point_release(tar)}"
        tar.rename(place.output)

    return Recipe(
        category=Category.INGREDIENT,
        name=name,
        suffix=".tar",
        version=suite,
        source=f"Debian {suite}: {', '.join(packages)}",
        make=make,
        made_of={
            "packages": " ".join(packages),
            "left_out": " ".join(_LEFT_OUT),
            "script": digest_of_files(script) if script else "",
            "code": code("debian"),
        },
    )


def member(tar: Path, path: str) -> bytes:
    """The contents of one file of a root file system, by its absolute path."""
    with tarfile.open(tar) as archive:
        stream = archive.extractfile(f".{path}")
        if stream is None:
            raise FileNotFoundError(f"{path} is not a file in {tar}")
        return stream.read()


def _point_release(tar: Path) -> str:
    return member(tar, "/etc/debian_version").decode().strip()
