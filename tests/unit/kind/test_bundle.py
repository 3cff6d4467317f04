"""The lock file, the reader of a bundle, and the check of its files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_parts import built, shell

from sandbox.errors import EnvironmentNotReady
from sandbox.kind.bundle import Bundle, Layout, default_root
from sandbox.kind.bundle.lock import Lock, read_lock, write_lock
from sandbox.kind.bundle.part import Category, Part
from sandbox.kind.bundle.verify import Finding, check


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A complete bundle of two parts."""
    built(tmp_path, shell("a", "printf aaaa > output"), shell("b", "printf bbbb > output"))
    return tmp_path


def findings(root: Path, *, digests: bool = True) -> list[Finding]:
    layout = Layout(root)
    lock = read_lock(layout.lock_file)
    assert lock is not None
    return list(check(layout, lock, digests=digests))


# -- verify --------------------------------------------------------------------------------------------------


def test_a_whole_bundle_has_nothing_wrong(root: Path) -> None:
    assert [] == findings(root)


def test_a_truncated_file_is_found_without_reading_it(root: Path) -> None:
    (root / "image/a").write_bytes(b"aa")

    assert [Finding("image/a", "image/a has 2 bytes, the lock says 4")] == findings(root, digests=False)


def test_a_changed_byte_is_found_by_reading(root: Path) -> None:
    (root / "image/a").write_bytes(b"aaab")

    assert [] == findings(root, digests=False)
    (found,) = findings(root)
    assert "image/a" == found.part
    assert found.problem.startswith("image/a has sha256 ")


def test_a_file_that_is_gone_is_found(root: Path) -> None:
    (root / "image/b").unlink()

    assert [Finding("image/b", "image/b is gone")] == findings(root)


def test_a_part_that_was_never_made_is_found(root: Path) -> None:
    with pytest.raises(EnvironmentNotReady):
        built(root, shell("a", "printf aaaa > output"), shell("c", "exit 1"))

    assert [Finding("image/c", "was never made")] == findings(root)


# -- the reader ----------------------------------------------------------------------------------------------


def part(category: Category, name: str, **facts: str) -> Part:
    return Part(
        id=f"{category}/{name}",
        file=f"{category}/{name}.tar",
        version="v1",
        source="a test",
        sha256="0" * 64,
        bytes=0,
        key="",
        tags=("dev.local/x:v1",) if category in (Category.IMAGE, Category.NODE) else (),
        image_id=facts.get("image_id", ""),
    )


def written(root: Path, *parts: Part, wanted: tuple[str, ...] = ()) -> Path:
    for one in parts:
        file = root / one.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    write_lock(Layout(root).lock_file, Lock(wanted=wanted, parts={one.id: one for one in parts}))
    return root


def test_a_bundle_gives_its_parts_by_name(tmp_path: Path) -> None:
    node = part(Category.NODE, "image", image_id="sha256:12")
    others = [part(Category.IMAGE, "kn-queue"), part(Category.BINARY, "kind"), part(Category.MANIFEST, "knative")]

    bundle = Bundle.open(written(tmp_path, node, *others))

    assert ("dev.local/x:v1", "sha256:12") == (bundle.node_image().tag, bundle.node_image().image_id)
    assert tmp_path / "image/kn-queue.tar" == bundle.image("kn-queue").file
    assert ["kn-queue"] == [image.name for image in bundle.images()]
    assert tmp_path / "binary/kind.tar" == bundle.binary("kind")
    assert tmp_path / "manifest/knative.tar" == bundle.manifest("knative")


def test_a_part_that_a_bundle_has_not_is_named_with_those_it_has(tmp_path: Path) -> None:
    bundle = Bundle.open(written(tmp_path, part(Category.BINARY, "kind"), part(Category.BINARY, "kubectl")))

    with pytest.raises(EnvironmentNotReady) as caught:
        bundle.binary("istioctl")

    assert "no binary 'istioctl'" in str(caught.value)
    assert "has kind, kubectl" in str(caught.value)


def test_no_bundle_is_told_with_the_next_command(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentNotReady, match="there is no bundle here") as caught:
        Bundle.open(tmp_path)

    assert "next:  sandbox bundle build" in str(caught.value)


def test_an_unfinished_bundle_does_not_open(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentNotReady, match="node/image: was never made"):
        Bundle.open(written(tmp_path, part(Category.BINARY, "kind"), wanted=("binary/kind", "node/image")))


def test_a_bundle_without_its_ingredients_opens(tmp_path: Path) -> None:
    written(tmp_path, part(Category.BINARY, "kind"), part(Category.INGREDIENT, "etcd"))
    (tmp_path / "ingredient/etcd.tar").unlink()

    assert tmp_path / "binary/kind.tar" == Bundle.open(tmp_path).binary("kind")


# -- the lock file -------------------------------------------------------------------------------------------


def test_a_lock_reads_as_it_was_written(tmp_path: Path) -> None:
    one = part(Category.IMAGE, "a", image_id="sha256:34")
    lock = Lock(made_by="pull", wanted=("image/a", "node/image"), parts={one.id: one})
    write_lock(tmp_path / "lock", lock)

    assert lock == read_lock(tmp_path / "lock")
    assert ("node/image",) == lock.missing


@pytest.mark.parametrize(
    "text, why",
    [
        ("", "Expecting value"),
        ("[]", "TypeError"),
        ('{"format": 2}', "format 2, this sandbox reads 1"),
        ('{"format": 1, "made_by": "build", "wanted": [], "parts": {"image/a": {"tags": []}}}', "TypeError"),
    ],
)
def test_a_lock_that_is_none_is_refused_with_the_file_and_the_next_command(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "bundle.lock.json"
    file.write_text(text)

    with pytest.raises(EnvironmentNotReady) as caught:
        read_lock(file)

    assert why in str(caught.value)
    assert f"rm {file}, then: sandbox bundle build" in str(caught.value)


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside"])
def test_a_lock_does_not_point_out_of_the_bundle(tmp_path: Path, path: str) -> None:
    write_lock(tmp_path / "lock", Lock(parts={"image/a": part(Category.IMAGE, "a")}))
    raw = json.loads((tmp_path / "lock").read_text())
    raw["parts"]["image/a"]["file"] = path
    (tmp_path / "lock").write_text(json.dumps(raw))

    with pytest.raises(EnvironmentNotReady, match="outside of the bundle"):
        read_lock(tmp_path / "lock")


# -- where it is ---------------------------------------------------------------------------------------------


def test_the_default_folder_is_in_the_users_cache() -> None:
    assert Path("/home/u/.cache/serving-sandbox/bundle") == default_root({"HOME": "/home/u"})
    assert Path("/c/serving-sandbox/bundle") == default_root({"HOME": "/home/u", "XDG_CACHE_HOME": "/c"})
