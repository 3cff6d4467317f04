"""The layers below the images: a static one (certificates and users, for Go programs) and one Debian.

Comes in: fixtures/images/packages.txt; goes out: two ingredients that the other modules name.
"""

from __future__ import annotations

from sandbox.kind.bundle.debian import debian_system, member
from sandbox.kind.bundle.layer import Entry, write_layer
from sandbox.kind.bundle.part import Category
from sandbox.kind.bundle.parts.source import Source
from sandbox.kind.bundle.recipe import Recipe, code
from sandbox.kind.bundle.workplace import Workplace

DEBIAN = "ingredient/debian"
STATIC = "ingredient/static"
NONROOT = "65532"  # Knative and KServe want a user that is a number and not 0

_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_USERS = b"root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"
_GROUPS = b"root:x:0:\nnonroot:x:65532:\n"


def recipes(source: Source) -> list[Recipe]:
    return [
        debian_system("debian", source.versions.debian("images"), source.packages("images")),
        Recipe(
            category=Category.INGREDIENT,
            name="static",
            suffix=".tar",
            version="1",
            source="certificates of Debian's ca-certificates, two users",
            make=_static,
            made_of={"code": code("parts/base", "layer")},
            inputs=(DEBIAN,),
        ),
    ]


def _static(place: Workplace) -> None:
    write_layer(
        place.output,
        [
            Entry("/etc/passwd", content=_USERS, mode=0o644),
            Entry("/etc/group", content=_GROUPS, mode=0o644),
            Entry("/etc/nsswitch.conf", content=b"hosts: files dns\n", mode=0o644),
            Entry(_CERTIFICATES, content=member(place.input(DEBIAN), _CERTIFICATES), mode=0o644),
            Entry("/tmp", mode=0o1777),
            Entry("/home/nonroot"),
        ],
    )
