"""The store is an S3 store to others too: boto3 is what KServe's storage initializer downloads with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from fixtures.object_store.download import download
from fixtures.object_store.upload import upload
from tests.parts.object_store.models import MIB, contents, folder_of, some_bytes
from tests.parts.object_store.running import RunningStore

FILES = {"weights.bin": some_bytes(9 * MIB), "variables/a b+ü": b"1"}  # boto3 asks for 9 MiB in two ranges


def boto(store: RunningStore, secret_key: str = "") -> Any:
    return boto3.resource(
        "s3",
        endpoint_url=store.endpoint,
        aws_access_key_id=store.access_key,
        aws_secret_access_key=secret_key or store.secret_key,
        region_name="us-east-1",
    )


def test_a_model_is_downloaded_by_boto3_as_kserve_does_and_counted(store: RunningStore, tmp_path: Path) -> None:
    place = "s3://models/boto/down"
    upload(store.client(), folder_of(tmp_path / "m", FILES), place)
    bucket = boto(store).Bucket("models")
    for one in bucket.objects.filter(Prefix="boto/down/"):
        target = tmp_path / "got" / one.key.removeprefix("boto/down/")
        target.parent.mkdir(parents=True, exist_ok=True)
        bucket.download_file(one.key, str(target))

    got = contents(tmp_path / "got")
    record = got.pop(".model.json")
    assert got == FILES
    assert store.counted("object_store_gets_total", model=place) == 2 + 1 + 1
    assert store.counted("object_store_get_bytes_total", model=place) == 9 * MIB + 1 + len(record)


def test_what_boto3_uploads_in_parts_and_chunks_arrives_whole(store: RunningStore, tmp_path: Path) -> None:
    upload(store.client(), folder_of(tmp_path / "m", FILES), "s3://models/boto/up")
    for name in FILES:
        boto(store).Bucket("models").upload_file(str(tmp_path / "m" / name), f"boto/up/{name}")

    assert download(store.client(), "s3://models/boto/up", tmp_path / "got").bytes == 9 * MIB + 1


def test_boto3_with_a_wrong_key_is_refused(store: RunningStore) -> None:
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        list(boto(store, "wrong").Bucket("models").objects.all())
