"""What a questionnaire looks like at one moment: plain frozen values for whoever draws or reports it.

Owns the shapes the engine hands out: items of the body, choices, mistakes in answers, entity rows. It computes
nothing. `ref` is always a path with 1-based positions at repeats, such as `/data/member[2]/name`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice: the value that is stored and what is shown; `media` by kind (image, audio …)."""

    value: str
    label: str
    media: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QuestionView:
    """A question. `type` is in XLSForm's words (`integer`, `select_one`, `note` …), `data_type` the bind's.

    `error` says what is wrong with a value that is there; that a required one is missing only `errors()` says.
    """

    ref: str
    name: str
    control: str
    type: str
    data_type: str
    label: str
    hint: str
    guidance: str
    appearance: str
    mediatype: str
    value: str
    required: bool
    readonly: bool
    choices: tuple[Choice, ...]
    error: str | None
    parameters: Mapping[str, str]
    media: Mapping[str, str]

    def bound(self, name: str) -> float | None:
        """`start`, `end` or `step` of a range."""
        text = self.parameters.get(name, "")
        return float(text) if text else None


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group that is relevant; `ref` is empty for one that is only for show."""

    ref: str
    label: str
    hint: str
    appearance: str
    children: tuple[ItemView, ...]


@dataclass(frozen=True, slots=True)
class RepeatInstanceView:
    """One instance of a repeat; `label` is that of its first group, empty if it has none.

    A folded one has no children, but its first answers as they read: `summary`.
    """

    ref: str
    position: int
    label: str
    children: tuple[ItemView, ...]
    folded: bool = False
    summary: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RepeatView:
    """A repeat; `fixed_count`: the form decides how many instances there are. `ref` has no own position."""

    ref: str
    label: str
    appearance: str
    fixed_count: bool
    instances: tuple[RepeatInstanceView, ...]


ItemView = GroupView | RepeatView | QuestionView


@dataclass(frozen=True, slots=True)
class AnswerError:
    """One mistake: `kind` is required, constraint, type or choice; `message` in the language in use."""

    ref: str
    kind: str
    message: str
    label: str


@dataclass(frozen=True, slots=True)
class EntityRow:
    """What the answers write to a list. `action` is create or update; properties by name as text.

    `ref` is the node whose entity it is: the form, a group or a repeat instance, then with `repeat_position`.
    """

    list_name: str
    action: str
    entity_id: str
    label: str
    properties: Mapping[str, str]
    base_version: str
    ref: str
    repeat_position: int | None
