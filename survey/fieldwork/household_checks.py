"""What a field of the register may hold: from what a person entered to what is stored.

Owns the white lists of fields, their checks and their normal forms. Refuses unknown fields, unknown codes,
numbers out of range, and an identity number that contradicts birth date or sex. Reads no database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from models import Residence
from survey.fieldwork import identity
from survey.i18n import gettext as _
from survey.problems import Problem
from survey.rules import codes

HEAD = "02"
SEX_NOT_STATED = "9"
# In a register, everybody else's relation is told to the head; "oneself" would tell nothing.
RELATIONS = tuple(key for key in codes.keys("relation") if key != "01")
LONGEST_ADDRESS = 200
LONGEST_NOTE = 1000
MOST_CHILDREN = 20

HOUSEHOLD_FIELDS = (
    "area_code",
    "address",
    "phone",
    "housing",
    "water_source",
    "medical_insurance",
    "children_in_school",
)
MEMBER_FIELDS = (
    "name",
    "relation",
    "sex",
    "birth_on",
    "id_number",
    "phone",
    "ethnic_group",
    "education",
    "residence",
    "health_note",
)


def field_label(field: str) -> str:
    """How a person calls a field, in the language in force."""
    labels: dict[str, Callable[[], str]] = {
        "area_code": lambda: _("Group"),
        "address": lambda: _("Address"),
        "phone": lambda: _("Phone"),
        "housing": lambda: _("Housing"),
        "water_source": lambda: _("Drinking water"),
        "medical_insurance": lambda: _("Medical insurance"),
        "children_in_school": lambda: _("Children in school"),
        "name": lambda: _("Name"),
        "relation": lambda: _("Relation to the head"),
        "sex": lambda: _("Sex"),
        "birth_on": lambda: _("Birth date"),
        "id_number": lambda: _("Identity number"),
        "ethnic_group": lambda: _("Ethnic group"),
        "education": lambda: _("Education"),
        "residence": lambda: _("Residence"),
        "health_note": lambda: _("Health note"),
        "place": lambda: _("Place"),
        "status": lambda: _("Status"),
        "needs": lambda: _("Needs"),
        "measures": lambda: _("Measures"),
    }
    return labels[field]() if field in labels else field


def household_columns(changes: Mapping[str, object]) -> dict[str, Any]:
    """Column values of changed household fields (`area_code` is left to the caller's register look-up).

    Problems `households.unknown_field`, `.unknown_code`, `.out_of_range`, `.too_long`, `identity.phone`.
    """
    _known(changes, HOUSEHOLD_FIELDS)
    columns: dict[str, Any] = {}
    for field, value in changes.items():
        if field == "phone":
            columns |= phone_columns(value)
        elif field == "address":
            columns[field] = _text(field, value, LONGEST_ADDRESS)
        elif field == "children_in_school":
            columns[field] = _count(field, value)
        elif field == "area_code":
            columns[field] = str(value)
        else:
            columns[field] = _code(field, field, value)
    return columns


def member_columns(changes: Mapping[str, object], current: Mapping[str, Any], on: date) -> dict[str, Any]:
    """Column values of changed member fields, checked together with what stays as it is.

    `current` holds the stored `birth_on`, `sex` and `id_number` of a known member, and is empty for a new
    one. Birth date and sex are taken from the identity number where they are not given. Problems as in
    `household_columns`, and `households.relation_missing`, `.birth_differs`, `.sex_differs`, `.birth_in_future`, `identity.*`.
    """
    _known(changes, MEMBER_FIELDS)
    columns: dict[str, Any] = {}
    for field, value in changes.items():
        columns |= _member_field(field, value, on)
    if columns.keys() & {"id_number", "birth_on", "sex"}:
        columns |= _agreeing({**current, **columns}, on)
    return columns


def _member_field(field: str, value: object, on: date) -> dict[str, Any]:
    if field == "name":
        name = identity.clean_name(str(value or ""))
        return {"name": name, "pinyin": identity.initials(name)}
    if field == "relation":
        if not value:
            raise Problem("households.relation_missing")
        if value not in RELATIONS:
            raise Problem("households.unknown_code", field=field_label(field), value=value)
        return {"relation": value}
    if field == "id_number":
        return _id_columns(value, on)
    if field == "phone":
        return phone_columns(value)
    if field == "birth_on":
        return {"birth_on": value}
    if field == "health_note":
        return {"health_note": _text(field, value, LONGEST_NOTE)}
    if field == "sex":
        return {"sex": _code(field, "sex", value) or SEX_NOT_STATED}
    if field == "residence":
        return {"residence": Residence(_code(field, "residence", value) or Residence.NOT_STATED)}
    return {field: _code(field, field, value)}


def _id_columns(value: object, on: date) -> dict[str, Any]:
    if not value:
        return {"id_number": None, "id_hash": None}
    number = identity.identity_number(str(value), on)
    return {"id_number": number.text, "id_hash": identity.id_hash(number.text)}


def phone_columns(value: object) -> dict[str, Any]:
    """The columns of a phone number, with its look-up hash; both empty for none. Problem `identity.phone`."""
    if not value:
        return {"phone": None, "phone_hash": None}
    number = identity.phone_number(str(value))
    return {"phone": number, "phone_hash": identity.phone_hash(number)}


def _agreeing(merged: Mapping[str, Any], on: date) -> dict[str, Any]:
    """Birth date and sex as they follow from the identity number, or nothing without one."""
    birth_on, sex = merged.get("birth_on"), merged.get("sex")
    if birth_on and birth_on > on:
        raise Problem("households.birth_in_future", birth_on=birth_on)
    if not merged.get("id_number"):
        return {}
    number = identity.identity_number(str(merged["id_number"]), on)
    if birth_on and birth_on != number.birth_on:
        raise Problem("households.birth_differs", birth_on=birth_on, from_number=number.birth_on)
    if sex in (identity.MALE, identity.FEMALE) and sex != number.sex:
        raise Problem("households.sex_differs")
    return {"birth_on": number.birth_on, "sex": number.sex}


def _known(changes: Mapping[str, object], fields: tuple[str, ...]) -> None:
    for field in changes:
        if field not in fields:
            raise Problem("households.unknown_field", field=field)


def _code(field: str, code_list: str, value: object) -> str | None:
    if value is None or value == "":
        return None
    if value not in codes.keys(code_list):
        raise Problem("households.unknown_code", field=field_label(field), value=value)
    return str(value)


def _text(field: str, value: object, longest: int) -> str | None:
    text = str(value or "").strip()
    if len(text) > longest:
        raise Problem("households.too_long", field=field_label(field), maximum=longest, length=len(text))
    return text or None


def _count(field: str, value: object) -> int | None:
    if value is None or value == "":
        return None
    if not isinstance(value, int) or not 0 <= value <= MOST_CHILDREN:
        raise Problem(
            "households.out_of_range", field=field_label(field), value=value, minimum=0, maximum=MOST_CHILDREN
        )
    return value
