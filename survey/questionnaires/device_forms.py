"""The form a device is given: the published one, with what a page does for the cadre done inside the form.

A page fills in a form for one household, and gives it that household's items alone. A device carries the items of many
households, so the form asks first which household it is for, looks at that household's items only, and takes over what
the register knows once it is chosen. Owns this change of the XForm; names, binds and the version stay, so that what
comes back is checked against the published form. Pure. Refuses nothing: a form without a household passes as it is.
https://getodk.github.io/xforms-spec/#action:setvalue
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final
from xml.sax.saxutils import escape

HOUSEHOLDS: Final = "households"
HOUSEHOLD_ID: Final = "household_id"
_EXTERNAL: Final = re.compile(r'<instance id="([^"]+)" src="jr://file-csv/([^"/]+)\.csv"\s*/>')
_SETVALUE: Final = re.compile(r'<setvalue ref="([^"]+)" event="odk-instance-first-load" value="([^"]*)"\s*/>')
_ATTRIBUTE: Final = re.compile(r'="([^"]*)"')
_PRIMARY_END: Final = "</instance>"
_BODY: Final = re.compile(r"<h:body\b[^>]*>")
_TRANSLATION: Final = re.compile(r'<translation lang="([^"]*)"(?: default="true\(\)")?')


def lists_of(xform: str) -> tuple[str, ...]:
    """The lists a form reads from files beside it, by the name of the file.

    >>> lists_of('<instance id="members" src="jr://file-csv/members.csv"/>')
    ('members',)
    """
    return tuple(dict.fromkeys(name for _id, name in _EXTERNAL.findall(xform)))


def columns_of(xforms: Iterable[str], list_name: str, offered: Iterable[str]) -> frozenset[str]:
    """Which of a list's columns the forms name where they look into it."""
    looking = re.compile(rf"instance\(\s*(?:'|&quot;){re.escape(list_name)}(?:'|&quot;)\s*\)")
    expressions = [text for xform in xforms for text in _ATTRIBUTE.findall(xform) if looking.search(text)]
    return frozenset(
        name
        for name in offered
        if any(re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", text) for text in expressions)
    )


def for_device(
    xform: str, root: str, *, keyed: Mapping[str, str], question: str, language: str, asks: bool = True
) -> str:
    """The form as a device fills it in.

    `root` is the name of the root element, `keyed` names of each list by household the column that holds it,
    `question` is what the device asks, `language` the form's language to open in; `asks` is false for a form whose
    own questions already say which household.
    """
    chosen = f"/{root}/{HOUSEHOLD_ID}"
    changed = _in_language(xform, language)
    if f'<bind nodeset="{chosen}"' not in changed:
        return changed
    for name, column in keyed.items():
        if name == HOUSEHOLDS and not asks:
            continue  # its own question chooses among all of them
        changed = _of_household(changed, name, f"[{column} = {chosen}]")
    if not asks:
        return changed
    if HOUSEHOLDS not in lists_of(changed):
        file = f'<instance id="{HOUSEHOLDS}" src="jr://file-csv/{HOUSEHOLDS}.csv"/>'
        changed = changed.replace(_PRIMARY_END, _PRIMARY_END + file, 1)
    changed = changed.replace(f'<bind nodeset="{chosen}"', f'<bind nodeset="{chosen}" required="true()"', 1)
    control = _control(chosen, question, _taken_over(changed, chosen))
    return _BODY.sub(lambda body: body[0] + control, changed, count=1)


def _of_household(xform: str, name: str, predicate: str) -> str:
    items = re.compile(
        rf"(instance\(\s*(?:'|&quot;){re.escape(name)}(?:'|&quot;)\s*\)\s*/\s*root\s*/\s*item)(?![\w.-])"
    )
    return items.sub(lambda found: found[1] + predicate, xform)


def _taken_over(xform: str, chosen: str) -> str:
    """Every first value that depends on the household, to be set when it is chosen; a repeat sets its own."""
    repeats = re.findall(r'<repeat nodeset="([^"]+)"', xform)
    actions = [
        f'<setvalue event="xforms-value-changed" ref="{ref}" value="{value}"/>'
        for ref, value in _SETVALUE.findall(xform)
        if re.search(rf"{re.escape(chosen)}(?![\w.-])", value)
        and not any(ref.startswith(f"{repeat}/") for repeat in repeats)
    ]
    return "".join(actions)


def _control(chosen: str, question: str, actions: str) -> str:
    return (
        f'<select1 ref="{chosen}" appearance="autocomplete"><label>{escape(question)}</label>'
        f'<itemset nodeset="instance(\'{HOUSEHOLDS}\')/root/item"><value ref="name"/><label ref="label"/>'
        f"</itemset>{actions}</select1>"
    )


def _in_language(xform: str, language: str) -> str:
    """The form with that one of its languages as the default; as it is where it has no such language."""
    if f'<translation lang="{language}"' not in xform:
        return xform

    def marked(found: re.Match[str]) -> str:
        default = ' default="true()"' if found[1] == language else ""
        return f'<translation lang="{found[1]}"{default}'

    return _TRANSLATION.sub(marked, xform)
