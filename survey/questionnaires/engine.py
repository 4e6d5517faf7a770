"""Runs a questionnaire: answers in, what is shown, what is wrong and what is written out.

Owns one filling of a form: its nodes, the recomputation that follows every change, the checks and the XML. The
same engine draws the form and checks a submission. Pure: no clock, user, list or language but those of its
`Context`; no Streamlit, no database. One `Instance` belongs to one thread, its `Form` may be shared.
Refuses by Problem what is no filling of this form; a wrong answer is no Problem but an `AnswerError`.
https://getodk.github.io/xforms-spec/, https://getodk.github.io/xforms-spec/entities
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from survey.problems import Problem
from survey.questionnaires.answers import is_value
from survey.questionnaires.context import Context, Items, ListInstance
from survey.questionnaires.definitions import (
    FIRST_LOAD,
    LOAD,
    BodyItem,
    Field,
    Form,
    Group,
    Question,
    Repeat,
    Text,
    language_code,
)
from survey.questionnaires.messages import message
from survey.questionnaires.received import received_nodes
from survey.questionnaires.recomputation import MAX_REPEAT_INSTANCES, Filling, clone, nodes_of
from survey.questionnaires.tree import ELEMENT, ROOT, Node, parse, serialise, writable
from survey.questionnaires.views import (
    AnswerError,
    Choice,
    EntityRow,
    GroupView,
    ItemView,
    QuestionView,
    RepeatInstanceView,
    RepeatView,
)
from survey.questionnaires.xpath import Environment, Expression, Moment, Value, XPathError
from survey.questionnaires.xpath_values import to_boolean, to_text

_SELECTS: Final = frozenset({"select", "select1", "rank"})
_TOLD: Final = frozenset(
    {"text", "integer", "decimal", "select_one", "select_multiple", "range", "date", "time"}
)
SUMMARY_ANSWERS: Final = 3
"""How many answers stand for a folded instance of a repeat."""

Unfolded = Callable[[Repeat, str, Sequence[int]], Collection[int]]


class _FormEnvironment(Environment):
    """What the expressions of one instance may ask for."""

    def __init__(self, owner: Instance) -> None:
        self.owner = owner
        self.timezone = owner.context.timezone
        self.language = language_code(owner.language or owner.context.language)
        self.lists: dict[str, Node | None] = {}

    def now(self) -> datetime:
        return self.owner.context.now()

    def instance(self, name: str) -> Node | None:
        form = self.owner.form
        inner = form.instances.get(name)
        if inner is not None:
            return inner
        if name not in self.lists:
            lists = self.owner.context.lists
            items = lists.get(name)
            if items is None:
                items = lists.get(form.externals.get(name, ""))
            if items is not None and not isinstance(items, ListInstance):
                items = ListInstance(items)
            self.lists[name] = None if items is None else items.node
        return self.lists[name]

    def itext(self, identifier: str) -> list[Node]:
        form = self.owner.form
        for language in (self.owner.language, form.default_language):
            found = form.itext.get(language, {}).get(identifier)
            if found is not None:
                return found.elements("value")
        return []

    def choice_name(self, value: str, path: str, node: Node) -> str:
        return self.owner.choice_label(value, path, node)


class Instance(Filling):
    """One filling of a form. Make it with `new` or `load`."""

    def __init__(self, form: Form, context: Context, data: Node) -> None:
        self._choices: dict[int, tuple[Choice, ...]] = {}
        self._fallback_id = ""
        self._unfolded: Unfolded | None = None
        super().__init__(form, context, data)

    def _environment(self) -> Environment:
        return _FormEnvironment(self)

    # -- making --------------------------------------------------------------------------------------

    @classmethod
    def new(
        cls,
        form: Form,
        context: Context,
        *,
        instance_id: str | None = None,
        prefill: Mapping[str, str] | None = None,
    ) -> Instance:
        """Open the form. `prefill` gives values by path below the root, in force before dynamic defaults."""
        self = cls(form, context, clone(form.prototype))
        for path, value in (prefill or {}).items():
            self._find(f"/{form.root.local}/{path.strip('/')}").set_text(value)
        self._preload(instance_id)
        self._compute_all(keep_volatile=False)
        for definition in form.fields.values():
            repeat = definition.repeat
            if repeat is not None and repeat.fixed and repeat.count is None and definition.parent is not None:
                for holder in self._targets(self.data, 1, definition.parent):
                    if not nodes_of(holder, definition):
                        self._add(holder, definition)
        self._dispatch(FIRST_LOAD, LOAD)
        return self

    @classmethod
    def load(cls, form: Form, xml: str | bytes | Node, context: Context) -> Instance:
        """Read a filling of this form, as saved or as received (text, or parsed), and compute everything again.

        Calculations replace what was sent, but those that ask the clock or chance keep a value they have. What
        happens only when a form is first opened does not happen again. Raises Problem for XML that is malformed,
        of another form or version, or that has an element the form does not have, each named.
        """
        document = xml if isinstance(xml, Node) else parse(xml)
        top = document.elements()[0]
        if top.local != form.root.local or (top.get("id") or top.namespace) != form.form_id:
            raise Problem("questionnaire.other_form", expected=form.form_id, found=top.get("id") or top.local)
        if top.get("version") != form.version:
            raise Problem("questionnaire.other_version", expected=form.version, found=top.get("version"))
        self = cls(form, context, received_nodes(top, form.root))
        self._compute_all(keep_volatile=True)
        self._dispatch(LOAD)
        return self

    def _preload(self, instance_id: str | None) -> None:
        now = self.context.now()
        stamp = Moment(math.floor(now.timestamp() * 1000), self.context.timezone, exact=True)
        local = now.astimezone(self.context.timezone)
        values = {
            ("uid", ""): f"uuid:{uuid.uuid4()}",
            ("timestamp", "start"): stamp.text(),
            ("date", "today"): local.date().isoformat(),
            ("property", "username"): self.context.username,
            ("property", "deviceid"): self.context.device_id,
            ("property", "email"): self.context.email,
            ("property", "phone number"): self.context.phone_number,
            ("property", "phonenumber"): self.context.phone_number,
        }
        for definition in self.form.preloaded:
            value = values.get((definition.bind.preload, definition.bind.preload_params.strip()))
            if value:
                for node in self._targets(self.data, 1, definition):
                    node.set_text(value)
        meta = self._instance_id_node()
        if meta is None:
            self._fallback_id = instance_id or values["uid", ""]
        elif instance_id is not None or (not meta.text() and meta.mark.bind.calculate is None):
            meta.set_text(instance_id or values["uid", ""])

    def _instance_id_node(self) -> Node | None:
        definition = self.form.instance_id_field
        found = self._targets(self.data, 1, definition) if definition is not None else []
        return found[0] if found else None

    @property
    def instance_id(self) -> str:
        """`uuid:…` as in meta/instanceID; empty if a received filling has none."""
        node = self._instance_id_node()
        return node.text() if node is not None else self._fallback_id

    # -- answering -----------------------------------------------------------------------------------

    def value(self, ref: str) -> str:
        """The value at a reference; empty where it is not relevant."""
        node = self._find(ref)
        return node.text() if self._visible(node) else ""

    def accepted_value(self, ref: str) -> str:
        """The value at a reference as its type takes it.

        Whole for an integer, in the order of the choices for a selection, for a rank in the order given with what
        has become a choice since at the end, empty for what is no such value.
        """
        node = self._find(ref)
        kind = node.mark.bind.type
        text = self.value(ref)
        question: Question | None = node.mark.question
        if question is not None and question.control in ("select", "select1"):
            chosen = {text} if question.control == "select1" else set(text.split())
            return " ".join(c.value for c in self._choices_of(question, node) if c.value in chosen)
        if question is not None and question.control == "rank":
            return " ".join(_ranked(text.split(), [c.value for c in self._choices_of(question, node)]))
        if kind == "int" and is_value(text, "decimal"):
            text = str(math.trunc(float(text)))
        return text if text and is_value(text, kind) else ""

    def data_type(self, ref: str) -> str:
        """The type of the bind at a reference, e.g. `int`."""
        kind: str = self._find(ref).mark.bind.type
        return kind

    def is_relevant(self, ref: str) -> bool:
        """Whether a node and all above it are relevant."""
        return self._visible(self._find(ref))

    def is_readonly(self, ref: str) -> bool:
        """Whether a node or one above it cannot be changed now, because the form says so."""
        return self._is_readonly(self._find(ref))

    def repeat_count(self, ref: str) -> int:
        """How many instances the repeat at a reference without own position has."""
        holder, definition, _ = self._repeat(ref)
        return len(nodes_of(holder, definition))

    def would_accept(self, ref: str, value: str) -> bool:
        """Whether a value would be right for the question at a reference, all else as it is."""
        node = self._find(ref)
        question: Question | None = node.mark.question
        if question is None or not writable(value):
            return False
        before = node.text()
        node.set_text(value)
        try:
            return not value or self._mistake(question, node, value) is None
        finally:
            node.set_text(before)

    def values_at(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """The values of every node of a path, empty ones and those that are not relevant too."""
        definition = self.form.fields.get(path)
        if definition is None:
            return ()
        return tuple(node.text() for node in self._targets(self.data, 1, definition))

    def answer(self, ref: str, value: str) -> None:
        """Set an answer and recompute what depends on it. A wrong value is kept: `errors()` tells.

        Raises Problem `questionnaire.unknown_question`, `questionnaire.readonly` (calculated ones too) or
        `questionnaire.unwritable_text` for characters XML cannot hold.
        """
        node = self._find(ref)
        definition: Field = node.mark
        if (
            definition.children
            and not definition.attribute
            and any(not c.attribute for c in definition.children)
        ):
            raise Problem("questionnaire.unknown_question", ref=ref)
        if definition.attribute or definition.bind.calculate is not None or self._is_readonly(node):
            raise Problem("questionnaire.readonly", ref=ref)
        value = value.replace("\r\n", "\n").replace("\r", "\n")
        if not writable(value):
            raise Problem("questionnaire.unwritable_text", ref=ref)
        self._set(node, value)
        self._run()

    def add_repeat(self, ref: str) -> str:
        """Add an instance at the end of a repeat and return its reference.

        Raises Problem `questionnaire.not_a_repeat`, `questionnaire.fixed_repeat`, `questionnaire.too_many_repeats`.
        """
        holder, definition, repeat = self._repeat(ref)
        if repeat.fixed:
            raise Problem("questionnaire.fixed_repeat", ref=ref)
        if len(nodes_of(holder, definition)) >= MAX_REPEAT_INSTANCES:
            raise Problem("questionnaire.too_many_repeats", ref=ref, limit=MAX_REPEAT_INSTANCES)
        node = self._add(holder, definition)
        self._run()
        return self.ref_of(node)

    def remove_repeat(self, ref: str) -> None:
        """Remove one instance of a repeat with its answers."""
        node = self._find(ref)
        repeat: Repeat | None = node.mark.repeat
        if repeat is None or node.parent is None:
            raise Problem("questionnaire.not_a_repeat", ref=ref)
        if repeat.fixed:
            raise Problem("questionnaire.fixed_repeat", ref=ref)
        self._remove(node)
        self._run()

    def _repeat(self, ref: str) -> tuple[Node, Field, Repeat]:
        """The node that holds a repeat's instances, and the repeat, from the repeat's reference."""
        above, _, name = ref.strip("/").rpartition("/")
        holder = self._find(f"/{above}") if above else self.data
        definition = holder.mark.by_name.get(name.partition("[")[0])
        if definition is None or definition.repeat is None:
            raise Problem("questionnaire.not_a_repeat", ref=ref)
        return holder, definition, definition.repeat

    # -- showing -------------------------------------------------------------------------------------

    def speak(self, language: str) -> None:
        """Go on in another of the form's languages, named by its code or in full."""
        wanted = self.form.language(language)
        if wanted != self.language:
            self.language = wanted
            self._choices.clear()
            self._scope.environment.language = language_code(wanted or self.context.language)

    def _render(self, text: Text | None, node: Node, form: str = "") -> str:
        if text is None:
            return ""
        parts = text.parts(self.language, form)
        if len(parts) == 1 and isinstance(parts[0], str):
            return parts[0]
        return "".join(
            p if isinstance(p, str) else self._shown(self._evaluate(p, node), node) for p in parts
        ).strip()

    def _shown(self, value: Value, node: Node) -> str:
        """The text of a value in a label; of several itext values the plain one, with the answers it names."""
        if not isinstance(value, list) or not value:
            return to_text(value)
        chosen = next((n for n in value if n.local == "value" and not n.has("form")), value[0])
        parts = self.form.text_parts.get(id(chosen))
        if parts is None:
            return value[0].text() if len(value) == 1 else chosen.text()
        return "".join(p if isinstance(p, str) else to_text(self._evaluate(p, node)) for p in parts)

    def _media(self, text: Text | None, node: Node) -> dict[str, str]:
        if text is None:
            return {}
        media = {
            form: self._render(text, node, form) for form in text.forms() if form not in ("", "guidance")
        }
        return {form: value for form, value in media.items() if value}

    def _choices_of(self, question: Question, node: Node) -> tuple[Choice, ...]:
        """The choices of a question as they are now; kept where nothing can change them."""
        itemset = question.itemset
        if itemset is None:
            return tuple(
                Choice(c.value, self._render(c.label, node) or c.value, self._media(c.label, node))
                for c in question.choices
            )
        if not itemset.static:
            return self._itemset(question, node)[0]
        inner = itemset.nodes.instances <= self.form.instances.keys()
        kept = self._choices.get(id(question))
        if kept is not None:
            return kept
        key = (id(question), self.language)
        shared = self.form.choice_cache.get(key) if inner else None
        if shared is None:
            shared, fixed = self._itemset(question, node)
            if not fixed:
                return shared
            if inner:
                self.form.choice_cache[key] = shared
        self._choices[id(question)] = shared
        return shared

    def _known_values(
        self, question: Question, node: Node, choices: Sequence[Choice] | None
    ) -> frozenset[str]:
        """The values a selection may have; for a list that never changes they are kept with the list."""
        itemset = question.itemset
        if itemset is None or not itemset.static or len(itemset.nodes.instances) != 1:
            return frozenset(
                c.value for c in (self._choices_of(question, node) if choices is None else choices)
            )
        top = self._scope.environment.instance(next(iter(itemset.nodes.instances)))
        if top is None:
            return frozenset()
        if top.caches is None:
            top.caches = {}
        key = ("values", itemset.nodes.source, itemset.value.source)
        known: frozenset[str] | None = top.caches.get(key)
        if known is None:
            items = self._evaluate(itemset.nodes, node)
            known = frozenset(
                to_text(self._evaluate_in(itemset.value, item, node))
                for item in (items if isinstance(items, list) else ())
            )
            top.caches[key] = known
        return known

    def _itemset(self, question: Question, node: Node) -> tuple[tuple[Choice, ...], bool]:
        """Choices of an itemset, and whether their labels stay the same."""
        itemset = question.itemset
        assert itemset is not None, "asked only of questions with an itemset"
        nodes = self._evaluate(itemset.nodes, node)
        choices: list[Choice] = []
        fixed = True
        for item in nodes if isinstance(nodes, list) else ():
            value = to_text(self._evaluate_in(itemset.value, item, node))
            media: dict[str, str] = {}
            if itemset.itext_column:
                key = item.child(itemset.itext_column)
                text = self.form.texts.get(key.text()) if key is not None else None
                label = self._render(text, node)
                if text is not None:
                    if len(text.forms()) > 1:
                        media = self._media(text, node)
                    fixed = fixed and all(isinstance(part, str) for part in text.parts(self.language))
            else:
                label = to_text(self._evaluate_in(itemset.label, item, node)) if itemset.label else ""
            choices.append(Choice(value, label or value, media))
        return tuple(choices), fixed

    def _evaluate_in(self, expression: Expression, item: Node, node: Node) -> Value:
        try:
            return expression.value(self._scope, item)
        except XPathError as error:
            raise Problem(
                "questionnaire.expression_failed",
                question=self.ref_of(node),
                expression=expression.source.strip(),
                reason=str(error),
            ) from error

    def _drop_unavailable(self, node: Node) -> None:
        question: Question | None = node.mark.question
        given = node.text()
        if question is None or not given or question.control == "rank":
            return
        known = self._known_values(question, node, None)
        chosen = [given] if question.control == "select1" else given.split()
        kept = [value for value in chosen if value in known]
        if len(kept) < len(chosen):
            self._set(node, " ".join(kept))

    def choice_label(self, value: str, path: str, node: Node) -> str:
        """`jr:choice-name`: the label of a value among the choices of the question at a path."""
        at: Node = node
        names = [n for n in path.split("/") if n not in ("", ".")]
        if path.startswith("/"):
            definition = self.form.fields.get(tuple(names))
        else:
            definition = at.mark
            for name in names:
                if definition is not None:
                    definition = definition.parent if name == ".." else definition.by_name.get(name)
        question = definition.question if definition is not None else None
        if question is None or definition is None or at.mark is None:
            return ""
        targets = self._near(at, definition)
        for choice in self._choices_of(question, targets[0] if targets else at):
            if choice.value == value:
                return choice.label
        return ""

    def choices(self, ref: str) -> tuple[Choice, ...]:
        """The choices of the question at a reference."""
        node = self._find(ref)
        question: Question | None = node.mark.question
        return self._choices_of(question, node) if question is not None else ()

    def _is_readonly(self, node: Node) -> bool:
        at: Node | None = node
        while at is not None and at.kind != ROOT:
            readonly = at.mark.bind.readonly
            if readonly is not None and to_boolean(self._evaluate(readonly, at)):
                return True
            at = at.parent
        return False

    def items(
        self, body: Sequence[BodyItem] | None = None, *, unfolded: Unfolded | None = None
    ) -> tuple[ItemView, ...]:
        """The body, or what of it is asked for, in order as it is now: only what is relevant, texts evaluated.

        `unfolded` tells which instances of a repeat are wanted whole, by the repeat, its reference and their
        positions; the others come folded. Without it all are whole.
        """
        self._unfolded = unfolded
        return self._views(self.form.body if body is None else body, self.data)

    def shows(self, body: Sequence[BodyItem]) -> bool:
        """Whether anything of these top-level items is there to be seen now."""
        return any(self._shows(item, self.data) for item in body)

    def _shows(self, item: BodyItem, context: Node) -> bool:
        if isinstance(item, Question):
            return self._under(context, item.field) is not None
        if isinstance(item, Group):
            node = context if item.field is None else self._under(context, item.field)
            return node is not None and any(self._shows(child, node) for child in item.children)
        found = self._offered(item, context)
        return found is not None and (bool(found[1]) or not item.fixed)

    def heading(self, item: BodyItem) -> str:
        """The label of a top-level item or of one in groups alone; empty where it has none or is not relevant."""
        if item.field is None:
            return self._render(item.label, self.data)
        node = self.data
        if isinstance(item, Repeat):
            found = self._offered(item, self.data)
            return self._render(item.label, found[0]) if found is not None else ""
        under = self._under(node, item.field)
        return self._render(item.label, under) if under is not None else ""

    def _views(self, body: Sequence[BodyItem], context: Node) -> tuple[ItemView, ...]:
        views: list[ItemView] = []
        for item in body:
            if isinstance(item, Question):
                node = self._under(context, item.field)
                if node is not None:
                    views.append(self._question_view(item, node))
            elif isinstance(item, Group):
                node = context if item.field is None else self._under(context, item.field)
                if node is not None:
                    views.append(
                        GroupView(
                            "" if item.field is None else self.ref_of(node),
                            self._render(item.label, node),
                            self._render(item.hint, node),
                            item.appearance,
                            self._views(item.children, node),
                        )
                    )
            else:
                view = self._repeat_view(item, context)
                if view is not None:
                    views.append(view)
        return tuple(views)

    def _under(self, context: Node, definition: Field) -> Node | None:
        """The visible node of a field at or under a context node."""
        lineage = definition.lineage
        depth = context.mark.depth
        if context.mark is not lineage[min(depth, len(lineage)) - 1]:
            return next((n for n in self._near(context, definition) if self._visible(n)), None)
        node = context
        for step in lineage[depth:]:
            found = nodes_of(node, step)
            if not found or found[0].hidden:
                return None
            node = found[0]
        return node

    def _holder(self, context: Node, definition: Field) -> Node | None:
        parent = definition.parent
        assert parent is not None, "a repeat is never the root"
        return self._under(context, parent)

    def _offered(self, item: Repeat, context: Node) -> tuple[Node, list[tuple[int, Node]]] | None:
        """Where a repeat that is relevant lies, and its relevant instances with their positions."""
        holder = self._holder(context, item.field)
        if holder is None:
            return None
        nodes = nodes_of(holder, item.field)
        shown = [(at, n) for at, n in enumerate(nodes, 1) if not n.hidden]
        if nodes and not shown:
            return None
        if not nodes and item.field.bind.relevant is not None:
            ghost = Node(ELEMENT, item.field.local)
            ghost.parent, ghost.mark = holder, item.field
            if not to_boolean(self._evaluate(item.field.bind.relevant, ghost)):
                return None
        return holder, shown

    def _repeat_view(self, item: Repeat, context: Node) -> RepeatView | None:
        found = self._offered(item, context)
        if found is None:
            return None
        holder, shown = found
        ref = f"{self.ref_of(holder)}/{item.field.local}"
        positions = [at for at, _node in shown]
        whole = positions if self._unfolded is None else self._unfolded(item, ref, positions)
        first = next((c for c in item.children if isinstance(c, Group) and c.label is not None), None)
        instances = tuple(
            RepeatInstanceView(
                f"{ref}[{at}]",
                at,
                self._render(first.label, node) if first is not None else "",
                self._views(item.children, node) if at in whole else (),
                folded=at not in whole,
                summary=() if at in whole else self._summary(item.children, node),
            )
            for at, node in shown
        )
        nodes = nodes_of(holder, item.field)
        label = self._render(item.label, holder if not nodes else nodes[0])
        return RepeatView(ref, label, item.appearance, item.fixed, instances)

    def _summary(self, body: Sequence[BodyItem], context: Node) -> tuple[str, ...]:
        """The first answers among these items, as they read."""
        answered = ((q, n) for q, n in self._visible_questions(body, context) if q.type in _TOLD and n.text())
        return tuple(self._told(question, node) for question, node in islice(answered, SUMMARY_ANSWERS))

    def _told(self, question: Question, node: Node) -> str:
        """An answer as it reads: of a selection the labels of what was chosen."""
        value = node.text()
        if question.control not in _SELECTS:
            return value
        chosen = [value] if question.control == "select1" else value.split()
        labels = {choice.value: choice.label for choice in self._choices_of(question, node)}
        comma = "、" if self.context.language.startswith("zh") else ", "
        return comma.join(labels.get(one, one) for one in chosen)

    def _question_view(self, question: Question, node: Node) -> QuestionView:
        bind = question.field.bind
        value = node.text()
        choices = self._choices_of(question, node) if question.control in _SELECTS else ()
        mistake = self._mistake(question, node, value, choices) if value else None
        return QuestionView(
            ref=self.ref_of(node),
            name=question.field.local,
            control=question.control,
            type=question.type,
            data_type=bind.type,
            label=self._render(question.label, node),
            hint=self._render(question.hint, node),
            guidance=self._render(question.hint, node, "guidance") if _guided(question.hint) else "",
            appearance=question.appearance,
            mediatype=question.mediatype,
            value=value,
            required=bind.required is not None and to_boolean(self._evaluate(bind.required, node)),
            readonly=bind.calculate is not None or self._is_readonly(node),
            choices=choices,
            error=mistake[1] if mistake else None,
            parameters=question.parameters,
            media=self._media(question.label, node),
        )

    # -- checking ------------------------------------------------------------------------------------

    def _mistake(
        self, question: Question, node: Node, value: str, choices: Sequence[Choice] | None = None
    ) -> tuple[str, str] | None:
        """Kind and message of what is wrong with a value that is there."""
        bind = question.field.bind
        language = self.context.language
        if not is_value(value, bind.type):
            return "type", message(f"type.{bind.type}", language)
        if question.control in _SELECTS:
            chosen = [value] if question.control == "select1" else value.split()
            known = self._known_values(question, node, choices)
            wrong = [c for c in chosen if c not in known]
            if wrong or len(set(chosen)) < len(chosen):
                return "choice", message("choice", language, value=" ".join(wrong) or value)
            if question.control == "rank" and len(chosen) < len(known):
                return "choice", message("rank", language)
        elif question.control == "range" and not _in_range(value, question.parameters):
            return "constraint", message("range", language, **_bounds(question.parameters))
        elif question.control == "trigger" and value != "OK":
            return "type", message("type.trigger", language)
        if bind.constraint is not None and not to_boolean(self._evaluate(bind.constraint, node)):
            return "constraint", self._render(bind.constraint_message, node) or message(
                "constraint", language
            )
        return None

    def errors(self) -> tuple[AnswerError, ...]:
        """Every mistake in what is relevant, in the order of the body; empty if the filling can be accepted."""
        found: list[AnswerError] = []
        for question, node in self._visible_questions(self.form.body, self.data):
            bind = question.field.bind
            value = node.text()
            if value:
                mistake = self._mistake(question, node, value)
            elif bind.required is not None and to_boolean(self._evaluate(bind.required, node)):
                text = self._render(bind.required_message, node)
                mistake = ("required", text or message("required", self.context.language))
            else:
                continue
            if mistake is not None:
                found.append(AnswerError(self.ref_of(node), *mistake, self._render(question.label, node)))
        for holder, repeat in self._capped.values():
            if self._visible(holder):
                text = message("too_many", self.context.language, limit=MAX_REPEAT_INSTANCES)
                ref = f"{self.ref_of(holder)}/{repeat.field.local}"
                found.append(AnswerError(ref, "constraint", text, self._render(repeat.label, holder)))
        return tuple(found)

    def _visible_questions(self, body: Sequence[BodyItem], context: Node) -> Iterator[tuple[Question, Node]]:
        for item in body:
            if isinstance(item, Question):
                node = self._under(context, item.field)
                if node is not None:
                    yield item, node
            elif isinstance(item, Group):
                node = context if item.field is None else self._under(context, item.field)
                if node is not None:
                    yield from self._visible_questions(item.children, node)
            else:
                holder = self._holder(context, item.field)
                for node in nodes_of(holder, item.field) if holder is not None else ():
                    if not node.hidden:
                        yield from self._visible_questions(item.children, node)

    # -- handing out ---------------------------------------------------------------------------------

    def to_xml(self, *, final: bool = False) -> str:
        """The filling as XML. `final` leaves out what is not relevant and stamps the end."""
        if final:
            stamp = Moment(
                math.floor(self.context.now().timestamp() * 1000), self.context.timezone, exact=True
            )
            for definition in self.form.preloaded:
                if definition.bind.preload == "timestamp" and definition.bind.preload_params.strip() == "end":
                    for node in self._targets(self.data, 1, definition):
                        self._set(node, stamp.text())
            self._run()
            return serialise(self.data, keep=lambda node: not node.hidden)
        return serialise(self.data)

    def entities(self) -> tuple[EntityRow, ...]:
        """What the answers write to entity lists, in document order of the declarations.

        Only where the entity is relevant and its create or update condition holds; properties of questions
        that are not relevant are left out, so that an update keeps them as they are.
        """
        rows: list[EntityRow] = []
        for declaration in self.form.entities:
            container = declaration.field.lineage[-3]
            for holder in self._targets(self.data, 1, container):
                entity = self._under(holder, declaration.field)
                if entity is None or not self._visible(holder):
                    continue
                action = _action(entity)
                if not action:
                    continue
                properties = {}
                for name, definition in declaration.properties:
                    node = self._under(holder, definition)
                    if node is not None:
                        properties[name] = node.text()
                label = entity.child("label")
                rows.append(
                    EntityRow(
                        list_name=declaration.list_name,
                        action=action,
                        entity_id=entity.get("id"),
                        label=label.text() if label is not None else "",
                        properties=properties,
                        base_version=entity.get("baseVersion"),
                        ref=self.ref_of(holder),
                        repeat_position=self._repeat_position(holder),
                    )
                )
        return tuple(rows)

    def _repeat_position(self, node: Node) -> int | None:
        at: Node | None = node
        while at is not None and at.kind != ROOT:
            if at.mark.repeat is not None:
                return at.place()
            at = at.parent
        return None


def _ranked(order: Sequence[str], choices: Sequence[str]) -> list[str]:
    """A ranking of what is a choice now: as it was given, then what has been added since; empty if never given."""
    kept = [value for value in order if value in choices]
    return [*kept, *(value for value in choices if value not in kept)] if order else []


def _guided(hint: Text | None) -> bool:
    return hint is not None and any("guidance" in forms for forms in hint.variants.values())


def _action(entity: Node) -> str:
    """`create`, `update` or nothing, from the two conditions; with both, one that has a version is an update."""
    create, update = (entity.get(name) in ("1", "true") for name in ("create", "update"))
    if create and update:
        return "update" if entity.get("baseVersion") else "create"
    return "create" if create else "update" if update else ""


def _bounds(parameters: Mapping[str, str]) -> dict[str, str]:
    return {name: parameters.get(name, "") for name in ("start", "end", "step")}


def _in_range(value: str, parameters: Mapping[str, str]) -> bool:
    """Whether a value lies between start and end of a range and on one of its steps."""
    try:
        number = float(value)
        start, end = float(parameters.get("start", "-inf")), float(parameters.get("end", "inf"))
        step = float(parameters.get("step", "0"))
    except ValueError:
        return False
    low, high = min(start, end), max(start, end)
    if not low <= number <= high:
        return False
    steps = (number - start) / step if step and math.isfinite(start) else 0.0
    return abs(steps - round(steps)) < 1e-6


__all__ = [
    "AnswerError",
    "Choice",
    "Context",
    "EntityRow",
    "GroupView",
    "Instance",
    "ItemView",
    "Items",
    "ListInstance",
    "QuestionView",
    "RepeatInstanceView",
    "RepeatView",
]
