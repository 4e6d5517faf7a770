"""How each service is tried by the permission test: by whom it may be called, and on what.

`TRIALS` names every service of the project by module and function. Whoever adds a service adds its line; a service
without one fails `test_permissions.py`. The roles are written here by hand, so that a change of what a role may do is
made twice, once in `survey.access.permissions` and once here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

from PIL import Image
from sqlmodel import Session, select

from models import (
    Area,
    AreaLevel,
    Attachment,
    ConflictKind,
    DeviceScope,
    HouseholdStatus,
    PlaceSource,
    Post,
    Posting,
    QuestionnaireFile,
    Residence,
    SubmissionSource,
    UpdateConflict,
)
from survey import store_checks
from survey.access import accounts, devices, sign_in, trail
from survey.access.permissions import Action, Actor, Role
from survey.access.sign_in import Attempt
from survey.analysis import snapshot
from survey.areas import importing, register
from survey.cases import service as cases
from survey.cases import worklists
from survey.cases.lifecycle import StepKind
from survey.cases.service import Report
from survey.cases.worklists import CaseFilter
from survey.fieldwork import (
    assignments,
    carried_lists,
    conflicts,
    duplicates,
    hardship,
    household_search,
    households,
    places,
    quality,
    visits,
)
from survey.fieldwork.conflicts import ConflictChoice
from survey.maps import layers
from survey.questionnaires import (
    attachments,
    audiences,
    authoring,
    carried_forms,
    corrections,
    delivered_files,
    drafts,
    file_answers,
    library,
    media,
    progress,
    results,
    reviews,
    running,
    submissions,
)
from survey.questionnaires.conversion import Authored
from survey.questionnaires.reviews import Chosen, ReviewState
from tests import builders, fillings
from tests.authored import WATER, checked, publication, uploaded
from tests.builders import NOW, TODAY

SHIPPED = Path(importing.__file__).parent / "registers" / "nanjiang_511922_2023-06-30.csv"
QUESTION = "/data/closing/photo[1]/image"


class Reach(StrEnum):
    """What is tried outside the actor's area."""

    RECORD = "record"  # a record or an area outside: refused
    LIST = "list"  # nothing from outside in what is returned
    OWN = "own"  # only the actor's own account: there is no outside
    WHOLE = "whole"  # the store as a whole: there is no outside


@dataclass(frozen=True)
class Side:
    """The rows of one village: the actors' own (near) or another township's (far)."""

    village: str
    group: str
    household: str
    head: str
    member: str
    other_member: str
    bare_household: str
    file: str
    case: str
    visit: str
    assignment: int
    cadre: int
    username: str
    spare_cadre: int
    posting: int
    draft: drafts.DraftView  # somebody's, unfinished, with a photo
    attachment: str
    sent_instance: str
    conflict: int
    delivery: submissions.Delivery  # somebody's, accepted already
    device: str

    @property
    def marks(self) -> tuple[str, ...]:
        """What betrays this side in anything that is returned."""
        return (self.village, self.household, self.head, self.file, self.case, self.visit, self.username)


@dataclass(frozen=True)
class World:
    """Both sides, and one who reads households everywhere (for the state a form was opened with)."""

    near: Side
    far: Side
    chief: Actor
    folder: Path


Call = Callable[[Session, Actor, Side, World], Any]


@dataclass(frozen=True)
class Trial:
    """Who may, how it is called on one side, and what is tried outside."""

    roles: frozenset[Role]
    call: Call
    reach: Reach = Reach.RECORD
    shows: bool = True  # whether a list names what it is about (a count does not)


def a_picture(session: Session, area_code: str) -> tuple[str, str]:
    """Form id and version of a questionnaire of an area's office that shows `house.png`."""
    version = builders.a_questionnaire_version(session, area_code=area_code)
    content = b"\x89PNG\r\n\x1a\n"
    session.add(QuestionnaireFile(version_id=version.id, name="house.png", content=content, sha256="0" * 64))
    session.flush()
    return "test_form", version.version


def a_photo() -> bytes:
    file = BytesIO()
    Image.new("RGB", (40, 30), "white").save(file, "JPEG")
    return file.getvalue()


def a_side(session: Session, village: str, group: str, head: str) -> Side:
    """The rows of one village; the questionnaires must be published."""
    _a_group(session, village, group)
    owner = builders.a_cadre(
        session, Post.VILLAGE_HEAD, village, username=f"owner{village}", name=f"{head}干部"
    )
    spare = builders.a_cadre(session, Post.VILLAGE_COMMITTEE_MEMBER, village)
    household = builders.a_household(session, group, head, phone="13800001234", lat=32.2, lon=106.9)
    bare = builders.a_household(session, group, f"{head}二", lat=32.2, lon=106.9)
    member = builders.a_member(session, household, id_number="511922197003150029")
    case = builders.a_case(session, household, lat=32.2, lon=106.9)
    visit = builders.a_visit(session, household, owner, follow_up_on=TODAY)
    assignment = builders.an_assignment(session, owner, household)
    draft = drafts.start(session, owner, library.VISIT_FORM, household.id, now=NOW)
    photo = attachments.store(session, owner, draft.instance_id, QUESTION, "1.jpg", a_photo())
    sent = _filled(session, spare, household.id)
    sent_id = submissions.accept(session, spare, sent).instance_id
    posting = session.exec(select(Posting.id).where(Posting.cadre_id == spare.cadre_id)).one()
    assert owner.cadre_id and spare.cadre_id and assignment.id and posting
    return Side(
        village=village,
        group=group,
        household=household.id,
        head=head,
        member=member.id,
        other_member=builders.a_member(session, household).id,
        bare_household=bare.id,
        file=builders.a_hardship_file(session, household).id,
        case=case.id,
        visit=visit.id,
        assignment=assignment.id,
        cadre=owner.cadre_id,
        username=owner.username,
        spare_cadre=spare.cadre_id,
        posting=posting,
        draft=draft,
        attachment=_sent_photo(session, photo.id, sent_id, group),
        sent_instance=sent_id,
        conflict=_a_conflict(session, sent_id, household.id, group),
        delivery=sent,
        device=_a_device(session, owner),
    )


def _a_device(session: Session, owner: Actor) -> str:
    return devices.issue(session, owner, "平板", scope=DeviceScope.FILL_IN, days=30, now=NOW).device.id


def _a_group(session: Session, village: str, group: str) -> None:
    if session.get(Area, group) is None:
        row = Area(code=group, level=AreaLevel.GROUP, name="1社", short_name="1社", parent_code=village)
        row.valid_from = date(2020, 1, 1)
        session.add(row)
        session.flush()


def _filled(session: Session, actor: Actor, household_id: str) -> submissions.Delivery:
    draft = drafts.start(session, actor, library.VISIT_FORM, household_id, now=NOW)
    instance = fillings.answered(session, actor, draft, fillings.no_problem())
    return submissions.Delivery(instance.to_xml(final=True), SubmissionSource.PAGE, NOW)


def _sent_photo(session: Session, attachment_id: str, instance_id: str, area_code: str) -> str:
    """The same photo in a filling that was submitted."""
    row = session.get_one(Attachment, attachment_id)
    values = row.model_dump() | {"id": str(uuid4()), "instance_id": instance_id, "area_code": area_code}
    session.add(Attachment(**values))
    session.flush()
    return str(values["id"])


def _a_conflict(session: Session, instance_id: str, household_id: str, area_code: str) -> int:
    """A conflict that the submission met at its household."""
    row = UpdateConflict(
        instance_id=instance_id,
        household_id=household_id,
        area_code=area_code,
        kind=ConflictKind.HARD,
        record_kind="household",
        record_id=household_id,
        field="housing",
        base_version=1,
        found_version=2,
        sent_value='"safe"',
        kept_value='"grade_c"',
    )
    session.add(row)
    session.flush()
    assert row.id
    return row.id


def own_draft(session: Session, actor: Actor, side: Side) -> drafts.DraftView:
    """The actor's own draft where he may have one, else somebody else's."""
    if actor.cadre_id is None or not actor.may(Action.VISITS_RECORD, side.group):
        return side.draft
    return drafts.start(session, actor, library.VISIT_FORM, side.bare_household, now=NOW)


def own_delivery(session: Session, actor: Actor, side: Side) -> submissions.Delivery:
    """A filling of the actor's own where he may have one, else somebody else's."""
    if actor.cadre_id is None or not actor.may(Action.VISITS_RECORD, side.group):
        return side.delivery
    return _filled(session, actor, side.bare_household)


def own_ready_draft(session: Session, actor: Actor, side: Side) -> str:
    """The instance id of a draft that can be submitted, the actor's own where he may have one."""
    if actor.cadre_id is None or not actor.may(Action.VISITS_RECORD, side.group):
        return side.draft.instance_id
    _filled(session, actor, side.bare_household)
    return own_draft(session, actor, side).instance_id


def own_sent(session: Session, actor: Actor, side: Side) -> str:
    """A submission of the actor's own where he may have one, else somebody else's."""
    if actor.cadre_id is None or not actor.may(Action.VISITS_RECORD, side.group):
        return side.sent_instance
    sent = _filled(session, actor, side.bare_household)
    return submissions.accept(session, actor, sent).instance_id


def own_device(session: Session, actor: Actor, side: Side) -> str:
    """A device of the actor's own where he may have one, else somebody else's."""
    if actor.cadre_id is None or not actor.may(Action.VISITS_RECORD, side.group):
        return side.device
    return _a_device(session, actor)


def a_delivered_photo() -> delivered_files.DeliveredFile:
    return delivered_files.DeliveredFile("3.jpg", BytesIO(a_photo()))


def own_version(
    session: Session, actor: Actor, side: Side, world: World, *, draft: bool = False
) -> tuple[int, str]:
    """A version of the office of a side's township, for every post in that side's village; its id and form."""
    township = side.village[:9]
    chief = builders.a_cadre(session, Post.MASS_WORK_DIRECTOR, township)
    form = f"water{side.village}"
    kept = uploaded(session, chief, WATER.replace("| water | 1 |", f"| {form} | 1 |"))
    if not draft:
        authoring.publish(
            session, chief, kept.id, publication(side.village, tuple(authoring.fillers())), now=NOW
        )
    return kept.id, form


def seen(session: Session, side: Side, world: World) -> households.HouseholdView:
    """The household as it was when a form was opened."""
    return households.household(session, world.chief, side.household, on=TODAY)


def seen_member(session: Session, side: Side, world: World) -> Any:
    """The member as he was when a form was opened."""
    return next(m for m in seen(session, side, world).members if m.id == side.other_member)


INFORMANT, CADRE, HEAD, STATIONED = (
    Role.GROUP_INFORMANT,
    Role.VILLAGE_CADRE,
    Role.VILLAGE_HEAD,
    Role.STATIONED_CADRE,
)
OFFICE, LEADER, ANALYST = Role.MASS_WORK_OFFICE, Role.TOWNSHIP_LEADER, Role.ANALYST
INSPECTOR, ADMINISTRATOR, OPERATOR = Role.DISCIPLINE_INSPECTOR, Role.ADMINISTRATOR, Role.OPERATOR

EVERYBODY = frozenset(Role)
SIGNED_IN = EVERYBODY - {OPERATOR}
FIELD = frozenset({CADRE, HEAD, STATIONED, OFFICE})
VISITORS = FIELD | {INFORMANT, LEADER}
HARDSHIP_READERS = FIELD | {LEADER}
ASSIGNERS = frozenset({HEAD, OFFICE})
KEEPERS = frozenset({ADMINISTRATOR, OPERATOR})
AUDITORS = KEEPERS | {INSPECTOR}
SNAPSHOTS = frozenset({OFFICE, ANALYST, OPERATOR})
PUBLISHERS = frozenset({OFFICE, OPERATOR})
REVIEWERS = frozenset({OFFICE})

TRIALS: dict[str, Trial] = {
    # access
    "survey.access.accounts.accounts": Trial(KEEPERS, lambda s, a, x, w: accounts.accounts(s, a), Reach.LIST),
    "survey.access.accounts.account": Trial(KEEPERS, lambda s, a, x, w: accounts.account(s, a, x.cadre)),
    "survey.access.accounts.account_named": Trial(
        KEEPERS, lambda s, a, x, w: accounts.account_named(s, a, x.username)
    ),
    "survey.access.accounts.create_account": Trial(
        KEEPERS,
        lambda s, a, x, w: accounts.create_account(
            s, a, "new", "新", Post.STATIONED_CADRE, x.village, starts_on=TODAY
        ),
    ),
    "survey.access.accounts.add_posting": Trial(
        KEEPERS,
        lambda s, a, x, w: accounts.add_posting(
            s, a, x.cadre, Post.STATIONED_CADRE, x.village, starts_on=TODAY
        ),
    ),
    "survey.access.accounts.end_posting": Trial(
        KEEPERS, lambda s, a, x, w: accounts.end_posting(s, a, x.posting, ends_on=TODAY)
    ),
    "survey.access.accounts.lock": Trial(KEEPERS, lambda s, a, x, w: accounts.lock(s, a, x.cadre, now=NOW)),
    "survey.access.accounts.unlock": Trial(
        KEEPERS, lambda s, a, x, w: accounts.unlock(s, a, x.cadre, now=NOW)
    ),
    "survey.access.accounts.reset_password": Trial(
        KEEPERS, lambda s, a, x, w: accounts.reset_password(s, a, x.cadre, now=NOW)
    ),
    "survey.access.accounts.set_preferences": Trial(
        SIGNED_IN,
        lambda s, a, x, w: accounts.set_preferences(s, a, language="en", text_size="large"),
        Reach.OWN,
    ),
    "survey.access.accounts.create_first_administrator": Trial(
        KEEPERS, lambda s, a, x, w: accounts.create_first_administrator(s, a, on=TODAY), Reach.WHOLE
    ),
    "survey.access.sign_in.sign_out": Trial(
        SIGNED_IN, lambda s, a, x, w: sign_in.sign_out(s, a, "token", now=NOW), Reach.OWN
    ),
    "survey.access.sign_in.sign_out_everywhere": Trial(
        SIGNED_IN, lambda s, a, x, w: sign_in.sign_out_everywhere(s, a, now=NOW), Reach.OWN
    ),
    "survey.access.sign_in.change_password": Trial(
        SIGNED_IN,
        lambda s, a, x, w: sign_in.change_password(
            s, a, Attempt(a.username, a.cadre_id, "no password", True), "he-tang-2031", now=NOW
        ),
        Reach.OWN,
    ),
    "survey.access.trail.entries": Trial(
        AUDITORS, lambda s, a, x, w: trail.entries(s, a, limit=500), Reach.LIST
    ),
    # areas
    "survey.areas.importing.import_villages": Trial(
        frozenset({OPERATOR}),  # a whole county: more than the township's administrator has
        lambda s, a, x, w: importing.import_villages(
            s, a, SHIPPED.read_bytes(), file=SHIPPED.name, commit=True
        ),
        Reach.WHOLE,
    ),
    "survey.areas.importing.load_shipped": Trial(
        frozenset({OPERATOR}), lambda s, a, x, w: importing.load_shipped(s, a), Reach.WHOLE
    ),
    "survey.areas.register.villages": Trial(
        EVERYBODY, lambda s, a, x, w: register.villages(s, a, on=TODAY), Reach.LIST
    ),
    "survey.areas.register.groups": Trial(
        EVERYBODY, lambda s, a, x, w: register.groups(s, a, x.village, on=TODAY), Reach.LIST
    ),
    "survey.areas.register.areas": Trial(EVERYBODY, lambda s, a, x, w: register.areas(s, a), Reach.LIST),
    "survey.areas.register.area": Trial(EVERYBODY, lambda s, a, x, w: register.area(s, a, x.village)),
    "survey.areas.register.add_group": Trial(
        KEEPERS, lambda s, a, x, w: register.add_group(s, a, x.village, 9, on=TODAY)
    ),
    "survey.areas.register.add_groups": Trial(
        KEEPERS, lambda s, a, x, w: register.add_groups(s, a, x.village, 9, on=TODAY)
    ),
    "survey.areas.register.rename": Trial(
        KEEPERS, lambda s, a, x, w: register.rename(s, a, x.village, "新名村")
    ),
    "survey.areas.register.close": Trial(
        KEEPERS, lambda s, a, x, w: register.close(s, a, _an_empty_group(s, x), on=TODAY)
    ),
    "survey.areas.register.reopen": Trial(
        KEEPERS, lambda s, a, x, w: register.reopen(s, a, _a_closed_group(s, x))
    ),
    "survey.areas.register.set_successor": Trial(
        KEEPERS, lambda s, a, x, w: register.set_successor(s, a, x.group, None)
    ),
    # fieldwork
    "survey.fieldwork.household_search.search": Trial(
        VISITORS, lambda s, a, x, w: household_search.search(s, a, "", limit=100), Reach.LIST
    ),
    "survey.fieldwork.duplicates.near_duplicates": Trial(
        VISITORS,
        lambda s, a, x, w: duplicates.near_duplicates(s, a, area_code=x.group, name=x.head, is_head=True),
        Reach.LIST,
    ),
    "survey.fieldwork.households.household": Trial(
        VISITORS, lambda s, a, x, w: households.household(s, a, x.household, on=TODAY)
    ),
    "survey.fieldwork.households.add_household": Trial(
        FIELD,
        lambda s, a, x, w: households.add_household(
            s, a, x.group, {"name": "新户主", "sex": "1"}, {}, on=TODAY
        ),
    ),
    "survey.fieldwork.households.save_household": Trial(
        FIELD,
        lambda s, a, x, w: households.save_household(
            s, a, x.household, {"address": "测试路1号"}, seen=seen(s, x, w), on=TODAY
        ),
    ),
    "survey.fieldwork.households.set_place": Trial(
        FIELD,
        lambda s, a, x, w: households.set_place(
            s, a, x.household, lat=32.2, lon=106.9, accuracy_m=5, source=PlaceSource.GPS, on=TODAY
        ),
    ),
    "survey.fieldwork.households.set_status": Trial(
        FIELD,
        lambda s, a, x, w: households.set_status(
            s, a, x.household, HouseholdStatus.MOVED_AWAY, seen=seen(s, x, w), on=TODAY
        ),
    ),
    "survey.fieldwork.households.add_member": Trial(
        FIELD,
        lambda s, a, x, w: households.add_member(
            s, a, x.household, {"name": "新成员", "relation": "20", "sex": "1"}, on=TODAY
        ),
    ),
    "survey.fieldwork.households.save_member": Trial(
        FIELD,
        lambda s, a, x, w: households.save_member(
            s, a, x.other_member, {"education": "70"}, seen=seen_member(s, x, w), on=TODAY
        ),
    ),
    "survey.fieldwork.households.member_left": Trial(
        FIELD, lambda s, a, x, w: households.member_left(s, a, x.other_member, Residence.MOVED_OUT, on=TODAY)
    ),
    "survey.fieldwork.households.change_head": Trial(
        FIELD,
        lambda s, a, x, w: households.change_head(
            s, a, x.household, x.other_member, former_relation="51", on=TODAY
        ),
    ),
    "survey.fieldwork.households.reveal": Trial(
        FIELD, lambda s, a, x, w: households.reveal(s, a, "member", x.member, "id_number", "verify")
    ),
    "survey.fieldwork.hardship.files": Trial(
        HARDSHIP_READERS, lambda s, a, x, w: hardship.files(s, a, on=TODAY, limit=100), Reach.LIST
    ),
    "survey.fieldwork.hardship.due": Trial(
        HARDSHIP_READERS, lambda s, a, x, w: hardship.due(s, a, TODAY, limit=100), Reach.LIST
    ),
    "survey.fieldwork.hardship.file": Trial(
        HARDSHIP_READERS, lambda s, a, x, w: hardship.file(s, a, x.file, on=TODAY)
    ),
    "survey.fieldwork.hardship.file_of": Trial(
        HARDSHIP_READERS, lambda s, a, x, w: hardship.file_of(s, a, x.household, on=TODAY), Reach.LIST
    ),
    "survey.fieldwork.hardship.contacts": Trial(
        HARDSHIP_READERS, lambda s, a, x, w: hardship.contacts(s, a, x.file), shows=False
    ),
    "survey.fieldwork.hardship.open_file": Trial(
        FIELD,
        lambda s, a, x, w: hardship.open_file(
            s, a, x.bare_household, category="subsistence", main_cause="illness", on=TODAY
        ),
    ),
    "survey.fieldwork.hardship.update_file": Trial(
        FIELD,
        lambda s, a, x, w: hardship.update_file(s, a, x.file, {"needs": "药"}, seen_version=1, on=TODAY),
    ),
    "survey.fieldwork.hardship.close_file": Trial(
        FIELD, lambda s, a, x, w: hardship.close_file(s, a, x.file, seen_version=1, on=TODAY)
    ),
    "survey.fieldwork.hardship.workload": Trial(
        HARDSHIP_READERS, lambda s, a, x, w: hardship.workload(s, a, TODAY), Reach.LIST, shows=False
    ),
    "survey.fieldwork.assignments.assign_household": Trial(
        ASSIGNERS,
        lambda s, a, x, w: assignments.assign_household(s, a, x.spare_cadre, x.bare_household, on=TODAY),
    ),
    "survey.fieldwork.assignments.assign_village": Trial(
        ASSIGNERS, lambda s, a, x, w: assignments.assign_village(s, a, x.spare_cadre, x.village, on=TODAY)
    ),
    "survey.fieldwork.assignments.end": Trial(
        ASSIGNERS, lambda s, a, x, w: assignments.end(s, a, x.assignment, on=TODAY)
    ),
    "survey.fieldwork.assignments.of_cadre": Trial(
        HARDSHIP_READERS, lambda s, a, x, w: assignments.of_cadre(s, a, x.cadre, on=TODAY), Reach.LIST
    ),
    "survey.fieldwork.assignments.contact_of": Trial(
        HARDSHIP_READERS, lambda s, a, x, w: assignments.contact_of(s, a, x.household, on=TODAY), Reach.LIST
    ),
    "survey.fieldwork.assignments.cadres_for": Trial(
        HARDSHIP_READERS,
        lambda s, a, x, w: assignments.cadres_for(s, a, x.village, on=TODAY),
        Reach.LIST,
        shows=False,
    ),
    "survey.fieldwork.visits.history": Trial(
        VISITORS, lambda s, a, x, w: visits.history(s, a, x.household), Reach.LIST
    ),
    "survey.fieldwork.visits.of_filling": Trial(
        VISITORS, lambda s, a, x, w: visits.of_filling(s, a, x.sent_instance), Reach.LIST
    ),
    "survey.fieldwork.places.far_from_village": Trial(
        VISITORS,
        lambda s, a, x, w: places.far_from_village(s, a, x.household, 30.0, 105.0, on=TODAY),
        Reach.LIST,
        shows=False,
    ),
    "survey.fieldwork.visits.follow_ups": Trial(
        VISITORS, lambda s, a, x, w: visits.follow_ups(s, a, TODAY), Reach.LIST, shows=False
    ),
    # cases
    "survey.cases.service.take_in": Trial(
        VISITORS,
        lambda s, a, x, w: cases.take_in(
            s, a, Report(on=TODAY, area_code=x.group, category="road", household_id=x.household, words="路断")
        ),
    ),
    "survey.cases.service.record_step": Trial(
        FIELD,
        lambda s, a, x, w: cases.record_step(
            s, a, x.case, StepKind.START, None, on=TODAY, expected_version=1
        ),
    ),
    "survey.cases.service.assign": Trial(
        FIELD, lambda s, a, x, w: cases.assign(s, a, x.case, x.cadre, "请办理", on=TODAY, expected_version=1)
    ),
    "survey.cases.worklists.unresolved": Trial(
        VISITORS, lambda s, a, x, w: worklists.unresolved(s, a, CaseFilter(), TODAY), Reach.LIST
    ),
    "survey.cases.worklists.of_household": Trial(
        VISITORS, lambda s, a, x, w: worklists.of_household(s, a, x.household, TODAY), Reach.LIST
    ),
    "survey.cases.worklists.case": Trial(VISITORS, lambda s, a, x, w: worklists.case(s, a, x.case, TODAY)),
    "survey.cases.worklists.attention": Trial(
        VISITORS, lambda s, a, x, w: worklists.attention(s, a, TODAY), Reach.LIST, shows=False
    ),
    "survey.cases.worklists.possible_owners": Trial(
        FIELD, lambda s, a, x, w: worklists.possible_owners(s, a, x.case, TODAY)
    ),
    # maps
    "survey.maps.layers.cases": Trial(
        VISITORS, lambda s, a, x, w: layers.cases(s, a, CaseFilter(), TODAY), Reach.LIST
    ),
    "survey.maps.layers.hardship": Trial(
        HARDSHIP_READERS, lambda s, a, x, w: layers.hardship(s, a, None, TODAY), Reach.LIST
    ),
    "survey.maps.layers.labels": Trial(
        EVERYBODY, lambda s, a, x, w: layers.labels(s, a, TODAY), Reach.LIST, shows=False
    ),
    # devices
    "survey.access.devices.issue": Trial(
        VISITORS,
        lambda s, a, x, w: devices.issue(
            s, a, "平板", scope=DeviceScope.FILL_IN, days=30, now=NOW, area_code=x.group
        ),
    ),
    "survey.access.devices.mine": Trial(VISITORS, lambda s, a, x, w: devices.mine(s, a), Reach.OWN),
    "survey.access.devices.of_area": Trial(
        KEEPERS, lambda s, a, x, w: devices.of_area(s, a), Reach.LIST, shows=False
    ),
    "survey.access.devices.revoke_own": Trial(
        VISITORS, lambda s, a, x, w: devices.revoke_own(s, a, own_device(s, a, x), now=NOW)
    ),
    "survey.access.devices.revoke": Trial(
        KEEPERS, lambda s, a, x, w: devices.revoke(s, a, x.device, now=NOW)
    ),
    "survey.access.devices.record_fetch": Trial(
        VISITORS, lambda s, a, x, w: devices.record_fetch(s, a, "households", 1), Reach.OWN
    ),
    "survey.fieldwork.carried_lists.items": Trial(
        VISITORS,
        lambda s, a, x, w: list(carried_lists.items(s, a, "households", ("name", "label"), TODAY)),
        Reach.LIST,
    ),
    "survey.questionnaires.carried_forms.forms": Trial(
        VISITORS, lambda s, a, x, w: carried_forms.forms(s, a, TODAY, {}), Reach.LIST, shows=False
    ),
    "survey.questionnaires.carried_forms.form": Trial(
        VISITORS,
        lambda s, a, x, w: carried_forms.form(s, a, own_version(s, a, x, w)[1], "1", TODAY, {}),
    ),
    "survey.questionnaires.carried_forms.files": Trial(
        VISITORS,
        lambda s, a, x, w: carried_forms.files(s, a, own_version(s, a, x, w)[1], "1", TODAY, {}),
    ),
    "survey.questionnaires.delivered_files.attach": Trial(
        VISITORS,
        lambda s, a, x, w: delivered_files.attach(s, a, own_sent(s, a, x), [a_delivered_photo()]),
    ),
    # questionnaires
    "survey.questionnaires.attachments.store": Trial(
        VISITORS,
        lambda s, a, x, w: attachments.store(
            s, a, own_draft(s, a, x).instance_id, QUESTION, "2.jpg", a_photo()
        ),
    ),
    "survey.questionnaires.attachments.remove": Trial(
        VISITORS, lambda s, a, x, w: attachments.remove(s, a, own_draft(s, a, x).instance_id, "1.jpg")
    ),
    "survey.questionnaires.attachments.of_instance": Trial(
        VISITORS, lambda s, a, x, w: attachments.of_instance(s, a, x.sent_instance), Reach.LIST, shows=False
    ),
    "survey.questionnaires.attachments.read": Trial(
        VISITORS, lambda s, a, x, w: attachments.read(s, a, x.attachment)
    ),
    "survey.questionnaires.file_answers.store": Trial(
        VISITORS,
        lambda s, a, x, w: file_answers.store(
            s, a, own_draft(s, a, x).instance_id, QUESTION, "1.pdf", b"%PDF-1.7"
        ),
    ),
    "survey.questionnaires.media.names": Trial(
        VISITORS, lambda s, a, x, w: media.names(s, a, *a_picture(s, x.village)), Reach.LIST, shows=False
    ),
    "survey.questionnaires.media.read": Trial(
        VISITORS, lambda s, a, x, w: media.read(s, a, *a_picture(s, x.village), "house.png")
    ),
    "survey.questionnaires.drafts.start": Trial(
        VISITORS, lambda s, a, x, w: drafts.start(s, a, library.VISIT_FORM, x.household, now=NOW)
    ),
    "survey.questionnaires.drafts.load": Trial(
        VISITORS, lambda s, a, x, w: drafts.load(s, a, own_draft(s, a, x).instance_id)
    ),
    "survey.questionnaires.drafts.save": Trial(
        VISITORS,
        lambda s, a, x, w: drafts.save(
            s, a, own_draft(s, a, x).instance_id, x.draft.payload, revision=1, now=NOW
        ),
    ),
    "survey.questionnaires.drafts.mine": Trial(
        VISITORS, lambda s, a, x, w: drafts.mine(s, a), Reach.LIST, shows=False
    ),
    "survey.questionnaires.drafts.discard": Trial(
        VISITORS, lambda s, a, x, w: drafts.discard(s, a, own_draft(s, a, x).instance_id)
    ),
    "survey.questionnaires.drafts.open_instance": Trial(
        VISITORS, lambda s, a, x, w: drafts.open_instance(s, a, own_draft(s, a, x))
    ),
    "survey.questionnaires.running.take": Trial(
        VISITORS, lambda s, a, x, w: running.take(s, a, own_draft(s, a, x).instance_id)
    ),
    "survey.questionnaires.running.save": Trial(
        VISITORS,
        lambda s, a, x, w: running.save(s, a, running.take(s, a, own_draft(s, a, x).instance_id), now=NOW),
    ),
    "survey.questionnaires.audiences.version_for": Trial(
        VISITORS,
        lambda s, a, x, w: audiences.version_for(s, a, library.VISIT_FORM, x.group, TODAY),
        Reach.WHOLE,
    ),
    "survey.questionnaires.audiences.require": Trial(
        VISITORS,
        lambda s, a, x, w: audiences.require(s, a, x.draft.version_id, x.group, TODAY),
        Reach.WHOLE,
    ),
    "survey.questionnaires.audiences.offered": Trial(
        VISITORS, lambda s, a, x, w: audiences.offered(s, a, x.household, TODAY), shows=False
    ),
    "survey.questionnaires.audiences.waiting": Trial(
        VISITORS, lambda s, a, x, w: audiences.waiting(s, a, TODAY), Reach.LIST, shows=False
    ),
    "survey.questionnaires.audiences.remaining": Trial(
        VISITORS,
        lambda s, a, x, w: audiences.remaining(s, a, own_version(s, a, x, w)[1], TODAY, limit=99),
        Reach.LIST,
    ),
    "survey.questionnaires.authoring.check": Trial(
        PUBLISHERS,
        lambda s, a, x, w: authoring.check(s, a, Authored("empty.md", b""), on=TODAY),
        Reach.WHOLE,
    ),
    "survey.questionnaires.authoring.keep": Trial(
        PUBLISHERS,
        lambda s, a, x, w: authoring.keep(
            s, a, Authored("water.md", WATER.encode()), checked(WATER), now=NOW
        ),
        Reach.WHOLE,
    ),
    "survey.questionnaires.authoring.versions": Trial(
        PUBLISHERS,
        lambda s, a, x, w: (own_version(s, a, x, w), authoring.versions(s, a))[1],
        Reach.LIST,
    ),
    "survey.questionnaires.authoring.version": Trial(
        PUBLISHERS, lambda s, a, x, w: authoring.version(s, a, own_version(s, a, x, w)[0])
    ),
    "survey.questionnaires.authoring.publish": Trial(
        PUBLISHERS,
        lambda s, a, x, w: authoring.publish(
            s, a, own_version(s, a, x, w, draft=True)[0], publication(x.village), now=NOW
        ),
    ),
    "survey.questionnaires.authoring.set_last_day": Trial(
        PUBLISHERS, lambda s, a, x, w: authoring.set_last_day(s, a, own_version(s, a, x, w)[0], None)
    ),
    "survey.questionnaires.authoring.withdraw": Trial(
        PUBLISHERS, lambda s, a, x, w: authoring.withdraw(s, a, own_version(s, a, x, w)[0], now=NOW)
    ),
    "survey.questionnaires.authoring.discard": Trial(
        PUBLISHERS, lambda s, a, x, w: authoring.discard(s, a, own_version(s, a, x, w, draft=True)[0])
    ),
    "survey.questionnaires.authoring.workbook": Trial(
        PUBLISHERS, lambda s, a, x, w: authoring.workbook(s, a, own_version(s, a, x, w)[0])
    ),
    "survey.questionnaires.authoring.form": Trial(
        PUBLISHERS, lambda s, a, x, w: authoring.form(s, a, own_version(s, a, x, w)[0]).form_id
    ),
    "survey.questionnaires.authoring.trial": Trial(
        PUBLISHERS,
        lambda s, a, x, w: authoring.trial(s, a, own_version(s, a, x, w)[0], "", now=NOW).instance_id,
    ),
    "survey.questionnaires.progress.of_version": Trial(
        VISITORS, lambda s, a, x, w: progress.of_version(s, a, own_version(s, a, x, w)[0]), Reach.LIST
    ),
    "survey.questionnaires.results.page": Trial(
        frozenset({OFFICE}), lambda s, a, x, w: results.page(s, a, own_version(s, a, x, w)[0], limit=9)
    ),
    "survey.questionnaires.results.take": Trial(
        frozenset({OFFICE}), lambda s, a, x, w: results.take(s, a, own_version(s, a, x, w)[0], "csv")
    ),
    "survey.questionnaires.results.export": Trial(
        frozenset({OFFICE}),
        lambda s, a, x, w: results.export(s, a, results.Taking(own_version(s, a, x, w)[0], "csv", "")),
    ),
    "survey.questionnaires.library.publish": Trial(
        PUBLISHERS,
        lambda s, a, x, w: library.publish(s, a, next(library.shipped())[1], valid_from=TODAY),
        Reach.WHOLE,
    ),
    "survey.questionnaires.library.publish_shipped": Trial(
        PUBLISHERS, lambda s, a, x, w: library.publish_shipped(s, a), Reach.WHOLE
    ),
    "survey.questionnaires.submissions.submit_draft": Trial(
        VISITORS, lambda s, a, x, w: submissions.submit_draft(s, a, own_ready_draft(s, a, x), now=NOW)
    ),
    "survey.questionnaires.submissions.accept": Trial(
        VISITORS, lambda s, a, x, w: submissions.accept(s, a, own_delivery(s, a, x))
    ),
    "survey.questionnaires.corrections.start": Trial(
        VISITORS, lambda s, a, x, w: corrections.start(s, a, own_sent(s, a, x), now=NOW)
    ),
    "survey.questionnaires.reviews.submissions_page": Trial(
        REVIEWERS, lambda s, a, x, w: reviews.submissions_page(s, a, Chosen()), Reach.LIST
    ),
    "survey.questionnaires.reviews.submission": Trial(
        VISITORS, lambda s, a, x, w: reviews.submission(s, a, own_sent(s, a, x))
    ),
    "survey.questionnaires.reviews.comment": Trial(
        VISITORS, lambda s, a, x, w: reviews.comment(s, a, own_sent(s, a, x), "测试", now=NOW)
    ),
    "survey.questionnaires.reviews.decide": Trial(
        REVIEWERS,
        lambda s, a, x, w: reviews.decide(
            s, a, x.sent_instance, ReviewState.REJECTED, "测试", seen=0, now=NOW
        ),
    ),
    "survey.questionnaires.reviews.returned": Trial(
        VISITORS, lambda s, a, x, w: reviews.returned(s, a), Reach.LIST, shows=False
    ),
    "survey.questionnaires.reviews.reason_of": Trial(
        VISITORS, lambda s, a, x, w: reviews.reason_of(s, a, x.draft.instance_id), Reach.LIST, shows=False
    ),
    "survey.fieldwork.conflicts.waiting": Trial(
        REVIEWERS, lambda s, a, x, w: conflicts.waiting(s, a), Reach.LIST
    ),
    "survey.fieldwork.conflicts.of_fillings": Trial(
        VISITORS, lambda s, a, x, w: conflicts.of_fillings(s, a, (x.sent_instance,)), Reach.LIST
    ),
    "survey.fieldwork.conflicts.resolve": Trial(
        REVIEWERS,
        lambda s, a, x, w: conflicts.resolve(
            s, a, x.conflict, ConflictChoice.KEPT, record_version=1, now=NOW
        ),
    ),
    "survey.fieldwork.quality.to_look_at": Trial(
        REVIEWERS, lambda s, a, x, w: quality.to_look_at(s, a, TODAY, now=NOW), Reach.LIST
    ),
    "survey.fieldwork.quality.reasons_of": Trial(
        REVIEWERS,
        lambda s, a, x, w: quality.reasons_of(s, a, x.sent_instance, TODAY),
        Reach.LIST,
        shows=False,
    ),
    # the store
    "survey.analysis.snapshot.make": Trial(
        SNAPSHOTS,
        lambda s, a, x, w: snapshot.make(s, a, w.folder / uuid4().hex),
        Reach.LIST,
        shows=False,
    ),
    "survey.analysis.snapshot.announce": Trial(
        SNAPSHOTS, lambda s, a, x, w: snapshot.announce(s, a), Reach.LIST, shows=False
    ),
    "survey.analysis.snapshot.export": Trial(
        SNAPSHOTS,
        lambda s, a, x, w: snapshot.export(s, a, snapshot.Announcement(NOW, ()), w.folder / uuid4().hex),
        Reach.LIST,
        shows=False,
    ),
    "survey.store_checks.findings": Trial(
        KEEPERS, lambda s, a, x, w: list(store_checks.findings(s, a)), Reach.WHOLE
    ),
}


def _a_closed_group(session: Session, side: Side) -> str:
    code = _an_empty_group(session, side)
    session.get_one(Area, code).valid_until = TODAY
    return code


def _an_empty_group(session: Session, side: Side) -> str:
    code = f"{side.village}77"
    _a_group(session, side.village, code)
    return code
