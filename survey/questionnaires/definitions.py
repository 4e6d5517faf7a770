"""What a form is once it has been read: fields, binds, texts, the body, actions, entity declarations.

Owns the shapes that `xform.py` fills and `engine.py` runs. Treat them as frozen: one `Form` is shared between
threads; what it keeps for speed (choices that never change) is filled in whole and gives the same to all.
https://getodk.github.io/xforms-spec/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from survey.questionnaires.dependencies import Computation, DependencyIndex
from survey.questionnaires.tree import Node
from survey.questionnaires.views import Choice
from survey.questionnaires.xpath import Expression, Path

FIRST_LOAD, LOAD = "odk-instance-first-load", "odk-instance-load"


NEW_REPEAT, VALUE_CHANGED = "odk-new-repeat", "xforms-value-changed"


Part = str | Expression


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A text to show: by language, by form (`""` plain, `guidance`, `image` …), its parts in order."""

    variants: Mapping[str, Mapping[str, tuple[Part, ...]]]
    default: str

    def parts(self, language: str, form: str = "") -> tuple[Part, ...]:
        """The parts in a language; where it has none, or only pyxform's “-”, those of the default language."""
        for name in (language, self.default, *self.variants):
            found = self.variants.get(name, {}).get(form)
            if found and found != ("-",):
                return found
        return ()

    def forms(self) -> frozenset[str]:
        """The forms there are in any language."""
        return frozenset(form for forms in self.variants.values() for form in forms)


@dataclass(slots=True, eq=False)
class Bind:
    """What is declared about a node."""

    type: str = "string"
    relevant: Expression | None = None
    required: Expression | None = None
    constraint: Expression | None = None
    calculate: Expression | None = None
    readonly: Expression | None = None
    constraint_message: Text | None = None
    required_message: Text | None = None
    saveto: str = ""
    preload: str = ""
    preload_params: str = ""
    extras: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Field:
    """A node of the primary instance, element or attribute; `lineage` runs from the root element to it."""

    path: Path
    local: str
    parent: Field | None
    attribute: bool = False
    prefix: str = ""
    namespace: str = ""
    acted_on: bool = False
    """Whether an action of the form sets it."""
    default: str = ""
    """What the form's instance holds here, for attributes."""
    children: list[Field] = field(default_factory=list)
    by_name: dict[str, Field] = field(default_factory=dict)
    bind: Bind = field(default_factory=Bind)
    repeat: Repeat | None = None
    template: Node | None = None
    question: Question | None = None
    lineage: tuple[Field, ...] = ()

    @property
    def ref(self) -> str:
        """The path as text, without positions."""
        return "/" + "/".join(self.path)

    @property
    def depth(self) -> int:
        """Number of names in the path."""
        return len(self.path)

    def subtree(self) -> Iterator[Field]:
        """This field and all below it, in order."""
        yield self
        for child in self.children:
            yield from child.subtree()


@dataclass(frozen=True, slots=True, eq=False)
class Itemset:
    """Choices from a node-set: `value` and `label` are seen from each item."""

    nodes: Expression
    value: Expression
    label: Expression | None
    itext_column: str
    """The child that holds the label's itext id, if that is where labels come from."""
    static: bool
    """Whether the choices cannot change while the form is filled in."""


@dataclass(frozen=True, slots=True, eq=False)
class FixedChoice:
    """One choice written in the control."""

    value: str
    label: Text | None


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A control for one node. `type` is in XLSForm's words, e.g. `integer`, `select_one`, `note`."""

    field: Field
    control: str
    type: str
    label: Text | None
    hint: Text | None
    appearance: str
    mediatype: str
    itemset: Itemset | None
    choices: tuple[FixedChoice, ...]
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """A group of the body; `field` is None where it is only for show."""

    field: Field | None
    label: Text | None
    hint: Text | None
    appearance: str
    children: tuple[BodyItem, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Repeat:
    """A repeat of the body."""

    field: Field
    label: Text | None
    appearance: str
    count: Expression | None
    fixed: bool
    children: tuple[BodyItem, ...]


BodyItem = Group | Repeat | Question


@dataclass(frozen=True, slots=True, eq=False)
class SetValue:
    """An action: set `target` to what `expression` gives, to a constant, or to where the device is (`place`).

    `chosen` picks the nodes where the reference has predicates.
    """

    target: Field
    chosen: Expression | None
    expression: Expression | None
    constant: str
    place: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class EntityDeclaration:
    """What answers write to a list: the entity element and the properties of its scope."""

    list_name: str
    field: Field
    properties: tuple[tuple[str, Field], ...]


@dataclass(slots=True, eq=False)
class Form:
    """The definition of a form; treat as frozen."""

    form_id: str
    version: str
    title: str
    languages: tuple[str, ...]
    default_language: str
    namespaces: Mapping[str, str]
    root: Field
    fields: Mapping[Path, Field]
    prototype: Node
    """The first instance: root element, `mark` of every node its field."""
    instances: Mapping[str, Node]
    """Secondary instances inside the form, by id."""
    externals: Mapping[str, str]
    """Secondary instances outside: id → name of the list or file."""
    sources: Mapping[str, str]
    """The file names of the same, by id."""
    itext: Mapping[str, Mapping[str, Node]]
    texts: Mapping[str, Text]
    body: tuple[BodyItem, ...]
    actions: Mapping[str, tuple[SetValue, ...]]
    """By event: first load, every load, new repeat."""
    triggers: Mapping[Path, tuple[SetValue, ...]]
    """By the path of the question whose change sets them off."""
    entities: tuple[EntityDeclaration, ...]
    index: DependencyIndex
    preloaded: tuple[Field, ...] = ()
    instance_id_field: Field | None = None
    text_parts: Mapping[int, tuple[Part, ...]] = field(default_factory=dict)
    """The parts of each itext value by `id()` of its node, for texts whose id is computed."""
    choice_cache: dict[tuple[int, str], tuple[Choice, ...]] = field(default_factory=dict)
    """Choices that never change, by question and language; filled as they are asked for."""
    _under: dict[Path, tuple[Computation, ...]] = field(default_factory=dict)

    def language(self, wanted: str) -> str:
        """The form's language for a code such as `zh`: same name, same code in brackets, or the default."""
        for name in self.languages:
            if name == wanted:
                return name
        for name in self.languages:
            if language_code(name).partition("-")[0] == wanted.partition("-")[0]:
                return name
        return self.default_language

    def computations_under(self, definition: Field) -> tuple[Computation, ...]:
        """The computations of a repeat's instances and of all in them, in order."""
        known = self._under.get(definition.path)
        if known is None:
            depth = definition.depth
            known = self._under[definition.path] = tuple(
                c
                for c in self.index.ordered
                if c.field.path[:depth] == definition.path
                and not (c.kind == "count" and c.field is definition)
            )
        return known

    def questions(self) -> Iterator[Question]:
        """Every question of the body in order."""
        for definition in self.fields.values():
            if definition.question is not None:
                yield definition.question


def language_code(name: str) -> str:
    """The code in the brackets of a language's name, or the name.

    >>> language_code("中文 (zh)"), language_code("en")
    ('zh', 'en')
    """
    found = re.search(r"\(([^()]+)\)\s*$", name)
    return (found[1] if found else name).strip().lower()
