"""Recipe: a program built from a Go module.

Comes in: a folder under fixtures/go with go.mod and go.sum (the program is one of its `tool` dependencies), a
package path; goes out: a recipe that makes a static binary. go.sum holds the digest of every module, so what is
compiled is what was reviewed; `-mod=readonly` refuses anything else. `-trimpath` and no build id of a checkout: the
same sources and the same Go give the same bytes. Go's own build cache (GOCACHE) makes the second build of a folder
quick; programs of one folder are built one after the other, since they share most of their packages.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sandbox.kind.bundle.part import Category
from sandbox.kind.bundle.recipe import Recipe, code, digest_of_files
from sandbox.kind.bundle.workplace import Workplace

LIMIT_S = 3600.0
_ENV = {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off", "GO111MODULE": "on"}


def go_program(
    name: str,
    package: str,
    folder: Path,
    *,
    module: str,
    version: str,
    category: Category = Category.INGREDIENT,
    variables: Mapping[str, str] | None = None,
) -> Recipe:
    """The program of `package`, with Go variables set by the linker."""
    flags = " ".join(["-s", "-w", *(f"-X {variable}={value}" for variable, value in (variables or {}).items())])

    def make(place: Workplace) -> None:
        build = ["go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", flags]
        place.run([*build, "-o", place.output, package], cwd=folder, env=go_environment(place), limit_s=LIMIT_S)

    return Recipe(
        category=category,
        name=name,
        version=version,
        source=f"go module {module}@{version}, package {package}",
        make=make,
        made_of={
            "package": package,
            "flags": flags,
            "modules": digest_of_files(folder / "go.mod", folder / "go.sum"),
            "code": code("go_program"),
        },
        lane=f"go {folder.name}",
    )


def go_environment(place: Workplace) -> dict[str, str]:
    """Go's settings: static, from the module files alone, temporary files on the bundle's disk."""
    return {**_ENV, "GOTMPDIR": str(place.folder)}


def module_folder(place: Workplace, module: str, folder: Path) -> Path:
    """Where a module's files are on this machine, downloaded if need be; checked against go.sum by Go."""
    env = go_environment(place)
    place.run(["go", "mod", "download", module], cwd=folder, env=env, limit_s=LIMIT_S)
    found = place.capture(
        ["go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module], cwd=folder, env=env, limit_s=300
    )
    return Path(found.strip())
