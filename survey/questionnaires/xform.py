"""An XForm as a frozen definition: what `engine.py` runs.

Owns the reading of a compiled form: instance template, binds, texts, body, actions, entity declarations, every
expression compiled once. Refuses by Problem what could not run: no model, a bind or control for a node that is not
there, an expression that cannot be read, unknown functions, calculations in a circle. A `Form` is never changed
after `parse_form` returned it, so that one can be shared between threads.
https://getodk.github.io/xforms-spec/, https://getodk.github.io/xforms-spec/entities
"""

from __future__ import annotations

import re
from typing import Final

from survey.problems import Problem
from survey.questionnaires.definitions import (
    FIRST_LOAD,
    LOAD,
    NEW_REPEAT,
    VALUE_CHANGED,
    Bind,
    BodyItem,
    EntityDeclaration,
    Field,
    FixedChoice,
    Form,
    Group,
    Itemset,
    Part,
    Question,
    Repeat,
    SetValue,
    Text,
    language_code,
)
from survey.questionnaires.dependencies import Computation, DependencyIndex
from survey.questionnaires.tree import ATTRIBUTE, ELEMENT, TEXT, XFORMS, Node, copy_tree, parse
from survey.questionnaires.xpath import Expression, Path, XPathError, compile_xpath

ODK: Final = "http://www.opendatakit.org/xforms"


CONTROLS: Final = frozenset(
    {"input", "secret", "select", "select1", "rank", "range", "upload", "trigger", "textarea"}
)


_EVENT_NAMES: Final = {"xforms-ready": FIRST_LOAD, "jr-insert": NEW_REPEAT}


_TYPES: Final = {
    "integer": "int",
    "datetime": "dateTime",
    "": "string",
    "select": "string",
    "select1": "string",
}


def parse_form(xform: str) -> Form:
    """Read an XForm. Raises Problem `questionnaire.*` with the question and the expression at fault."""
    return _Reader(parse(xform)).form()


class _Reader:
    """Reads one form; lives as long as the reading."""

    def __init__(self, document: Node) -> None:
        top = document.elements()[0]
        head, body = top.child("head"), top.child("body")
        model = head.child("model") if head is not None else None
        primary = model.child("instance") if model is not None else None
        data = primary.elements()[0] if primary is not None and primary.elements() else None
        if head is None or body is None or model is None or data is None:
            raise Problem("questionnaire.no_form")
        self.model, self.body, self.data = model, body, data
        self.title = (title.text().strip() if (title := head.child("title")) else "") or data.local
        self.fields: dict[Path, Field] = {}
        self.bind_ids: dict[str, Path] = {}
        self.actions: dict[str, list[SetValue]] = {FIRST_LOAD: [], LOAD: [], NEW_REPEAT: []}
        self.triggers: dict[Path, list[SetValue]] = {}
        self.namespaces: dict[str, str] = {}
        self.itext: dict[str, dict[str, Node]] = {}
        self.texts: dict[str, Text] = {}
        self.text_parts: dict[int, tuple[Part, ...]] = {}
        self.default_language = ""
        self.instances: dict[str, Node] = {}
        self.externals: dict[str, str] = {}
        self.sources: dict[str, str] = {}

    def form(self) -> Form:
        self.read_texts()
        self.read_secondary()
        prototype, root = self.read_primary()
        for element in self.model.elements("bind"):
            self.read_bind(element)
        body = self.read_items(self.body, self.fields[root.path])
        for element in self.model.elements():
            if element.local == "action" or _is_action(element):
                self.read_action(element, None, root)
        index = DependencyIndex(self.computations())
        return Form(
            form_id=self.data.get("id") or self.data.namespace or self.data.local,
            version=self.data.get("version"),
            title=self.title,
            languages=tuple(self.itext),
            default_language=self.default_language,
            namespaces=self.namespaces,
            root=root,
            fields=self.fields,
            prototype=prototype,
            instances=self.instances,
            externals=self.externals,
            sources=self.sources,
            itext=self.itext,
            texts=self.texts,
            text_parts=self.text_parts,
            body=body,
            actions={event: tuple(actions) for event, actions in self.actions.items()},
            triggers={path: tuple(actions) for path, actions in self.triggers.items()},
            entities=self.read_entities(),
            index=index,
            preloaded=tuple(f for f in self.fields.values() if f.bind.preload),
            instance_id_field=self.fields.get((root.local, "meta", "instanceID")),
        )

    # -- expressions and texts ----------------------------------------------------------------------

    def compile(self, source: str, where: str, base: Path | None) -> Expression:
        try:
            expression = compile_xpath(source, base=base)
        except XPathError as error:
            raise Problem(
                "questionnaire.bad_expression", question=where, expression=source.strip(), reason=str(error)
            ) from error
        if expression.unknown:
            raise Problem(
                "questionnaire.unknown_function",
                question=where,
                expression=source.strip(),
                function=", ".join(sorted(expression.unknown)),
            )
        return expression

    def parts(self, element: Node) -> tuple[Part, ...]:
        """Text and `<output>` elements of a label or an itext value."""
        parts: list[Part] = []
        for child in element.children:
            if child.kind == TEXT:
                parts.append(child.value)
            elif child.kind == ELEMENT and child.local == "output":
                source = child.get("value") or child.get("ref")
                parts.append(self.compile(source, "label", None))
            elif child.kind == ELEMENT:
                parts.extend(self.parts(child))
        if parts and isinstance(parts[0], str):
            parts[0] = parts[0].lstrip()
        if parts and isinstance(parts[-1], str):
            parts[-1] = parts[-1].rstrip()
        return tuple(part for part in parts if part != "")

    def read_texts(self) -> None:
        block = self.model.child("itext")
        collected: dict[str, dict[str, dict[str, tuple[Part, ...]]]] = {}
        for translation in block.elements("translation") if block is not None else ():
            language = translation.get("lang")
            if not self.default_language or translation.has("default"):
                self.default_language = language
            known = self.itext.setdefault(language, {})
            for text in translation.elements("text"):
                known[text.get("id")] = text
                forms = collected.setdefault(text.get("id"), {}).setdefault(language, {})
                for value in text.elements("value"):
                    form = value.get("form")
                    parts = self.text_parts[id(value)] = self.parts(value)
                    forms["" if form in ("long", "short") and "" not in forms else form] = parts
        for identifier, variants in collected.items():
            self.texts[identifier] = Text(variants, self.default_language)

    def text(self, element: Node | None) -> Text | None:
        """The text of a label, hint or message element."""
        if element is None:
            return None
        source = element.get("ref")
        if not source:
            return Text({"": {"": self.parts(element)}}, "")
        return self.text_of(source)

    def text_of(self, source: str) -> Text:
        """The text an expression names: itext by a literal id, or whatever the expression gives."""
        literal = _ITEXT_LITERAL.match(source)
        if literal and literal[2] in self.texts:
            return self.texts[literal[2]]
        return Text({"": {"": (self.compile(source, "label", None),)}}, "")

    def message(self, source: str) -> Text | None:
        if not source:
            return None
        if source.lstrip().startswith("jr:itext("):
            return self.text_of(source)
        return Text({"": {"": (source,)}}, "")

    # -- instances ----------------------------------------------------------------------------------

    def read_secondary(self) -> None:
        for element in self.model.elements("instance")[1:]:
            identifier, source = element.get("id"), element.get("src")
            if source:
                name = self.sources[identifier] = source.rpartition("/")[2]
                self.externals[identifier] = re.sub(r"\.(csv|xml|geojson)$", "", name)
            else:
                twin = copy_tree(element)
                twin.mark = "fixed"
                self.instances[identifier] = twin

    def read_primary(self) -> tuple[Node, Field]:
        prototype = copy_tree(self.data)
        root = Field((prototype.local,), prototype.local, None)
        root.lineage = (root,)
        self.fields[root.path] = root
        self.settle(prototype, root)
        return prototype, root

    def settle(self, node: Node, definition: Field) -> None:
        """Give every node its field, drop whitespace, and keep templates aside."""
        node.mark = definition
        if node.namespace == XFORMS:
            node.namespace, node.plain = "", node.local
        for attribute in node.attributes or ():
            attribute.mark = self.enter(definition, f"@{attribute.local}", attribute)
        elements = node.elements()
        if not elements:
            return
        node.children = []
        node.caches = None
        for element in elements:
            child = self.enter(definition, element.local, element)
            template = any(a.local == "template" and a.prefix for a in element.attributes or ())
            if template:
                element.attributes = [a for a in element.attributes or () if a.local != "template"]
            self.settle(element, child)
            if template:
                element.parent = None
                child.template = element
            else:
                node.append(element)

    def enter(self, parent: Field, name: str, node: Node) -> Field:
        path = (*parent.path, name)
        found = self.fields.get(path)
        if found is None:
            found = Field(path, node.local, parent, node.kind == ATTRIBUTE, node.prefix)
            found.namespace = "" if node.namespace == XFORMS else node.namespace
            found.default = node.value
            found.lineage = (*parent.lineage, found)
            parent.children.append(found)
            parent.by_name[name] = found
            self.fields[path] = found
        return found

    # -- binds --------------------------------------------------------------------------------------

    def resolve(self, ref: str, context: Field, *, what: str) -> Field:
        """The field a reference names; raises Problem if there is none."""
        found = self.lookup(ref, context)
        if found is None:
            raise Problem("questionnaire.missing_node", ref=ref.strip(), what=what)
        return found

    def lookup(self, ref: str, context: Field) -> Field | None:
        """The field a reference names, predicates aside; relative ones are seen from the context."""
        plain = re.sub(r"\[[^\[\]]*\]", "", re.sub(r"@\w+:", "@", ref))
        names = [n.strip().rpartition(":")[2] for n in plain.split("/")]
        path: Path = () if ref.strip().startswith("/") else context.path
        for name in names:
            if name == "..":
                path = path[:-1]
            elif name not in ("", "."):
                path = (*path, name)
        return self.fields.get(path)

    def read_bind(self, element: Node) -> None:
        """Take over a bind; one for a node that is not in the instance has nothing to act on."""
        definition = self.lookup(
            element.get("nodeset") or element.get("ref"), self.fields[(self.data.local,)]
        )
        if definition is None:
            return
        if element.has("id"):
            self.bind_ids[element.get("id")] = definition.path
        bind = definition.bind
        for attribute in element.attributes or ():
            name, value = attribute.local, attribute.value
            if name in ("relevant", "required", "constraint", "calculate", "readonly"):
                if value.strip():
                    setattr(bind, name, self.compile(value, definition.ref, definition.path))
            elif name == "type":
                bare = value.rpartition(":")[2]
                bind.type = _TYPES.get(bare, bare)
            elif name == "constraintMsg":
                bind.constraint_message = self.message(value)
            elif name == "requiredMsg":
                bind.required_message = self.message(value)
            elif name == "saveto":
                bind.saveto = value
            elif name == "preload":
                bind.preload = value
            elif name == "preloadParams":
                bind.preload_params = value
            elif name not in ("nodeset", "ref", "id"):
                bind.extras[name] = value

    def computations(self) -> list[Computation]:
        found = []
        for definition in self.fields.values():
            bind = definition.bind
            if bind.relevant is not None:
                found.append(Computation("relevant", definition, bind.relevant))
            if bind.calculate is not None:
                found.append(Computation("calculate", definition, bind.calculate))
            if definition.repeat is not None and definition.repeat.count is not None:
                found.append(Computation("count", definition, definition.repeat.count))
            itemset = definition.question.itemset if definition.question is not None else None
            if itemset is not None and itemset.nodes.reads:
                found.append(Computation("choices", definition, itemset.nodes))
        return found

    # -- body ---------------------------------------------------------------------------------------

    def read_items(self, element: Node, context: Field) -> tuple[BodyItem, ...]:
        items: list[BodyItem] = []
        for child in element.elements():
            if child.local in CONTROLS:
                items.append(self.read_question(child, context))
            elif child.local == "group":
                items.append(self.read_group(child, context))
            elif child.local == "repeat":
                items.append(self.read_repeat(child, context, None, ""))
        return tuple(items)

    def reference(self, element: Node, context: Field) -> Field | None:
        if element.has("bind"):
            path = self.bind_ids.get(element.get("bind"))
            if path is None:
                raise Problem("questionnaire.missing_node", ref=element.get("bind"), what=element.local)
            return self.fields[path]
        ref = element.get("ref") or element.get("nodeset")
        return self.resolve(ref, context, what=element.local) if ref else None

    def read_group(self, element: Node, context: Field) -> BodyItem:
        definition = self.reference(element, context)
        label, hint = self.text(element.child("label")), self.text(element.child("hint"))
        appearance = element.get("appearance")
        content = [c for c in element.elements() if c.local not in ("label", "hint")]
        if len(content) == 1 and content[0].local == "repeat":
            return self.read_repeat(content[0], definition or context, label, appearance)
        children = self.read_items(element, definition or context)
        return Group(definition, label, hint, appearance, children)

    def read_repeat(self, element: Node, context: Field, label: Text | None, appearance: str) -> Repeat:
        definition = self.reference(element, context)
        if definition is None or definition.parent is None:
            raise Problem("questionnaire.missing_node", ref=element.get("nodeset"), what="repeat")
        count = element.get("count")
        # jr:count is seen from the node that holds the instances.
        counted = self.compile(count, definition.ref, definition.path) if count.strip() else None
        fixed = counted is not None or element.get("noAddRemove").strip() == "true()"
        for child in element.elements():
            if _is_action(child):
                self.read_action(child, None, definition)
        repeat = Repeat(
            definition,
            label or self.text(element.child("label")),
            element.get("appearance") or appearance,
            counted,
            fixed,
            self.read_items(element, definition),
        )
        definition.repeat = repeat
        if definition.template is None:
            definition.template = self.first_of(definition)
        return repeat

    def first_of(self, definition: Field) -> Node:
        """A template for a repeat that declares none: its first instance."""
        node = self.data
        for name in definition.path[1:]:
            node = next(c for c in node.elements(name))
        twin = copy_tree(node)
        twin.attributes = [a for a in twin.attributes or () if a.local != "template"]
        self.settle(twin, definition)
        return twin

    def read_question(self, element: Node, context: Field) -> Question:
        definition = self.reference(element, context)
        if definition is None:
            raise Problem("questionnaire.missing_node", ref=element.get("ref"), what=element.local)
        hint = element.child("hint")
        for child in filter(_is_action, element.elements()):
            self.read_action(child, definition, definition)
        known = {"ref", "bind", "appearance", "mediatype"}
        parameters = dict(definition.bind.extras)
        parameters |= {a.local: a.value for a in element.attributes or () if a.local not in known}
        question = Question(
            field=definition,
            control=element.local,
            type=_question_type(element, definition.bind),
            label=self.text(element.child("label")),
            hint=self.text(hint),
            appearance=element.get("appearance"),
            mediatype=element.get("mediatype"),
            itemset=self.read_itemset(element, definition),
            choices=tuple(
                FixedChoice(
                    value.text() if (value := item.child("value")) else "", self.text(item.child("label"))
                )
                for item in element.elements("item")
            ),
            parameters=parameters,
        )
        definition.question = question
        return question

    def read_itemset(self, element: Node, definition: Field) -> Itemset | None:
        itemset = element.child("itemset")
        if itemset is None:
            return None
        nodes = self.compile(itemset.get("nodeset"), definition.ref, definition.path)
        value, label = itemset.child("value"), itemset.child("label")
        label_source = label.get("ref") if label is not None else ""
        column = _ITEXT_COLUMN.match(label_source)
        return Itemset(
            nodes=nodes,
            value=self.compile(value.get("ref") if value is not None else "name", definition.ref, None),
            label=self.compile(label_source, definition.ref, None) if label_source else None,
            itext_column=column[1] if column else "",
            static=not nodes.reads and not nodes.volatile and bool(nodes.instances),
        )

    def read_action(self, element: Node, trigger: Field | None, context: Field) -> None:
        if element.local == "action":
            for child in filter(_is_action, element.elements()):
                if not child.has("event"):
                    child.set_attribute("event", element.get("event"))
                self.read_action(child, trigger, context)
            return
        target = self.reference(element, context)
        if target is None:
            raise Problem("questionnaire.missing_node", ref=element.get("ref"), what=element.local)
        target.acted_on = True
        source = element.get("value")
        expression = self.compile(source, target.ref, target.path) if source.strip() else None
        ref = element.get("ref")
        chosen = self.compile(ref, target.ref, context.path) if "[" in ref else None
        place = element.local == "setgeopoint"
        action = SetValue(target, chosen, expression, "" if expression else element.text(), place)
        for event in element.get("event").split():
            name = _EVENT_NAMES.get(event, event)
            if name == VALUE_CHANGED:
                if trigger is not None:
                    self.triggers.setdefault(trigger.path, []).append(action)
            elif name in self.actions:
                self.actions[name].append(action)

    # -- entities -----------------------------------------------------------------------------------

    def read_entities(self) -> tuple[EntityDeclaration, ...]:
        declared: dict[Path, Field] = {}
        for definition in self.fields.values():
            if definition.local == "entity" and "@dataset" in definition.by_name and len(definition.path) > 2:
                declared[definition.path[:-2]] = definition
        properties: dict[Path, list[tuple[str, Field]]] = {path: [] for path in declared}
        for definition in self.fields.values():
            if definition.bind.saveto:
                path = definition.path[:-1]
                while path and path not in declared:
                    path = path[:-1]
                if not path:
                    raise Problem(
                        "questionnaire.saveto_without_entity",
                        question=definition.ref,
                        property=definition.bind.saveto,
                    )
                properties[path].append((definition.bind.saveto, definition))
        return tuple(
            EntityDeclaration(self.list_name(entity), entity, tuple(properties[path]))
            for path, entity in declared.items()
        )

    def list_name(self, entity: Field) -> str:
        """The list of an entity element, from the attribute in the form's instance."""
        node = self.data
        for name in entity.path[1:]:
            node = node.elements(name)[0]
        return node.get("dataset")


def _is_action(element: Node) -> bool:
    return element.local == "setvalue" or (element.local == "setgeopoint" and element.namespace == ODK)


_ITEXT_LITERAL = re.compile(r"\s*jr:itext\(\s*(['\"])(.*)\1\s*\)\s*$")


_ITEXT_COLUMN = re.compile(r"\s*jr:itext\(\s*([\w.\-]+)\s*\)\s*$")


def _question_type(element: Node, bind: Bind) -> str:
    """The kind of a question in XLSForm's words."""
    control = element.local
    if control == "select1":
        return "select_one"
    if control == "select":
        return "select_multiple"
    if control in ("rank", "range"):
        return control
    if control == "trigger":
        return "acknowledge"
    if control == "upload":
        kind = element.get("mediatype").partition("/")[0]
        return kind if kind in ("image", "audio", "video") else "file"
    if bind.type == "int":
        return "integer"
    if bind.type in ("string", "barcode") or bind.type not in _INPUT_TYPES:
        constant = bind.readonly is not None and bind.readonly.source.strip() in ("true()", "'true'", "1")
        if constant and bind.calculate is None and bind.type != "barcode":
            return "note"
        return "barcode" if bind.type == "barcode" else "text"
    return bind.type


_INPUT_TYPES: Final = frozenset(
    {"decimal", "date", "time", "dateTime", "geopoint", "geotrace", "geoshape", "boolean"}
)


__all__ = ["EntityDeclaration", "Field", "Form", "Group", "Question", "Repeat", "language_code", "parse_form"]
