"""Code lists: every key that is shown has its labels, and the questionnaires say the same as the lists."""

from __future__ import annotations

from enum import StrEnum
from importlib.resources import files

import pytest
import yaml

from models import (
    AreaLevel,
    AssignmentKind,
    AuditResult,
    CaseState,
    DeviceScope,
    DifficultyState,
    Disposition,
    HouseholdStatus,
    PlaceSource,
    Post,
    Residence,
    Satisfaction,
    StepKind,
    SubmissionSource,
)
from survey.access.permissions import Action, Role
from survey.i18n import LANGUAGES, speaking
from survey.problems import UniqueKeyLoader
from survey.questionnaires import library
from survey.rules import codes

ENUMS: dict[str, type[StrEnum]] = {
    "action": Action,
    "area_level": AreaLevel,
    "assignment_kind": AssignmentKind,
    "audit_result": AuditResult,
    "case_state": CaseState,
    "device_scope": DeviceScope,
    "difficulty_state": DifficultyState,
    "disposition": Disposition,
    "household_status": HouseholdStatus,
    "place_source": PlaceSource,
    "post": Post,
    "residence": Residence,
    "role": Role,
    "satisfaction": Satisfaction,
    "step_kind": StepKind,
    "submission_source": SubmissionSource,
}
# Choices of a form that no list holds: they are answers about answering, and never stored under their key.
ONLY_IN_FORMS = {("difficulty_state", "not_asked")}
LISTS_ONLY_IN_FORMS = {"yes_no"}


@pytest.mark.parametrize("code_list", sorted(ENUMS))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_member_of_an_enum_has_a_label_of_its_own(code_list: str, language: str) -> None:
    members = {str(member) for member in ENUMS[code_list]}
    with speaking(language):
        labels = codes.labels(code_list)
    assert set(labels) >= members
    shown = [labels[member] for member in members]
    assert all(shown)
    assert len(set(shown)) == len(shown), "two members look the same"


@pytest.mark.parametrize("name", codes._FILES)
def test_no_list_and_no_key_stands_twice(name: str) -> None:
    text = files("survey.rules").joinpath(name).read_text(encoding="utf-8")
    lists = yaml.load(text, UniqueKeyLoader)
    for code_list, entries in lists.items():
        for key, entry in entries.items():
            assert isinstance(key, str), f"{code_list}: {key!r} must be quoted"
            assert set(entry) == set(LANGUAGES), f"{code_list}.{key}"
            assert all(isinstance(words, str) and words for words in entry.values()), f"{code_list}.{key}"


def _choices(source: str) -> list[dict[str, str]]:
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in source[source.index("| choices |") :].splitlines()[1:]
        if line.startswith("|")
    ]
    head = rows[0]
    body: list[dict[str, str]] = []
    for row in rows[1:]:
        if row[0]:
            break  # the next sheet
        body.append(dict(zip(head, row, strict=False)))
    return body


FORMS = dict(library.shipped())


@pytest.mark.parametrize("form_id", sorted(FORMS))
def test_the_choices_of_a_questionnaire_are_those_of_the_lists_in_both_languages(form_id: str) -> None:
    choices = _choices(FORMS[form_id])
    assert choices
    with speaking("zh"):
        chinese = {name: codes.labels(name) for name in _lists_of(choices)}
    with speaking("en"):
        english = {name: codes.labels(name) for name in _lists_of(choices)}
    for choice in choices:
        code_list, key = choice["list_name"], choice["name"]
        if code_list in LISTS_ONLY_IN_FORMS or (code_list, key) in ONLY_IN_FORMS:
            continue
        said = (choice["label::中文 (zh)"], choice["label::English (en)"])
        assert said == (chinese[code_list].get(key), english[code_list].get(key)), f"{code_list}.{key}"


@pytest.mark.parametrize("form_id", sorted(FORMS))
def test_a_questionnaire_offers_a_list_whole(form_id: str) -> None:
    choices = _choices(FORMS[form_id])
    for code_list in _lists_of(choices):
        offered = {c["name"] for c in choices if c["list_name"] == code_list}
        assert offered >= set(codes.keys(code_list)), code_list


def _lists_of(choices: list[dict[str, str]]) -> set[str]:
    return {choice["list_name"] for choice in choices} - LISTS_ONLY_IN_FORMS


def test_a_dropped_key_is_shown_as_itself_and_an_unknown_list_is_an_error() -> None:
    assert codes.label("difficulty", "firewood") == "firewood"
    assert codes.label("difficulty", None) == ""
    with pytest.raises(KeyError):
        codes.label("no_such_list", "road")
