"""YAML text as a tree whose every node knows its file, line and column.

Comes in: text or the bytes of a file; goes out: one `Node` per document. `reader.py` and `profile_file.py` call it.
Refused with the place, before anything is built from it: text that is not UTF-8 or not YAML, tabs as indentation,
a key written twice in a mapping, nesting or aliases without a reasonable end. Aliases share nodes, so a bomb costs
nothing to detect; it would cost everything to materialise.

Tighter than kubectl in one point: there a key written twice silently wins over the first.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.errors import Location, UsageError
from sandbox.manifests.scalars import Scalar, resolve_plain

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 100
MAX_ALIASED_NODES = 200_000
_TAG = "tag:yaml.org,2002:"

Event = Any  # one of ruamel.yaml.events, imported only when something is parsed


@dataclass(slots=True, eq=False)
class Node:
    """One value. `value` is a scalar, a list of nodes or a dict of nodes; `text` a scalar as it was written."""

    value: Scalar | list[Node] | dict[str, Node]
    at: Location
    text: str | None = None
    quoted: bool = False
    keys_at: Mapping[str, Location] = field(default_factory=dict)

    def json(self) -> Any:
        """The plain value: what kubectl would send."""
        if isinstance(self.value, dict):
            return {key: child.json() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.json() for child in self.value]
        return self.value


def plain_node(value: Any, at: Location) -> Node:
    """A tree over a plain value (dict, list, scalar), everything standing at one place."""
    if isinstance(value, Mapping):
        return Node({str(key): plain_node(child, at) for key, child in value.items()}, at)
    if isinstance(value, list | tuple):
        return Node([plain_node(child, at) for child in value], at)
    if value is None or isinstance(value, str | int | float | bool):
        text = value if isinstance(value, str) else None
        return Node(value, at, text=text, quoted=isinstance(value, str))
    raise UsageError(
        "this is no value that a manifest can hold",
        where=at,
        value=value,
        rule="text, numbers, booleans, None, lists and dicts of these",
    )


def locate(node: Node, path: tuple[str | int, ...]) -> Location:
    """Where a path of keys and indices stands: as deep as the tree goes."""
    return _deepest(node, path).at


def locate_key(node: Node, path: tuple[str | int, ...]) -> Location:
    """Where the last key of a path stands: what to point at if not its value but its being there matters."""
    *above, last = path
    return _deepest(node, above).keys_at.get(str(last)) or locate(node, path)


def _deepest(node: Node, path: Iterable[str | int]) -> Node:
    for step in path:
        value, found = node.value, None
        if isinstance(value, dict) and isinstance(step, str):
            found = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            found = value[step]
        if found is None:
            break
        node = found
    return node


def load_documents(data: bytes | str, file: str) -> list[Node]:
    """All documents of a file; empty ones (nothing between two ---) are left out."""
    text = data if isinstance(data, str) else _decoded(data, file)
    return [node for node in _Composer(text, file).documents() if node.value is not None]


def refuse_large(size: int, file: str) -> None:
    """Refuse a file by its size, before it is read or parsed."""
    if size > MAX_BYTES:
        raise UsageError(
            "the file is too large",
            where=Location(file),
            value=f"{size} bytes",
            rule=f"manifests are at most {MAX_BYTES} bytes (8 MiB); a cluster itself takes objects of 1.5 MiB",
            next_step="split the file, or check whether it is a manifest at all",
        )


def _decoded(data: bytes, file: str) -> str:
    refuse_large(len(data), file)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line_start = before.rfind(b"\n") + 1
        raise UsageError(
            "the file is not UTF-8 text",
            where=Location(file, before.count(b"\n") + 1, len(before[line_start:].decode("utf-8", "replace")) + 1),
            value=f"byte 0x{data[error.start]:02x}",
            rule="manifests are YAML or JSON in UTF-8",
            next_step="check that this is a manifest and not a binary file",
        ) from None


@dataclass(frozen=True, slots=True)
class _Built:
    """A node with what it would cost to expand it."""

    node: Node
    size: int
    height: int


class _Composer:
    """Builds nodes from the parser's events, which carry the marks, the quotes and the explicit tags."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.anchors: dict[str, _Built | None] = {}  # None: still being built
        self.aliased = 0

    def documents(self) -> Iterator[Node]:
        from ruamel.yaml import events as kinds

        events = self._events()
        for event in events:
            if isinstance(event, kinds.DocumentStartEvent):
                self.anchors, self.aliased = {}, 0
                yield self._node(next(events), events, 0).node

    def _events(self) -> Iterator[Event]:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError
        from ruamel.yaml.reader import ReaderError

        try:
            yield from YAML(typ="safe", pure=True).parse(self.text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise self._malformed(str(error.problem or error.context), mark.line, mark.column) from None
        except ReaderError as error:
            before = self.text[: error.position]
            raise self._malformed(
                f"a character that YAML does not allow (U+{_code_point(error.character):04X})",
                before.count("\n"),
                error.position - (before.rfind("\n") + 1),
            ) from None

    def _malformed(self, problem: str, line: int, column: int) -> UsageError:
        lines = self.text.split("\n")
        written = lines[line].rstrip("\r") if line < len(lines) else ""
        at_tab = written[column : column + 1] == "\t"
        return UsageError(
            f"not YAML: {problem}",
            where=Location(self.file, line + 1, column + 1),
            value=written or None,
            rule="YAML is indented with spaces, never with tabs" if at_tab else "the file must be YAML (or JSON)",
            next_step="replace the tab by spaces" if at_tab else "correct this line, or the one it continues",
        )

    def _at(self, event: Event) -> Location:
        mark = event.start_mark
        return Location(self.file, mark.line + 1, mark.column + 1)

    def _node(self, event: Event, events: Iterator[Event], depth: int) -> _Built:
        from ruamel.yaml import events as kinds

        if isinstance(event, kinds.AliasEvent):
            return self._alias(event, depth)
        anchor = event.anchor
        if anchor:
            self.anchors[anchor] = None
        if isinstance(event, kinds.ScalarEvent):
            built = _Built(self._scalar(event), 1, 1)
        elif depth >= MAX_DEPTH:
            raise self._too_deep(event)
        elif isinstance(event, kinds.SequenceStartEvent):
            built = self._sequence(event, events, depth)
        else:
            built = self._mapping(event, events, depth)
        if anchor:
            self.anchors[anchor] = built
        return built

    def _too_deep(self, event: Event) -> UsageError:
        return UsageError(
            "nested too deep", where=self._at(event), rule=f"manifests nest at most {MAX_DEPTH} levels deep"
        )

    def _alias(self, event: Event, depth: int) -> _Built:
        name = event.anchor
        if name not in self.anchors:
            raise UsageError(
                f"there is no anchor &{name} before this alias",
                where=self._at(event),
                value=f"*{name}",
                rule="an alias repeats a node that was anchored before it in the same document",
                next_step='quote the text if a plain "*" was meant',
            )
        built = self.anchors[name]
        if built is None:
            raise UsageError(
                f"the anchor &{name} contains itself",
                where=self._at(event),
                value=f"*{name}",
                rule="aliases must come to an end",
            )
        self.aliased += built.size
        if self.aliased > MAX_ALIASED_NODES:
            raise UsageError(
                "aliases expand to too many nodes",
                where=self._at(event),
                value=f"*{name}",
                rule=f"the aliases of a document repeat at most {MAX_ALIASED_NODES} nodes",
                next_step="write the values out",
            )
        if depth + built.height > MAX_DEPTH:
            raise self._too_deep(event)
        return built

    def _sequence(self, event: Event, events: Iterator[Event], depth: int) -> _Built:
        from ruamel.yaml.events import SequenceEndEvent

        children: list[_Built] = []
        for inner in events:
            if isinstance(inner, SequenceEndEvent):
                break
            children.append(self._node(inner, events, depth + 1))
        node = Node([child.node for child in children], self._at(event))
        return _Built(node, _size(children), _height(children))

    def _mapping(self, event: Event, events: Iterator[Event], depth: int) -> _Built:
        from ruamel.yaml.events import MappingEndEvent

        own: dict[str, Node] = {}
        keys_at: dict[str, Location] = {}
        merged: list[Node] = []
        children: list[_Built] = []
        for inner in events:
            if isinstance(inner, MappingEndEvent):
                break
            key = self._node(inner, events, depth + 1)
            child = self._node(next(events), events, depth + 1)
            children += [key, child]
            name = self._key(key.node)
            if name == "<<" and not key.node.quoted:
                merged += self._merge_sources(child.node)
                continue
            if name in own:
                raise UsageError(
                    f"the key {name!r} is written twice",
                    where=key.node.at,
                    value=name,
                    rule=f"a key stands once in a mapping; the first is at {keys_at[name]}",
                    next_step="remove one of the two",
                )
            own[name] = child.node
            keys_at[name] = key.node.at
        value = dict(own)
        for source in merged:
            assert isinstance(source.value, dict)
            for name, node in source.value.items():
                value.setdefault(name, node)
                keys_at.setdefault(name, node.at)
        return _Built(Node(value, self._at(event), keys_at=keys_at), _size(children), _height(children))

    def _merge_sources(self, node: Node) -> list[Node]:
        sources = node.value if isinstance(node.value, list) else [node]
        for source in sources:
            if not isinstance(source.value, dict):
                raise UsageError(
                    "a merge key needs a mapping",
                    where=source.at,
                    value=source.text,
                    rule="<<: takes an alias of a mapping, or a list of such",
                )
        return sources

    def _key(self, node: Node) -> str:
        """Keys are text; numbers and booleans become text as they do on their way to JSON."""
        value = node.value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            return value
        if isinstance(value, int | float):
            return str(value)
        raise UsageError(
            "this cannot be a key",
            where=node.at,
            value=node.text,
            rule="keys of a mapping are text",
            next_step="quote it",
        )

    def _scalar(self, event: Event) -> Node:
        at = self._at(event)
        text: str = event.value
        plain, tag = event.style is None, event.tag or ""
        value: Scalar = text
        if tag in ("", "!") or not tag.startswith(_TAG):
            value = resolve_plain(text) if plain and not tag else text
        else:
            value = self._tagged(tag.removeprefix(_TAG), text, at)
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(
                "this number cannot be sent", where=at, value=text, rule="JSON has neither infinity nor NaN"
            )
        return Node(value, at, text=text, quoted=not plain or (isinstance(value, str) and bool(tag)))

    def _tagged(self, tag: str, text: str, at: Location) -> Scalar:
        if tag == "binary":
            try:
                return base64.b64decode(text, validate=False).decode("utf-8", "replace")
            except (binascii.Error, ValueError):
                raise UsageError("!!binary needs base64", where=at, value=text) from None
        if tag not in ("int", "float", "bool", "null"):
            return text
        value = resolve_plain(text)
        kinds: dict[str, type | tuple[type, ...]] = {
            "int": int,
            "float": (int, float),
            "bool": bool,
            "null": type(None),
        }
        if not isinstance(value, kinds[tag]) or (tag in ("int", "float") and isinstance(value, bool)):
            raise UsageError(f"this is not a !!{tag}", where=at, value=text, rule="the tag says what the value must be")
        return value


def _size(children: list[_Built]) -> int:
    return 1 + sum(child.size for child in children)


def _height(children: list[_Built]) -> int:
    return 1 + max((child.height for child in children), default=0)


def _code_point(character: object) -> int:
    return character if isinstance(character, int) else ord(str(character)[:1] or "\0")
