"""Everything that can go wrong for a user, as one catalogue of stable codes.

Owns `Problem`, the only exception a service raises for a user's or an operator's mistake, and the
catalogue: one YAML file a domain in `survey/problem_catalogue/`, each entry with a sentence and the
remedy in Chinese and English. Refuses an unknown code and a duplicate one, so that no message reaches
a person untranslated. Pure but for reading its own package data; what is no mistake of a user stays an
ordinary exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

DEFAULT_LANGUAGE = "zh"


@dataclass(frozen=True)
class Entry:
    """One catalogue entry: what happened and what to do about it, by language; `status` for HTTP."""

    code: str
    status: int
    message: Mapping[str, str]
    remedy: Mapping[str, str]


class Problem(Exception):
    """A mistake a person can mend: a code of the catalogue and the facts its sentence names."""

    def __init__(self, code: str, **facts: object) -> None:
        self.code = code
        self.facts = facts
        self.entry = catalogue()[code]
        super().__init__(self.text("en"))

    @property
    def status(self) -> int:
        """The HTTP status a route answers with."""
        return self.entry.status

    def message(self, language: str = DEFAULT_LANGUAGE) -> str:
        """What happened, in one sentence."""
        return self.entry.message[language].format_map(self.facts)

    def remedy(self, language: str = DEFAULT_LANGUAGE) -> str:
        """What to do about it, in one sentence."""
        return self.entry.remedy[language].format_map(self.facts)

    def text(self, language: str = DEFAULT_LANGUAGE) -> str:
        """Message and remedy, as shown to a person."""
        gap = "" if language == "zh" else " "
        return f"{self.message(language)}{gap}{self.remedy(language)}"


class UniqueKeyLoader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key) for key, _ in node.value]
        repeated = {key for key in keys if keys.count(key) > 1}
        if repeated:
            raise ValueError(f"duplicate keys {sorted(repeated)} at {node.start_mark}")
        return super().construct_mapping(node, deep=deep)


@cache
def catalogue() -> Mapping[str, Entry]:
    """Every problem code with its entry; raises `ValueError` when two files name one code."""
    entries: dict[str, Entry] = {}
    for path in sorted(files("survey").joinpath("problem_catalogue").iterdir(), key=lambda p: p.name):
        if not path.name.endswith(".yaml"):
            continue
        for code, row in yaml.load(path.read_text(encoding="utf-8"), UniqueKeyLoader).items():  # noqa: S506 - a safe loader
            if code in entries:
                raise ValueError(f"problem code {code} stands twice in the catalogue")
            entries[code] = Entry(
                code=code,
                status=row.get("status", 422),
                message={"zh": row["zh"], "en": row["en"]},
                remedy={"zh": row["remedy_zh"], "en": row["remedy_en"]},
            )
    return entries
