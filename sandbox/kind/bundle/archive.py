"""Writes a container image as an archive, without a container engine.

Comes in: layers (tar files), names and what to run; goes out: one tar that is an OCI image layout and carries
docker's manifest.json too, as docker 25 and later save them: `docker load`, `ctr images import` and `skopeo` all take
it (formats: opencontainers/image-spec image-layout.md, moby image/tarexport/load.go v20.10 and later). Deterministic:
the same layers and settings give the same bytes, so the image's id says whether an engine has it already.

Layers are kept uncompressed: the archive is read from the local disk, where unpacking costs more than reading.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Runs:
    """What a container of the image runs, and as whom."""

    entrypoint: Sequence[str]
    user: str = ""  # "" is root; Knative and KServe want a number
    env: Mapping[str, str] = field(default_factory=dict)
    workdir: str = "/"
    stop_signal: str = ""
    arguments: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Blob:
    digest: str  # hex of sha256
    size: int
    content: bytes | Path

    @property
    def path(self) -> str:
        return f"blobs/sha256/{self.digest}"

    def described(self, media_type: str, annotations: Mapping[str, str] | None = None) -> dict[str, object]:
        plain: dict[str, object] = {"mediaType": media_type, "digest": f"sha256:{self.digest}", "size": self.size}
        return {**plain, "annotations": dict(annotations)} if annotations else plain


def write_image(output: Path, layers: Sequence[Path], tags: Sequence[str], runs: Runs, *, arch: str = "amd64") -> str:
    """Write the archive and return the image's id (`sha256:…` of its configuration)."""
    blobs = [_file_blob(layer) for layer in layers]
    config = _json_blob(_config(blobs, runs, arch))
    manifest = _json_blob(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config.described("application/vnd.oci.image.config.v1+json"),
            "layers": [blob.described("application/vnd.oci.image.layer.v1.tar") for blob in blobs],
        }
    )
    with tarfile.open(output, "w", format=tarfile.PAX_FORMAT) as tar:
        _text(tar, "oci-layout", {"imageLayoutVersion": "1.0.0"})
        _text(tar, "index.json", _index(manifest, tags))
        docker = {"Config": config.path, "RepoTags": list(tags), "Layers": [blob.path for blob in blobs]}
        _text(tar, "manifest.json", [docker])
        for blob in {blob.path: blob for blob in (config, manifest, *blobs)}.values():
            _add(tar, blob)
    return f"sha256:{config.digest}"


def _config(layers: Sequence[_Blob], runs: Runs, arch: str) -> dict[str, object]:
    settings: dict[str, object] = {
        "Entrypoint": list(runs.entrypoint),
        "Env": [f"{name}={value}" for name, value in sorted(runs.env.items())],
        "WorkingDir": runs.workdir,
    }
    if runs.arguments:
        settings["Cmd"] = list(runs.arguments)
    if runs.user:
        settings["User"] = runs.user
    if runs.stop_signal:
        settings["StopSignal"] = runs.stop_signal
    return {
        "created": _EPOCH,
        "architecture": arch,
        "os": "linux",
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.digest}" for layer in layers]},
        "history": [{"created": _EPOCH, "created_by": "sandbox bundle build"} for _ in layers],
    }


def _index(manifest: _Blob, tags: Sequence[str]) -> dict[str, object]:
    kind = "application/vnd.oci.image.manifest.v1+json"
    named = [
        manifest.described(kind, {"io.containerd.image.name": tag, "org.opencontainers.image.ref.name": tag})
        for tag in tags
    ]
    return {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": named}


def _file_blob(path: Path) -> _Blob:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return _Blob(digest, path.stat().st_size, path)


def _json_blob(content: object) -> _Blob:
    plain = _plain(content)
    return _Blob(hashlib.sha256(plain).hexdigest(), len(plain), plain)


def _plain(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _text(tar: tarfile.TarFile, name: str, content: object) -> None:
    plain = _plain(content)
    info = tarfile.TarInfo(name)
    info.size = len(plain)
    tar.addfile(info, io.BytesIO(plain))


def _add(tar: tarfile.TarFile, blob: _Blob) -> None:
    info = tarfile.TarInfo(blob.path)
    info.size = blob.size
    if isinstance(blob.content, bytes):
        tar.addfile(info, io.BytesIO(blob.content))
        return
    with blob.content.open("rb") as stream:
        tar.addfile(info, stream)
