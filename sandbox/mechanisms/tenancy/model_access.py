"""Which models a tenant may download: what the store's keys of its service account open.

Comes in: a model's storage URI, the Secrets of the service account that downloads it, and all Secrets of the cluster;
goes out: whether the store gives the model out. Called by the simulated world when a storage initializer starts.

The values of Secrets are never read, so a Secret says itself what its keys open, in an annotation:

    sandbox.dev/opens: s3://models/tenant-a/

A path that some Secret opens is closed to everybody else; what no Secret speaks of is open to all. A world with a real
store makes a user with a policy for these paths, and writes its keys into the Secret.

KServe (v0.20, pkg/credentials/service_account_credentials.go) hands the Secrets of a component's service account to
its storage initializer; a store answers 403 AccessDenied to keys that do not open a path (MinIO, S3).
"""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.manifests.objects import Secret

OPENS = "sandbox.dev/opens"
DENIED_STATUS, DENIED_REASON = 403, "AccessDenied"


def paths_of(secret: Secret) -> tuple[str, ...]:
    """The paths that a Secret's keys open, one a line or with commas between.

    >>> from sandbox.manifests.objects import Metadata
    >>> paths_of(Secret(metadata=Metadata(name="s", annotations={OPENS: "s3://m/a/, s3://m/shared/"})))
    ('s3://m/a/', 's3://m/shared/')
    """
    return tuple(secret.metadata.annotations.get(OPENS, "").replace(",", " ").split())


def may_download(uri: str, own: Iterable[Secret], everybodys: Iterable[Secret]) -> bool:
    """Whether the keys in `own` open the model at `uri`, given what the keys of all Secrets open."""
    return _opened(uri, own) or not _opened(uri, everybodys)


def denial(uri: str, user: str) -> str:
    """What the storage initializer logs.

    >>> denial("s3://models/b", "a/default")
    'storage-initializer: 403 AccessDenied: the keys of a/default do not open s3://models/b'
    """
    return f"storage-initializer: {DENIED_STATUS} {DENIED_REASON}: the keys of {user} do not open {uri}"


def _opened(uri: str, secrets: Iterable[Secret]) -> bool:
    """Paths end at a slash: s3://m/a does not open s3://m/ab."""
    return any(f"{uri}/".startswith(f"{path.rstrip('/')}/") for secret in secrets for path in paths_of(secret))
