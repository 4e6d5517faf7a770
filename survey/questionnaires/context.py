"""What a filling may know of the world: language, clock, zone, person, device, lists.

Owns `Context`, which the caller gives, and lists as node trees. The engine asks nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from survey.questionnaires.tree import ELEMENT, TEXT, Node

Items = Sequence[Mapping[str, str]]


class ListInstance:
    """An external list as a node tree, built once and shared: give it to many contexts."""

    __slots__ = ("node",)

    def __init__(self, items: Items) -> None:
        top = Node(ELEMENT, "instance")
        top.mark = "fixed"
        root = top.append(Node(ELEMENT, "root"))
        for item in items:
            row = root.append(Node(ELEMENT, "item"))
            for name, value in item.items():
                cell = row.append(Node(ELEMENT, name))
                if value:
                    cell.append(Node(TEXT, value=value))
        self.node = top


@dataclass(frozen=True)
class Context:
    """Everything an instance may know of the world around it.

    `place` gives the geopoint where the device is, empty where it cannot tell. `language` is a code or a language's full name; `lists` are the external instances and entity lists by
    name, each a sequence of flat items, or a `ListInstance` where the same list serves many instances.
    """

    language: str = "zh"
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    timezone: tzinfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    username: str = ""
    device_id: str = ""
    email: str = ""
    phone_number: str = ""
    place: Callable[[], str] = field(default=lambda: "")
    lists: Mapping[str, Items | ListInstance] = field(default_factory=dict)
