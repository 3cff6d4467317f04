"""Layers and images, made without an engine."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

from sandbox.kind.bundle.archive import Runs, write_image
from sandbox.kind.bundle.layer import Entry, tree, write_layer

RUNS = Runs(["/bin/it", "--go"], user="65532", env={"B": "2", "A": "1"}, workdir="/app", stop_signal="SIGRTMIN+3")


def members(tar: Path) -> dict[str, bytes]:
    with tarfile.open(tar) as archive:
        return {one.name: archive.extractfile(one).read() for one in archive if one.isfile()}  # type: ignore[union-attr]


def layer(folder: Path, name: str, text: bytes) -> Path:
    write_layer(folder / name, [Entry(f"/etc/{name}", content=text)])
    return folder / name


def test_a_layer_is_the_same_bytes_whenever_it_is_written(tmp_path: Path) -> None:
    entries = [Entry("/b/x", content=b"x"), Entry("/a", link="/b"), Entry("/tmp", mode=0o1777)]
    write_layer(tmp_path / "one", entries)
    write_layer(tmp_path / "two", reversed(entries))

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_layer_has_the_folders_links_and_modes_that_were_asked_for(tmp_path: Path) -> None:
    write_layer(
        tmp_path / "l", [Entry("/b/x", content=b"x", mode=0o644), Entry("/a", link="/b"), Entry("/tmp", mode=0o1777)]
    )

    with tarfile.open(tmp_path / "l") as archive:
        found = {one.name: (one.isdir(), one.linkname, oct(one.mode), one.uid, one.mtime) for one in archive}
    assert {
        "a": (False, "/b", "0o777", 0, 0),
        "b": (True, "", "0o755", 0, 0),
        "b/x": (False, "", "0o644", 0, 0),
        "tmp": (True, "", "0o1777", 0, 0),
    } == found


def test_a_tree_keeps_links_and_what_may_be_run_and_leaves_caches_out(tmp_path: Path) -> None:
    (tmp_path / "t/__pycache__").mkdir(parents=True)
    (tmp_path / "t/__pycache__/x.pyc").write_text("")
    (tmp_path / "t/run").write_text("#!")
    (tmp_path / "t/run").chmod(0o755)
    (tmp_path / "t/link").symlink_to("run")

    found = {(entry.path, entry.link, entry.mode) for entry in tree(tmp_path / "t", "/app")}

    assert {("/app/run", "", 0o755), ("/app/link", "run", 0o755)} == found


def test_an_image_is_an_oci_layout_whose_digests_hold(tmp_path: Path) -> None:
    layers = [layer(tmp_path, "one", b"1"), layer(tmp_path, "two", b"2")]

    image_id = write_image(tmp_path / "image", layers, ["dev.local/it:v1", "dev.local/it:v2"], RUNS)

    files = members(tmp_path / "image")
    blobs = {name.rpartition("/")[2]: content for name, content in files.items() if name.startswith("blobs/")}
    assert set(blobs) == {hashlib.sha256(content).hexdigest() for content in blobs.values()}
    index = json.loads(files["index.json"])
    names = [one["annotations"]["io.containerd.image.name"] for one in index["manifests"]]
    assert ["dev.local/it:v1", "dev.local/it:v2"] == names
    manifest = json.loads(blobs[index["manifests"][0]["digest"].removeprefix("sha256:")])
    assert [one.read_bytes() for one in layers] == [
        blobs[one["digest"].removeprefix("sha256:")] for one in manifest["layers"]
    ]
    assert image_id == manifest["config"]["digest"]


def test_an_image_is_what_docker_load_takes_too(tmp_path: Path) -> None:
    layers = [layer(tmp_path, "one", b"1"), layer(tmp_path, "two", b"2")]

    image_id = write_image(tmp_path / "image", layers, ["dev.local/it:v1"], RUNS)

    files = members(tmp_path / "image")
    (said,) = json.loads(files["manifest.json"])
    config = json.loads(files[said["Config"]])
    assert image_id == f"sha256:{hashlib.sha256(files[said['Config']]).hexdigest()}"
    assert ["dev.local/it:v1"] == said["RepoTags"]
    assert [one.read_bytes() for one in layers] == [files[one] for one in said["Layers"]]
    assert [f"sha256:{hashlib.sha256(files[one]).hexdigest()}" for one in said["Layers"]] == config["rootfs"][
        "diff_ids"
    ]
    assert {
        "Entrypoint": ["/bin/it", "--go"],
        "Env": ["A=1", "B=2"],
        "User": "65532",
        "WorkingDir": "/app",
        "StopSignal": "SIGRTMIN+3",
    } == config["config"]


def test_the_same_layers_give_the_same_image(tmp_path: Path) -> None:
    one = layer(tmp_path, "one", b"1")

    first = write_image(tmp_path / "a", [one], ["x:1"], RUNS)
    second = write_image(tmp_path / "b", [one], ["x:1"], RUNS)

    assert first == second
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
