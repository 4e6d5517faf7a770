"""Files of choices that come with a questionnaire (csv, geojson, xml), put into the compiled form.

Owns reading such a file as items and writing them into the form's own XML, so that a published version holds all it
needs and never changes. Refuses by Problem `authoring.bad_choices_file` what is no such file, and entity declarations.
https://docs.getodk.org/form-datasets/
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

from survey.problems import Problem
from survey.questionnaires import media_names
from survey.questionnaires.tree import ELEMENT, TEXT, Node, parse

MOST_BYTES: Final = 10 * 2**20
MOST_ITEMS: Final = 50_000
TYPES: Final = (".csv", ".geojson", ".xml")
_SOURCE: Final = re.compile(r'<instance id="([^"]+)" src="jr://[^"]*?([^"/]+)"\s*/>')
_NAME: Final = re.compile(r"[^\W\d][\w.\-]*$")
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def embed(xform: str, files: Mapping[str, bytes]) -> str:
    """The form with every external instance whose file is given replaced by that file's items."""

    def replaced(found: re.Match[str]) -> str:
        name = found[2]
        if name not in files:
            return found[0]
        return f'<instance id="{found[1]}">{_root(name, files[name])}</instance>'

    return _SOURCE.sub(replaced, xform)


def _root(name: str, content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise Problem("authoring.too_large", limit=MOST_BYTES // 2**20)
    if name.endswith(".xml"):
        return _xml(name, content)
    items = _csv_items(name, content) if name.endswith(".csv") else _geojson_items(name, content)
    rows = []
    for count, item in enumerate(items, 1):
        if count > MOST_ITEMS:
            raise Problem("authoring.too_many_items", file=name, limit=MOST_ITEMS)
        cells = "".join(
            f"<{key}>{escape(_UNPRINTABLE.sub('', value))}</{key}>" for key, value in item.items()
        )
        rows.append(f"<item>{cells}</item>")
    return f"<root>{''.join(rows)}</root>"


def _csv_items(name: str, content: bytes) -> Iterator[Mapping[str, str]]:
    reader = _csv_lines(name, _text(name, content))
    headings = [heading.strip() for heading in next(reader, [])]
    bad = [heading for heading in headings if not _NAME.match(heading)]
    if "name" not in headings or bad or len(set(headings)) < len(headings):
        raise Problem("authoring.bad_choices_file", file=name, reason=", ".join(bad) or "name")
    for row in reader:
        if any(cell.strip() for cell in row):
            yield dict(zip(headings, row, strict=False))


def _csv_lines(name: str, text: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(text))
    except csv.Error as error:
        raise Problem("authoring.bad_choices_file", file=name, reason=str(error)) from error


def _geojson_items(name: str, content: bytes) -> Iterator[Mapping[str, str]]:
    try:
        features = json.loads(_text(name, content))["features"]
        for feature in features:
            yield _feature(feature)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Problem("authoring.bad_choices_file", file=name, reason=type(error).__name__) from error


def _feature(feature: Mapping[str, Any]) -> Mapping[str, str]:
    properties = feature.get("properties") or {}
    item = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in properties.items()
        if _NAME.match(key) and value is not None
    }
    if "id" in feature:
        item["id"] = str(feature["id"])
    shape = feature["geometry"]
    if shape and shape["type"] == "Point":
        lon, lat = shape["coordinates"][:2]
        item["geometry"] = f"{float(lat)} {float(lon)} 0 0"
    return item


def _xml(name: str, content: bytes) -> str:
    try:
        document = parse(content)
    except Problem as problem:
        raise Problem("authoring.bad_choices_file", file=name, reason=problem.message("en")) from problem
    return "".join(_written(child) for child in document.elements()[:1])


def _written(node: Node) -> str:
    inner = "".join(
        _written(child) if child.kind == ELEMENT else escape(child.value)
        for child in node.children
        if child.kind in (ELEMENT, TEXT)
    )
    return f"<{node.local}>{inner}</{node.local}>"


def _text(name: str, content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Problem("authoring.bad_choices_file", file=name, reason="encoding")


def named(names: Sequence[str]) -> frozenset[str]:
    """Those of the names that belong to a questionnaire: files of choices, and what its texts show."""
    return frozenset(name for name in names if name.lower().endswith(TYPES) or media_names.media_type(name))
