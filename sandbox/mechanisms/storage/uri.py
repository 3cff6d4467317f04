"""Where a storageUri's model is here: the one translator of hdfs://, s3:// and pvc://.

Comes in: a storageUri as it stands in an InferenceService, and a `Rule`; goes out: a `StorePlace` (bucket and prefix in
the object store that stands in for HDFS) or a `MountPlace` (a path below a mounted volume), or a UsageError. Called by
everything that uploads, downloads or mounts a model (`fixtures/object_store`, the model servers, the pipeline).

    s3://BUCKET/PREFIX        the bucket and prefix as they are
    hdfs://NAMENODE/PATH      bucket by the rule's table, else its `*` row, else NAMENODE without its port; prefix PATH
    hdfs:///PATH              the same with an empty NAMENODE: needs a row for it, or `*`
    pvc://CLAIM/PATH          MOUNT_ROOT/CLAIM/PATH; nothing is downloaded

A name node is a file system with a name space of its own, and so is a bucket: hence one bucket for each name node.

Mirrors kserve/kserve python/storage/kserve_storage/kserve_storage.py (main, 2026), where s3:// is read so and a pvc://
is mounted below /mnt/pvc. There hdfs:// names no name node (a Secret does) and its first segment is part of the path:
`Rule(authority="path")` reads it so. Leaves out webhdfs://, gs://, hf://, https://: nothing here stands in for those.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sandbox.errors import UsageError

MOUNT_ROOT = "/mnt/pvc"
ANY = "*"  # the row for a name node that has none

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, without its reserved prefixes
_BUCKET = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_CLAIM = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")  # a DNS subdomain, as Kubernetes names a claim
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class StorePlace:
    """A model in the object store: the objects below prefix."""

    bucket: str
    prefix: str

    def key(self, name: str) -> str:
        return f"{self.prefix}/{name}"

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


@dataclass(frozen=True, slots=True)
class MountPlace:
    """A model on a volume: a folder or a file below where the claim is mounted."""

    claim: str
    path: str

    def __str__(self) -> str:
        return f"pvc://{self.claim}/{self.path}"


Place: TypeAlias = StorePlace | MountPlace


@dataclass(frozen=True, slots=True)
class Rule:
    """How name nodes and claims are found here. rows: name node (or `*`, or "") → bucket, or bucket/prefix."""

    rows: tuple[tuple[str, str], ...] = ()
    authority: Literal["namenode", "path"] = "namenode"
    mount_root: str = MOUNT_ROOT

    def target(self, namenode: str) -> str:
        rows = dict(self.rows)
        host = namenode.rsplit(":", 1)[0]
        return rows.get(namenode) or rows.get(host) or rows.get(ANY) or host


DEFAULT_RULE = Rule()


def read_rule(rows: str, authority: str = "namenode", mount_root: str = MOUNT_ROOT) -> Rule:
    """A rule from text, as options and environment variables give it.

    >>> read_rule("c3:8020=models, *=archive/hdfs").rows
    (('c3:8020', 'models'), ('*', 'archive/hdfs'))
    """
    if authority not in ("namenode", "path"):
        raise UsageError("an hdfs:// URI can't be read so", value=authority, rule="namenode or path")
    pairs = []
    for row in filter(None, (part.strip() for part in rows.split(","))):
        name, equals, target = row.partition("=")
        bucket, _, prefix = target.strip().partition("/")
        if not equals or not _BUCKET.fullmatch(bucket):
            raise UsageError("a row of the HDFS table can't be read", value=row, rule="NAMENODE=BUCKET[/PREFIX], …")
        _segments(prefix.strip("/"), row)
        pairs.append((name.strip().lower(), target.strip().strip("/")))
    return Rule(tuple(pairs), "path" if authority == "path" else "namenode", mount_root)


def translate(uri: str, rule: Rule = DEFAULT_RULE) -> Place:
    """Where the model of a storageUri is.

    >>> str(translate("hdfs://c3:8020/user/ranker/v2", read_rule("c3=models")))
    's3://models/user/ranker/v2'
    >>> str(translate("hdfs://user/ranker/v2", read_rule("*=models", authority="path")))
    's3://models/user/ranker/v2'
    """
    scheme, colon, rest = uri.partition("://")
    if not colon or scheme not in ("s3", "hdfs", "pvc"):
        raise UsageError(
            "this storageUri is none that the object store stands in for",
            value=_harmless(uri),
            rule="s3://BUCKET/PREFIX, hdfs://NAMENODE/PATH or pvc://CLAIM/PATH",
        )
    authority, _, path = rest.partition("/")
    if "@" in authority:
        raise _refused(uri, "it names no user and no password: keys come from a Secret (AWS_ACCESS_KEY_ID, …)")
    path = "/".join(_segments(path, uri))
    if scheme == "pvc":
        return _mount(authority, path, uri)
    return _store(authority, path, uri) if scheme == "s3" else _hdfs(authority, path, uri, rule)


def mount_path(place: MountPlace, rule: Rule = DEFAULT_RULE) -> str:
    """Where a model on a volume is read.

    >>> mount_path(MountPlace("models", "ranker/v2"))
    '/mnt/pvc/models/ranker/v2'
    """
    return "/".join(part for part in (rule.mount_root.rstrip("/"), place.claim, place.path) if part)


def _hdfs(authority: str, path: str, uri: str, rule: Rule) -> StorePlace:
    if rule.authority == "path":
        authority, path = "", "/".join(part for part in (authority, path) if part)
    bucket, _, prefix = rule.target(authority.lower()).partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise _refused(
            uri, "its name node has a row in the HDFS table, or a name that a bucket may have (3 to 63 of a-z 0-9 . -)"
        )
    return _store(bucket, "/".join(part for part in (prefix, path) if part), uri)


def _store(bucket: str, prefix: str, uri: str) -> StorePlace:
    if not _BUCKET.fullmatch(bucket):
        raise _refused(uri, "a bucket's name has 3 to 63 of a-z 0-9 . -, begins and ends with a letter or digit")
    if not prefix:
        raise _refused(uri, "a model has a path of its own in its bucket")
    return StorePlace(bucket, prefix)


def _mount(claim: str, path: str, uri: str) -> MountPlace:
    if not _CLAIM.fullmatch(claim):
        raise _refused(uri, "pvc://CLAIM/PATH, where CLAIM is the name of a PersistentVolumeClaim")
    return MountPlace(claim, path)


def _segments(path: str, uri: str) -> list[str]:
    segments = [segment for segment in path.split("/") if segment]
    if any(segment in (".", "..") for segment in segments) or _CONTROL.search(path) or "?" in path or "#" in path:
        raise _refused(uri, "a path has no . or .. in it, no ? or #, and no control characters")
    return segments


def _refused(uri: str, rule: str) -> UsageError:
    return UsageError("this storageUri can't be translated", value=_harmless(uri), rule=rule)


def _harmless(uri: str) -> str:
    """The URI as a message may show it: without what stands before an @."""
    return re.sub(r"(^|//)[^/]*@", r"\1…@", uri)
