"""Typed reading of a node tree, for decoders: what is asked for is checked, what is not asked for is noted.

Comes in: a `Node`; goes out: Python values, or a UsageError with the place, the field's path, what was found and
what was expected. `Fields.rest()` notes every field that no decoder asked for as "not modelled", once per path.
A field that is null counts as absent, as it does for the API server.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from sandbox.errors import Location, UsageError
from sandbox.manifests.names import did_you_mean
from sandbox.manifests.tree import Node

T = TypeVar("T")

INT32_MAX = (1 << 31) - 1
INT64_MAX = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Warning_:
    """Something accepted that does not do what one may think."""

    message: str
    at: Location | None = None

    def __str__(self) -> str:
        return f"{self.at}: {self.message}" if self.at else self.message


@dataclass(slots=True)
class Log:
    """Warnings of one read, each said once."""

    warnings: list[Warning_] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    def warn(self, message: str, at: Location | None, once: str = "") -> None:
        """`once`: what makes two warnings the same; by default the place and the text."""
        key = once or f"{at}: {message}"
        if key not in self._seen:
            self._seen.add(key)
            self.warnings.append(Warning_(message, at))


@dataclass(frozen=True, slots=True)
class Field:
    """One present value: its node, its path in the object, and the object's kind for messages."""

    node: Node
    path: str
    kind: str
    log: Log

    def refuse(self, what: str, rule: str, next_step: str | None = None, value: object = None) -> UsageError:
        """An error at this value; shows the value as it was written."""
        shown = _written(self.node) if value is None else value
        return UsageError(
            f"{self.kind}: {self.path} {what}", where=self.node.at, value=shown, rule=rule, next_step=next_step
        )

    def wrong_type(self, expected: str, next_step: str | None = None) -> UsageError:
        found = _found(self.node)
        return self.refuse(f"must be {expected}, found {found}", f"{self.path} is {expected}", next_step)

    def text(self, next_step: str | None = None) -> str:
        """Text; a number or boolean that lacks its quotes is refused with the hint to quote it."""
        if isinstance(self.node.value, str):
            return self.node.value
        hint = next_step
        if hint is None and isinstance(self.node.value, bool | int | float):
            hint = f'quote it: "{self.node.text if self.node.text is not None else _written(self.node)}"'
        raise self.wrong_type("text", hint)

    def integer(self, least: int | None = None, most: int | None = None, rule: str = "") -> int:
        """A whole number between two bounds."""
        value = self.node.value
        if isinstance(value, bool) or not isinstance(value, int):
            unquote = "write it without quotes" if isinstance(value, str) and value.isdigit() else None
            raise self.wrong_type("a whole number", unquote)
        limit = most if most is not None else INT64_MAX
        if value > limit or (least is not None and value < least) or value < -INT64_MAX:
            raise self.refuse("is out of range", rule or _range(least, most))
        return value

    def flag(self) -> bool:
        if isinstance(self.node.value, bool):
            return self.node.value
        raise self.wrong_type("true or false")

    def mapping(self) -> Fields:
        if not isinstance(self.node.value, dict):
            raise self.wrong_type("a mapping")
        return Fields(self, self.node.value)

    def items(self) -> list[Field]:
        if not isinstance(self.node.value, list):
            raise self.wrong_type("a list", "put a '- ' before each entry")
        return [Field(one, f"{self.path}[{i}]", self.kind, self.log) for i, one in enumerate(self.node.value)]

    def strings(self) -> dict[str, str]:
        """A mapping of text to text: labels, annotations, data."""
        if not isinstance(self.node.value, dict):
            raise self.wrong_type("a mapping of text to text")
        path = self.path
        return {
            key: Field(one, f"{path}[{key}]", self.kind, self.log).text()
            for key, one in self.node.value.items()
            if one.value is not None
        }


class Fields:
    """The fields of one mapping, read one by one."""

    def __init__(self, own: Field, nodes: Mapping[str, Node]) -> None:
        self.own = own
        self.nodes = nodes
        self._read: set[str] = set()

    def field(self, name: str) -> Field | None:
        """A field, or None when it is absent or null."""
        self._read.add(name)
        node = self.nodes.get(name)
        if node is None or node.value is None:
            return None
        return Field(node, _join(self.own.path, name), self.own.kind, self.own.log)

    def need(self, name: str, why: str = "") -> Field:
        found = self.field(name)
        if found is None:
            path = _join(self.own.path, name)
            close = did_you_mean(name, self.nodes)
            raise UsageError(
                f"{self.own.kind}: {path} is missing",
                where=self.nodes[name].at if name in self.nodes else self.own.node.at,
                value=f"found {', '.join(self.nodes) or 'nothing'}{close}",
                rule=why or f"{path} is required",
                next_step=f"add {path}",
            )
        return found

    def text(self, name: str, default: str = "") -> str:
        found = self.field(name)
        return default if found is None else found.text()

    def one_of(self, name: str, allowed: Collection[str], default: str) -> str:
        found = self.field(name)
        if found is None:
            return default
        text = found.text()
        if text not in allowed:
            close = did_you_mean(text, allowed)
            raise found.refuse(f"is not known{close}", f"one of {', '.join(sorted(allowed))}")
        return text

    def integer(self, name: str, least: int | None = None, most: int | None = None, rule: str = "") -> int | None:
        found = self.field(name)
        return None if found is None else found.integer(least, most, rule)

    def flag(self, name: str) -> bool | None:
        found = self.field(name)
        return None if found is None else found.flag()

    def strings(self, name: str) -> dict[str, str]:
        found = self.field(name)
        return {} if found is None else found.strings()

    def items(self, name: str) -> list[Field]:
        found = self.field(name)
        return [] if found is None else found.items()

    def mapping(self, name: str) -> Fields | None:
        found = self.field(name)
        return None if found is None else found.mapping()

    def skip(self, *names: str) -> None:
        """Fields that are understood and rightly change nothing here."""
        self._read.update(names)

    def only(self, *known: str) -> None:
        """Refuse any other field: for formats that are the sandbox's own."""
        for name, node in self.nodes.items():
            if name not in known:
                path = _join(self.own.path, name)
                raise UsageError(
                    f"{self.own.kind}: {path} is not known{did_you_mean(name, known)}",
                    where=self.own.node.keys_at.get(name, node.at),
                    value=name,
                    rule=f"one of {', '.join(known)}",
                )

    def rest(self) -> None:
        """Note what was not asked for. Call it last."""
        for name, node in self.nodes.items():
            if name in self._read:
                continue
            path = _join(self.own.path, name)
            general = _without_indices(path)
            close = did_you_mean(name, self._read)
            self.own.log.warn(
                f"{self.own.kind}: {general} is not modelled{close}",
                self.own.node.keys_at.get(name, node.at),
                once=f"not modelled {self.own.kind} {general}",
            )


def document_field(node: Node, kind: str, log: Log) -> Field:
    """The document as a whole."""
    return Field(node, "", kind, log)


def _join(path: str, name: str) -> str:
    """Keys that hold dots, such as annotations, stand in brackets: labels[app.kubernetes.io/name]."""
    if not path:
        return name
    return f"{path}[{name}]" if "." in name or "/" in name else f"{path}.{name}"


def _found(node: Node) -> str:
    value = node.value
    if isinstance(value, str):
        return f"the text {_short(value)!r}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {node.text or value}"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else "nothing"


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "…"


def _written(node: Node) -> object:
    if node.text is not None:
        return node.text
    if isinstance(node.value, dict):
        return "{" + ", ".join(node.value) + "}"
    if isinstance(node.value, list):
        return f"a list of {len(node.value)}"
    return node.value


def _range(least: int | None, most: int | None) -> str:
    if least is not None and most is not None and most < INT32_MAX:
        return f"a whole number from {least} to {most}"
    if least is not None:
        return f"a whole number of at least {least}"
    return f"a whole number of at most {most if most is not None else INT64_MAX}"


def _without_indices(path: str) -> str:
    return re.sub(r"\[[0-9]+\]", "[]", path)
