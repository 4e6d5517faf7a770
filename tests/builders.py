"""Rows for tests in few words: valid defaults, any column overridden by name. Only synthetic people.

Every builder adds its row to the session and flushes; `a_cadre` gives the actor, the others the row.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from itertools import count
from typing import Any
from uuid import uuid4

from pypinyin import Style, lazy_pinyin
from sqlmodel import Session, select

from models import (
    Area,
    AreaLevel,
    Assignment,
    AssignmentKind,
    Cadre,
    Case,
    CaseState,
    CaseStep,
    Disposition,
    HardshipFile,
    Household,
    Member,
    Post,
    Posting,
    Questionnaire,
    QuestionnaireVersion,
    StepKind,
    Submission,
    SubmissionSource,
    Visit,
)
from survey import crypto
from survey.access.permissions import ROLE_OF_POST, Actor, Grant, operator

COUNTY = "511922"
TOWNSHIP = "511922125"
OTHER_TOWNSHIP = "511922101"
VILLAGE = "511922125200"
OTHER_VILLAGE = "511922125201"
FAR_VILLAGE = "511922101200"
GROUP = "51192212520001"
SECOND_GROUP = "51192212520002"
OTHER_GROUP = "51192212520101"

TODAY = date(2026, 5, 6)
NOW = datetime(2026, 5, 6, 2, 30, tzinfo=UTC)

_AREAS = (
    (COUNTY, AreaLevel.COUNTY, "四川省巴中市南江县", "南江县", None),
    (TOWNSHIP, AreaLevel.TOWNSHIP, "兴马镇", "兴马镇", COUNTY),
    (OTHER_TOWNSHIP, AreaLevel.TOWNSHIP, "沙河镇", "沙河镇", COUNTY),
    (VILLAGE, AreaLevel.VILLAGE, "余家坪村村民委员会", "余家坪村", TOWNSHIP),
    (OTHER_VILLAGE, AreaLevel.VILLAGE, "齐家湾村村民委员会", "齐家湾村", TOWNSHIP),
    (FAR_VILLAGE, AreaLevel.VILLAGE, "红光村村民委员会", "红光村", OTHER_TOWNSHIP),
    (GROUP, AreaLevel.GROUP, "1社", "1社", VILLAGE),
    (SECOND_GROUP, AreaLevel.GROUP, "2社", "2社", VILLAGE),
    (OTHER_GROUP, AreaLevel.GROUP, "1社", "1社", OTHER_VILLAGE),
)
# A form with nothing to fill in.
_XFORM = (
    '<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"><h:head><h:title>空</h:title>'
    '<model><instance><data id="test_form"><meta><instanceID/></meta></data></instance></model></h:head><h:body/></h:html>'
)
_numbers = count(1)


def _initials(name: str) -> str:
    return "".join(lazy_pinyin(name, style=Style.FIRST_LETTER))


def _added(session: Session, row: Any) -> Any:
    session.add(row)
    session.flush()
    return row


def an_area_tree(session: Session) -> None:
    """One county, two townships, three villages, three groups; nothing where it stands already."""
    if session.get(Area, COUNTY):
        return
    for code, level, name, short_name, parent in _AREAS:
        area = Area(code=code, level=level, name=name, short_name=short_name, parent_code=parent)
        area.valid_from = date(2020, 1, 1)
        area.source = "tests"
        _added(session, area)


def a_cadre(session: Session, post: Post = Post.VILLAGE_HEAD, area: str = VILLAGE, **over: Any) -> Actor:
    """A cadre with one post since 2020, as the actor a service takes."""
    an_area_tree(session)
    number = next(_numbers)
    values = {
        "username": f"cadre{number}",
        "name": f"测试干部{number}",
        "password_hash": "no password",
        "must_change_password": False,
    } | over
    cadre: Cadre = _added(session, Cadre(**values))
    _added(session, Posting(cadre_id=cadre.id, post=post, area_code=area, starts_on=date(2020, 1, 1)))
    return Actor(cadre.id, cadre.username, cadre.name, (Grant(ROLE_OF_POST[post], area),), cadre.language)


def an_operator() -> Actor:
    """The operator of the machine, as the command line acts."""
    return operator("tester")


def a_household(session: Session, area: str = GROUP, head: str = "测试户主", **over: Any) -> Household:
    """An active household with its head as member."""
    an_area_tree(session)
    number = next(_numbers)
    values = {
        "code": f"{area}-{number:04d}",
        "area_code": area,
        "head_name": head,
        "head_pinyin": _initials(head),
    } | over
    household: Household = _added(session, Household(**values))
    a_member(session, household, name=head, relation="02")
    return household


def a_member(session: Session, household: Household, **over: Any) -> Member:
    """A person of the household; by default a child of the head."""
    values = {
        "household_id": household.id,
        "area_code": household.area_code,
        "name": f"测试成员{next(_numbers)}",
        "relation": "20",
        "sex": "1",
        "birth_on": date(1980, 1, 1),
    } | over
    values.setdefault("pinyin", _initials(str(values["name"])))
    member: Member = _added(session, Member(**values))
    return member


def a_hardship_file(session: Session, household: Household | None = None, **over: Any) -> HardshipFile:
    """An open file of a household (made when none is given)."""
    household = household or a_household(session)
    values = {
        "household_id": household.id,
        "area_code": household.area_code,
        "category": "subsistence",
        "main_cause": "illness",
        "causes": ["illness"],
        "opened_on": date(2026, 1, 5),
        "next_contact_on": TODAY,
    } | over
    file: HardshipFile = _added(session, HardshipFile(**values))
    return file


def an_assignment(
    session: Session, cadre: Actor, household: Household | None = None, **over: Any
) -> Assignment:
    """The cadre is the contact of the household; without one, of the village."""
    values: dict[str, Any] = {"cadre_id": cadre.cadre_id, "starts_on": date(2026, 1, 1)}
    if household is None:
        values |= {"kind": AssignmentKind.VILLAGE, "area_code": VILLAGE}
    else:
        values |= {
            "kind": AssignmentKind.HOUSEHOLD,
            "area_code": household.area_code,
            "household_id": household.id,
        }
    assignment: Assignment = _added(session, Assignment(**(values | over)))
    return assignment


def a_case(session: Session, household: Household | None = None, **over: Any) -> Case:
    """An open case of a household, just taken in, with its intake step."""
    household = household or a_household(session)
    values = {
        "number": f"{household.area_code[:9]}-2026-{next(_numbers):06d}",
        "area_code": household.area_code,
        "household_id": household.id,
        "category": "water",
        "severity": 2,
        "words": "测试：水管断了",
        "opened_on": date(2026, 5, 1),
    } | over
    case: Case = _added(session, Case(**values))
    step = CaseStep(
        case_id=case.id, kind=StepKind.INTAKE, to_state=CaseState.TAKEN_IN, acted_on=case.opened_on
    )
    _added(session, step)
    return case


def a_questionnaire_version(
    session: Session, form_id: str = "test_form", **over: Any
) -> QuestionnaireVersion:
    """A published version of a questionnaire, whose text nobody runs."""
    questionnaire = session.exec(select(Questionnaire).where(Questionnaire.form_id == form_id)).first()
    if questionnaire is None:
        questionnaire = _added(session, Questionnaire(form_id=form_id, title_zh="测试问卷"))
    values = {
        "questionnaire_id": questionnaire.id,
        "version": str(next(_numbers)),
        "source": "",
        "xform": _XFORM,
        "sha256": hashlib.sha256(_XFORM.encode()).hexdigest(),
        "valid_from": date(2020, 1, 1),
    } | over
    version: QuestionnaireVersion = _added(session, QuestionnaireVersion(**values))
    return version


def a_submission(
    session: Session, cadre: Actor, household: Household | None = None, **over: Any
) -> Submission:
    """A received filling with a payload of no meaning."""
    payload = over.pop("payload", "<data/>")
    values = {
        "instance_id": f"uuid:{uuid4()}",
        "cadre_id": cadre.cadre_id,
        "household_id": household.id if household else None,
        "area_code": household.area_code if household else None,
        "source": SubmissionSource.PAGE,
        "payload": payload,
        "payload_hash": crypto.current().look_up_hash("submission.payload", str(payload)),
    } | over
    if "version_id" not in values:
        values["version_id"] = a_questionnaire_version(session).id
    submission: Submission = _added(session, Submission(**values))
    return submission


def a_visit(
    session: Session, household: Household | None = None, cadre: Actor | None = None, **over: Any
) -> Visit:
    """A completed visit with its submission."""
    household = household or a_household(session)
    cadre = cadre or a_cadre(session)
    visited_on = over.pop("visited_on", TODAY)
    values = {
        "household_id": household.id,
        "area_code": household.area_code,
        "cadre_id": cadre.cadre_id,
        "visited_on": visited_on,
        "entered_on": visited_on,
        "disposition": Disposition.COMPLETED,
        "purpose": "routine",
    } | over
    if "instance_id" not in values:
        values["instance_id"] = a_submission(session, cadre, household).instance_id
    visit: Visit = _added(session, Visit(**values))
    return visit
