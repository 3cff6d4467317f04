"""The recipes in fixtures/ fit together, and their versions are said once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox.errors import InternalError
from sandbox.kind.bundle.build import _ordered
from sandbox.kind.bundle.catalogue import catalogue
from sandbox.kind.bundle.layout import recipes_folder
from sandbox.kind.bundle.part import Category
from sandbox.kind.bundle.parts.kubernetes import version_variables
from sandbox.kind.bundle.recipe import digest_of_files
from sandbox.kind.bundle.versions import read_versions

FIXTURES = recipes_folder()
RECIPES = catalogue(FIXTURES)
REQUIRED = re.compile(r"^\s*(?:require )?(\S+) (v\S+)", re.MULTILINE)


def test_every_part_can_be_made_from_those_before_it() -> None:
    assert {recipe.id for recipe in RECIPES} == {recipe.id for recipe in _ordered(RECIPES)}


def test_what_up_needs_is_in_it() -> None:
    wanted = {"node/image", "binary/kind", "binary/kubectl", "binary/istioctl"}
    wanted |= {"manifest/istio", "manifest/knative", "manifest/kserve"}
    wanted |= {f"image/{name}" for name in ("kn-controller", "kserve-manager", "pilot", "proxyv2", "minio", "valkey")}

    assert wanted <= {recipe.id for recipe in RECIPES}


def test_every_image_has_a_name_of_its_own_and_is_in_the_node() -> None:
    images = [recipe for recipe in RECIPES if recipe.category is Category.IMAGE]
    tags = [tag for recipe in images for tag in recipe.tags]
    (store,) = (recipe for recipe in RECIPES if recipe.name == "node-store")

    assert len(tags) == len(set(tags)) >= len(images)
    assert {recipe.id for recipe in images} <= set(store.inputs)


def test_go_modules_have_the_versions_that_versions_toml_says() -> None:
    said = read_versions(FIXTURES / "versions.toml").tables["modules"]
    required: dict[str, set[str]] = {}
    for file in (FIXTURES / "go").glob("*/go.mod"):
        for module, version in REQUIRED.findall(file.read_text(encoding="utf-8")):
            if module in said:
                required.setdefault(module, set()).add(version)

    assert {module: {version} for module, version in said.items()} == required


def test_kubernetes_staging_modules_are_those_of_its_version() -> None:
    version = read_versions(FIXTURES / "versions.toml").module("k8s.io/kubernetes").replace("v1.", "v0.")
    text = (FIXTURES / "go/kubernetes/go.mod").read_text(encoding="utf-8")

    replaced = re.findall(r"^(?:replace |\t)(k8s\.io/\S+) => (k8s\.io/\S+) (\S+)", text, re.MULTILINE)

    assert len(replaced) >= 25
    assert {(module, module, version) for module, _, _ in replaced} == set(replaced)


def test_an_unknown_version_is_named() -> None:
    with pytest.raises(InternalError, match="no version of"):
        read_versions(FIXTURES / "versions.toml").module("example.com/x")


def test_programs_are_told_their_version() -> None:
    variables = version_variables("v1.34.2")

    at = "k8s.io/component-base/version"
    assert ("v1.34.2", "1", "34") == tuple(variables[f"{at}.{name}"] for name in ("gitVersion", "gitMajor", "gitMinor"))


def test_a_digest_of_files_sees_names_contents_and_modes(tmp_path: Path) -> None:
    file = tmp_path / "f/a"
    file.parent.mkdir()
    file.write_text("1")
    first = digest_of_files(tmp_path / "f")
    seen = {first}
    file.chmod(0o755)
    seen.add(digest_of_files(tmp_path / "f"))
    file.write_text("2")
    seen.add(digest_of_files(tmp_path / "f"))
    file.rename(tmp_path / "f/b")
    seen.add(digest_of_files(tmp_path / "f"))

    assert 4 == len(seen)
