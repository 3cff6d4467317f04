"""A storageUri leads to one place, by a rule that its user writes down."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import UsageError
from sandbox.mechanisms.storage.uri import MountPlace, Rule, StorePlace, mount_path, read_rule, translate

TABLE = read_rule("c3=models, c3s:9000=logs/raw, *=archive/hdfs, =default")


@pytest.mark.parametrize(
    "uri, expected",
    [
        ("s3://models/ranker/v2", "s3://models/ranker/v2"),
        ("s3://models/ranker/v2/", "s3://models/ranker/v2"),
        ("s3://models//ranker///v2", "s3://models/ranker/v2"),
        ("s3://models/a b+ü%2F", "s3://models/a b+ü%2F"),
        ("hdfs://c3/user/ranker", "s3://models/user/ranker"),
        ("hdfs://C3/user/ranker", "s3://models/user/ranker"),
        ("hdfs://c3:8020/user/ranker", "s3://models/user/ranker"),
        ("hdfs://c3s:9000/user/ranker", "s3://logs/raw/user/ranker"),
        ("hdfs://c3s:8020/user/ranker", "s3://archive/hdfs/user/ranker"),
        ("hdfs://other/user/ranker", "s3://archive/hdfs/user/ranker"),
        ("hdfs:///user/ranker", "s3://default/user/ranker"),
    ],
)
def test_a_uri_is_translated_by_the_table(uri: str, expected: str) -> None:
    assert str(translate(uri, TABLE)) == expected


def test_without_a_table_a_name_node_is_a_bucket() -> None:
    assert translate("hdfs://nn1.example.com:8020/user/ranker") == StorePlace("nn1.example.com", "user/ranker")


def test_a_row_with_a_port_is_nearer_than_one_without() -> None:
    rule = read_rule("c3=one,c3:9000=two/x")

    assert rule.target("c3:9000") == "two/x"
    assert rule.target("c3:8020") == "one"


def test_kserves_uris_without_a_name_node_are_read_as_paths() -> None:
    rule = read_rule("=models", authority="path")

    assert str(translate("hdfs://user/ranker/v2", rule)) == "s3://models/user/ranker/v2"
    assert str(translate("hdfs:///user/ranker", rule)) == "s3://models/user/ranker"


def test_a_claim_is_a_path_below_the_mount() -> None:
    place = translate("pvc://models/ranker/v2")

    assert place == MountPlace("models", "ranker/v2")
    assert str(place) == "pvc://models/ranker/v2"
    assert mount_path(place) == "/mnt/pvc/models/ranker/v2"
    assert mount_path(MountPlace("models", ""), Rule(mount_root="/srv/")) == "/srv/models"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "models/ranker",
        "gs://models/ranker",
        "S3://models/ranker",
        "s3:/models/ranker",
        "s3://models",
        "s3://models/",
        "s3:///ranker",
        "s3://Models/ranker",
        "s3://a/ranker",
        "s3://10.0.0.1/ranker",
        "s3://a..b/ranker",
        "s3://models/../ranker",
        "s3://models/./ranker",
        "s3://models/ranker\n",
        "s3://models/ranker?versionId=1",
        "s3://models/ranker#1",
        "hdfs://models",
        "hdfs:///user/ranker",
        "hdfs://name_node/user/ranker",
        "hdfs://c3/../ranker",
        "pvc:///ranker",
        "pvc://Models/ranker",
        "pvc://models/../other",
    ],
)
def test_what_leads_nowhere_is_refused_with_a_rule(uri: str) -> None:
    with pytest.raises(UsageError) as caught:
        translate(uri)

    assert caught.value.rule


@pytest.mark.parametrize(
    "uri", ["s3://key:pa55@models/x", "hdfs://me:pa55@c3/x", "pvc://pa55@models/x", "gs://pa55@b/x"]
)
def test_what_stands_before_an_at_is_never_shown(uri: str) -> None:
    with pytest.raises(UsageError) as caught:
        translate(uri)

    assert "pa55" not in str(caught.value)


@pytest.mark.parametrize("rows", ["models", "c3=", "c3=A", "c3=models/../x", "c3=models,,x"])
def test_a_table_that_cannot_be_meant_is_refused(rows: str) -> None:
    with pytest.raises(UsageError):
        read_rule(rows)


def test_an_authority_is_a_name_node_or_a_path() -> None:
    with pytest.raises(UsageError, match="can't be read so"):
        read_rule("", authority="host")


SEGMENT = st.text("abcXYZ09._-+ ü%", min_size=1, max_size=8).filter(lambda text: text not in (".", ".."))


@given(st.lists(SEGMENT, min_size=1, max_size=5), st.sampled_from(["s3://models/", "hdfs://c3:8020/"]))
def test_a_path_arrives_as_it_was_and_a_translated_uri_is_its_own_translation(path: list[str], head: str) -> None:
    place = translate(head + "/".join(path), TABLE)

    assert isinstance(place, StorePlace)
    assert place.prefix == "/".join(path)
    assert translate(str(place)) == place
    assert place.key("weights.bin") == f"{'/'.join(path)}/weights.bin"
