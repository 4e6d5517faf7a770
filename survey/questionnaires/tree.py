"""The node tree that questionnaires and their answers live in.

Owns nodes (elements, attributes, text, comments, processing instructions), the child-name index, document
order, safe parsing and serialisation. It refuses a document type declaration, entities and nesting deeper
than `MAX_DEPTH`, so that no text it reads can expand, reach out or exhaust the stack. It knows nothing of
forms. Data model: https://www.w3.org/TR/1999/REC-xpath-19991116/#data-model, limits after defusedxml.

Why not ElementTree: XPath needs parents, text nodes and namespaces, the engine needs to hang its own
definition on a node and to hide a node that is not relevant, and both are read a thousand times an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from xml.parsers import expat

from defusedxml.common import DTDForbidden

from survey.problems import Problem

XFORMS = "http://www.w3.org/2002/xforms"
XHTML = "http://www.w3.org/1999/xhtml"
XML = "http://www.w3.org/XML/1998/namespace"

ROOT, ELEMENT, TEXT, ATTRIBUTE, COMMENT, INSTRUCTION = range(6)

MAX_DEPTH = 100
INDEX_FROM = 8
"""Number of children from which looking them up by name goes through an index."""


class Node:
    """One node. `plain` is the local name if an unprefixed name test may match it, else empty.

    `hidden` takes the node out of every child step: the engine sets it on what is not relevant.
    `mark` belongs to whoever owns the tree. Change children only through the methods: they keep the index.
    """

    __slots__ = (
        "attributes",
        "caches",
        "children",
        "hidden",
        "kind",
        "local",
        "mark",
        "namespace",
        "parent",
        "plain",
        "prefix",
        "value",
    )

    def __init__(
        self, kind: int, local: str = "", value: str = "", *, prefix: str = "", namespace: str = ""
    ) -> None:
        self.kind = kind
        self.local = local
        self.prefix = prefix
        self.namespace = namespace
        self.value = value
        self.plain = local
        if namespace and namespace != XFORMS and (prefix or namespace == XHTML or kind == ATTRIBUTE):
            self.plain = ""
        self.parent: Node | None = None
        self.children: list[Node] = []
        self.attributes: list[Node] | None = None
        self.hidden = False
        self.mark: Any = None
        self.caches: dict[Any, Any] | None = None

    # -- reading ------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The qualified name as written."""
        return f"{self.prefix}:{self.local}" if self.prefix else self.local

    @property
    def root(self) -> Node:
        """The topmost node of the tree this node is in."""
        node = self
        while node.parent is not None:
            node = node.parent
        return node

    def text(self) -> str:
        """The string value in the sense of XPath: own value, or all text below."""
        if self.kind > ELEMENT:
            return self.value
        children = self.children
        if not children:
            return ""
        if len(children) == 1 and children[0].kind == TEXT:
            return children[0].value
        return "".join(node.value for node in self.descendants() if node.kind == TEXT)

    def named(self, plain: str) -> list[Node]:
        """Child elements an unprefixed name matches, without hidden ones, in order."""
        children = self.children
        if len(children) < INDEX_FROM:
            return [c for c in children if c.plain == plain and c.kind == ELEMENT and not c.hidden]
        caches = self.caches
        if caches is None:
            caches = self.caches = {}
        index = caches.get("names")
        if index is None:
            index = {}
            for child in children:
                if child.kind == ELEMENT and child.plain:
                    index.setdefault(child.plain, []).append(child)
            caches["names"] = index
        return [c for c in index.get(plain, ()) if not c.hidden]

    def child(self, local: str) -> Node | None:
        """The first child element with this local name, whatever its namespace."""
        for child in self.children:
            if child.local == local and child.kind == ELEMENT:
                return child
        return None

    def elements(self, local: str | None = None) -> list[Node]:
        """Child elements, optionally of one local name, hidden ones too."""
        return [c for c in self.children if c.kind == ELEMENT and (local is None or c.local == local)]

    def get(self, local: str, default: str = "") -> str:
        """The value of the attribute with this local name."""
        for attribute in self.attributes or ():
            if attribute.local == local:
                return attribute.value
        return default

    def has(self, local: str) -> bool:
        """Whether there is an attribute with this local name."""
        return any(attribute.local == local for attribute in self.attributes or ())

    def place(self) -> int:
        """1-based position among the elements of the same name beside it, hidden ones counted."""
        if self.parent is None:
            return 1
        caches = self.parent.caches
        if caches is None:
            caches = self.parent.caches = {}
        places: dict[int, int] | None = caches.get("places")
        if places is None:
            places = {}
            counts: dict[tuple[str, str], int] = {}
            for sibling in self.parent.children:
                if sibling.kind == ELEMENT:
                    name = (sibling.namespace, sibling.local)
                    places[id(sibling)] = counts[name] = counts.get(name, 0) + 1
            caches["places"] = places
        return places.get(id(self), 1)

    def descendants(self) -> Iterator[Node]:
        """Every visible node below this one in document order, attributes not included."""
        stack = self.children[::-1]
        while stack:
            node = stack.pop()
            if node.hidden:
                continue
            yield node
            if node.children:
                stack.extend(node.children[::-1])

    def order(self) -> dict[int, int]:
        """Position in document order by `id()` of every node of the tree, kept until the tree changes."""
        root = self.root
        if root.caches is None:
            root.caches = {}
        known: dict[int, int] | None = root.caches.get("order")
        if known is None:
            known = {}
            stack = [root]
            while stack:
                node = stack.pop()
                known[id(node)] = len(known)
                for attribute in node.attributes or ():
                    known[id(attribute)] = len(known)
                stack.extend(node.children[::-1])
            root.caches["order"] = known
        return known

    # -- changing -----------------------------------------------------------------------------------

    def _changed(self) -> None:
        self.caches = None
        root = self.root
        if root.caches is not None:
            root.caches.pop("order", None)

    def append(self, child: Node) -> Node:
        """Add a child at the end and return it. For building: once order was asked for, use `insert`."""
        child.parent = self
        self.children.append(child)
        self.caches = None
        return child

    def insert(self, position: int, child: Node) -> None:
        """Add a child before the one at `position`."""
        child.parent = self
        self.children.insert(position, child)
        self._changed()

    def remove(self, child: Node) -> None:
        """Take a child out of the tree."""
        self.children.remove(child)
        self._changed()
        child.parent = None

    def set_text(self, value: str) -> None:
        """Make `value` all that this element or attribute holds."""
        if self.kind > ELEMENT:
            self.value = value
            return
        children = self.children
        if value and len(children) == 1 and children[0].kind == TEXT:
            children[0].value = value
            return
        self.children = []
        if value:
            self.append(Node(TEXT, value=value))
        self._changed()

    def set_attribute(self, local: str, value: str, *, prefix: str = "", namespace: str = "") -> Node:
        """Add an attribute and return its node."""
        attribute = Node(ATTRIBUTE, local, value, prefix=prefix, namespace=namespace)
        attribute.parent = self
        if self.attributes is None:
            self.attributes = []
        self.attributes.append(attribute)
        return attribute


def copy_tree(node: Node) -> Node:
    """A deep copy without parent, marks and hidden flags."""
    twin = Node(node.kind, node.local, node.value, prefix=node.prefix, namespace=node.namespace)
    twin.plain = node.plain
    for attribute in node.attributes or ():
        twin.set_attribute(
            attribute.local, attribute.value, prefix=attribute.prefix, namespace=attribute.namespace
        )
    for child in node.children:
        twin.append(copy_tree(child))
    return twin


class _Builder:
    """Receives expat's events and makes nodes of them."""

    def __init__(self, *, doctype: bool) -> None:
        self.root = Node(ROOT)
        self.node = self.root
        self.depth = 0
        self.scopes: list[dict[str, str]] = [{"xml": XML, "": ""}]
        self.pieces: list[str] = []
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.ordered_attributes = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.pieces.append
        parser.CommentHandler = self.comment
        parser.ProcessingInstructionHandler = self.instruction
        parser.EntityDeclHandler = self.refuse
        parser.UnparsedEntityDeclHandler = self.refuse
        parser.ExternalEntityRefHandler = self.refuse
        if not doctype:
            parser.StartDoctypeDeclHandler = self.refuse
        self.parser = parser

    def refuse(self, name: str, *_details: object) -> int:
        raise DTDForbidden(name, None, None)

    def flush(self) -> None:
        if self.pieces:
            if self.node is not self.root:
                self.node.append(Node(TEXT, value="".join(self.pieces)))
            self.pieces.clear()

    def start(self, tag: str, attributes: list[str]) -> None:
        self.flush()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Problem("questionnaire.too_deep", limit=MAX_DEPTH)
        scope = self.scopes[-1]
        declared: dict[str, str] = {}
        plain: list[tuple[str, str]] = []
        for name, value in zip(attributes[::2], attributes[1::2], strict=True):
            if name == "xmlns":
                declared[""] = value
            elif name.startswith("xmlns:"):
                declared[name[6:]] = value
            else:
                plain.append((name, value))
        if declared:
            scope = {**scope, **declared}
        self.scopes.append(scope)
        prefix, local = self.split(tag)
        node = Node(ELEMENT, local, prefix=prefix, namespace=self.resolve(scope, prefix))
        for name, value in plain:
            prefix, local = self.split(name)
            node.set_attribute(
                local, value, prefix=prefix, namespace=self.resolve(scope, prefix) if prefix else ""
            )
        self.node = self.node.append(node)

    @staticmethod
    def split(name: str) -> tuple[str, str]:
        prefix, colon, local = name.rpartition(":")
        return (prefix, local) if colon else ("", name)

    def resolve(self, scope: dict[str, str], prefix: str) -> str:
        found = scope.get(prefix)
        if found is None:
            line = self.parser.CurrentLineNumber
            raise Problem("questionnaire.malformed_xml", line=line, reason=f"unbound prefix {prefix}")
        return found

    def end(self, _tag: str) -> None:
        self.flush()
        self.depth -= 1
        self.scopes.pop()
        self.node = self.node.parent or self.root

    def comment(self, text: str) -> None:
        self.flush()
        self.node.append(Node(COMMENT, value=text))

    def instruction(self, target: str, text: str) -> None:
        self.flush()
        self.node.append(Node(INSTRUCTION, target, text))


def parse(source: str | bytes, *, doctype: bool = False) -> Node:
    """Read one XML document; returns its root node, whose only element child is the document element.

    Raises Problem `questionnaire.malformed_xml`, `questionnaire.forbidden_xml` (a document type declaration
    or an entity) or `questionnaire.too_deep`. `doctype=True` lets a declaration without entities pass.
    """
    builder = _Builder(doctype=doctype)
    try:
        builder.parser.Parse(source, True)
    except DTDForbidden as refusal:
        raise Problem("questionnaire.forbidden_xml") from refusal
    except expat.ExpatError as error:
        reason = expat.errors.messages.get(error.code, str(error))
        raise Problem("questionnaire.malformed_xml", line=error.lineno, reason=reason) from error
    except (ValueError, LookupError, UnicodeError) as error:
        raise Problem("questionnaire.malformed_xml", line=1, reason=str(error)) from error
    return builder.root


_ILLEGAL = {code: None for code in range(0x20) if code not in (9, 10, 13)} | {
    0xFFFE: None,
    0xFFFF: None,
    **dict.fromkeys(range(0xD800, 0xE000)),
}
_TEXT = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", **{chr(c): None for c in _ILLEGAL}}
)
_QUOTED = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        '"': "&quot;",
        "\n": "&#10;",
        "\t": "&#9;",
        "\r": "&#13;",
        **{chr(c): None for c in _ILLEGAL},
    }
)


def writable(text: str) -> bool:
    """Whether XML can hold this text: no control characters, no lone surrogates."""
    return text.isprintable() or text.translate(_ILLEGAL) == text


def serialise(node: Node, *, keep: Callable[[Node], bool] | None = None) -> str:
    """The element as XML text, declaring each namespace where it is first needed.

    Elements for which `keep` is false are left out with all they hold. Characters XML cannot hold are dropped.
    """
    out: list[str] = []
    _write(node, {"": "", "xml": XML}, out, keep)
    return "".join(out)


def _write(node: Node, scope: dict[str, str], out: list[str], keep: Callable[[Node], bool] | None) -> None:
    kind = node.kind
    if kind == TEXT:
        out.append(node.value.translate(_TEXT))
    elif kind == COMMENT:
        out.append(f"<!--{node.value}-->")
    elif kind == INSTRUCTION:
        out.append(f"<?{node.local} {node.value}?>")
    elif kind == ROOT:
        for child in node.children:
            _write(child, scope, out, keep)
    elif keep is None or keep(node):
        name = node.name
        out.append(f"<{name}")
        needed = {node.prefix: node.namespace}
        for attribute in node.attributes or ():
            if attribute.prefix:
                needed[attribute.prefix] = attribute.namespace
        fresh = {prefix: uri for prefix, uri in needed.items() if scope.get(prefix) != uri}
        if fresh:
            scope = {**scope, **fresh}
            for prefix, uri in fresh.items():
                out.append(f' {"xmlns:" + prefix if prefix else "xmlns"}="{uri.translate(_QUOTED)}"')
        for attribute in node.attributes or ():
            out.append(f' {attribute.name}="{attribute.value.translate(_QUOTED)}"')
        if not node.children:
            out.append("/>")
            return
        out.append(">")
        for child in node.children:
            _write(child, scope, out, keep)
        out.append(f"</{name}>")
