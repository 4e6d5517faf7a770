"""Code lists: stable keys and their labels in Chinese and English.

Owns reading `codes.yaml` (and the standard lists beside it) and giving labels. Refuses a key that is not in its
list, so that no bare key reaches a person. Enums of the tables are labelled here too, under their list's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml

from survey import i18n

_FILES = ("codes.yaml", "standard_codes.yaml")


@cache
def _lists() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    folder = files("survey.rules")
    lists: dict[str, dict[str, Mapping[str, str]]] = {}
    for name in _FILES:
        lists.update(yaml.safe_load(folder.joinpath(name).read_text(encoding="utf-8")) or {})
    return lists


def keys(code_list: str) -> tuple[str, ...]:
    """The keys of a list in its order; `KeyError` for an unknown list."""
    return tuple(_lists()[code_list])


def label(code_list: str, key: str | None) -> str:
    """The label of a key in the language in force; empty for none.

    A key that a township has since dropped is shown as itself, so that old records stay readable.

    >>> label("difficulty", "road")
    '行路难'
    """
    if not key:
        return ""
    entry = _lists()[code_list].get(str(key))
    return entry[i18n.language()] if entry else str(key)


def labels(code_list: str) -> dict[str, str]:
    """Key → label of a whole list in the language in force, in its order."""
    return {key: entry[i18n.language()] for key, entry in _lists()[code_list].items()}
