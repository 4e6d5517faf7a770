"""The household register: search, view, changes, conflicts, duplicates, reveal."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlmodel import Session, col, select

from models import (
    Area,
    AuditEntry,
    HardshipFile,
    Household,
    HouseholdStatus,
    Member,
    PlaceSource,
    Post,
    Residence,
)
from survey.access.permissions import Actor
from survey.fieldwork import households, identity
from survey.fieldwork.household_search import Sought, recognised
from survey.problems import Problem
from tests.builders import (
    GROUP,
    OTHER_GROUP,
    OTHER_TOWNSHIP,
    SECOND_GROUP,
    TODAY,
    TOWNSHIP,
    VILLAGE,
    a_cadre,
    a_hardship_file,
    a_household,
    a_member,
    a_visit,
    an_area_tree,
    an_assignment,
)


def an_id(birth: str = "19700315", order: str = "002") -> str:
    """A number with a fitting check digit of a county that does not exist, so that nobody holds it."""
    from stdnum.cn import ric

    body = f"990000{birth}{order}"
    return body + ric.calc_check_digit(body + "0")


def code_of(caught: pytest.ExceptionInfo[Problem]) -> str:
    return caught.value.code


def found(session: Session, actor: Actor, query: str, **over: Any) -> list[str]:
    return [row.head_name for row in households.search(session, actor, query, **over).rows]


def last_entry(session: Session) -> AuditEntry:
    return session.exec(select(AuditEntry).order_by(col(AuditEntry.sequence).desc()).limit(1)).one()


def add(session: Session, actor: Actor, name: str = "王测试", **over: Any) -> households.HouseholdView:
    head = {"name": name, "sex": "1"} | over.pop("head", {})
    return households.add_household(
        session, actor, over.pop("area", GROUP), head, over.pop("fields", {}), on=TODAY, **over
    )


# --- search ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "sought", "text"),
    [
        ("", Sought.ALL, ""),
        ("  ", Sought.ALL, ""),
        ("张三", Sought.NAME, "张三"),
        ("zs", Sought.INITIALS, "zs"),
        ("ZS", Sought.INITIALS, "zs"),
        ("138 0000 1234", Sought.PHONE, "13800001234"),
        ("0827-8220000", Sought.PHONE, "08278220000"),
        ("99000019700315002x", Sought.ID_NUMBER, "99000019700315002X"),
        ("９９００００７００３１５００２", Sought.ID_NUMBER, "990000700315002"),
        ("51192212520001-0012", Sought.CODE, "51192212520001-0012"),
        ("张3", Sought.NAME, "张3"),
    ],
)
def test_search_recognises_what_was_typed(query: str, sought: Sought, text: str) -> None:
    assert recognised(query) == (sought, text)


def test_search_by_beginning_of_head_or_member_name(session: Session) -> None:
    head = a_cadre(session)
    family = a_household(session, head="张测试")
    a_member(session, family, name="李成员")
    a_household(session, head="王张测")
    assert found(session, head, "张") == ["张测试"]
    assert found(session, head, "李成") == ["张测试"]
    assert found(session, head, "测试") == []


def test_search_by_pinyin_initials_reads_surnames_as_surnames(session: Session) -> None:
    head = a_cadre(session)
    add(session, head, "单小红")
    add(session, head, "仇大山")
    assert found(session, head, "sx") == ["单小红"]
    assert found(session, head, "QDS") == ["仇大山"]
    assert found(session, head, "dx") == []


def test_search_by_number_finds_whole_numbers_only(session: Session) -> None:
    head = a_cadre(session)
    add(session, head, head={"id_number": an_id(), "sex": "2"}, fields={"phone": "13800001234"})
    assert found(session, head, an_id().lower()) == ["王测试"]
    assert found(session, head, "138-0000-1234") == ["王测试"]
    assert found(session, head, "13800001235") == []
    assert found(session, head, an_id(order="004")) == []


def test_fifteen_and_eighteen_digit_forms_of_one_number_find_each_other(session: Session) -> None:
    head = a_cadre(session)
    add(session, head, head={"id_number": "990000700315002", "sex": "2"})
    assert found(session, head, an_id()) == ["王测试"]


def test_search_by_household_code(session: Session) -> None:
    head = a_cadre(session)
    added = add(session, head)
    assert found(session, head, added.code) == ["王测试"]


def test_search_stays_in_scope_and_area(session: Session) -> None:
    a_household(session, head="张近处")
    a_household(session, head="张二社", area=SECOND_GROUP)
    a_household(session, head="张邻村", area=OTHER_GROUP)
    village_head = a_cadre(session)
    assert found(session, village_head, "张") == ["张近处", "张二社"]
    assert found(session, village_head, "") == ["张近处", "张二社"]
    assert found(session, village_head, "张", area_code=SECOND_GROUP) == ["张二社"]
    assert found(session, village_head, "", area_code=OTHER_GROUP) == []
    office = a_cadre(session, Post.MASS_WORK_MEMBER, TOWNSHIP)
    assert len(found(session, office, "张")) == 3
    assert found(session, a_cadre(session, Post.VILLAGE_HEAD, OTHER_TOWNSHIP), "张") == []


def test_search_pages_without_repeats_and_counts(session: Session) -> None:
    actor = a_cadre(session)
    for number in range(7):
        a_household(session, head=f"赵{'一二三四五六七'[number]}")
    pages = [households.search(session, actor, "赵", limit=3, offset=offset) for offset in (0, 3, 6)]
    assert [len(page.rows) for page in pages] == [3, 3, 1]
    assert len({row.id for page in pages for row in page.rows}) == 7
    assert {(page.total, page.more) for page in pages} == {(7, False)}


def test_count_stops_at_its_limit_and_says_so(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("survey.fieldwork.household_search.COUNT_UP_TO", 2)
    actor = a_cadre(session)
    for _number in range(4):
        a_household(session, head="赵测")
    page = households.search(session, actor, "", limit=10)
    assert (page.total, page.more, len(page.rows)) == (2, True, 4)


def test_list_row_tells_members_hardship_and_last_visit(session: Session) -> None:
    actor = a_cadre(session)
    family = a_household(session, head="张测试")
    a_member(session, family)
    a_member(session, family, left_on=date(2025, 1, 1))
    a_hardship_file(session, family)
    a_visit(session, family, actor, visited_on=date(2026, 4, 1))
    a_visit(session, family, actor, visited_on=date(2026, 3, 1))
    row = households.search(session, actor, "张").rows[0]
    assert (row.members, row.hardship, row.last_visited_on) == (2, True, date(2026, 4, 1))
    assert row.area_name == "余家坪村1社"


def test_households_that_left_are_found_only_when_asked_for(session: Session) -> None:
    actor = a_cadre(session)
    a_household(session, head="张走了", status=HouseholdStatus.MOVED_AWAY)
    assert found(session, actor, "张") == []
    assert found(session, actor, "张", with_former=True) == ["张走了"]


# --- view -----------------------------------------------------------------------------------------


def test_view_masks_numbers_and_names_contact_and_file(session: Session) -> None:
    actor = a_cadre(session)
    added = add(session, actor, head={"id_number": an_id(), "sex": "2"}, fields={"phone": "13800001234"})
    row = session.get_one(Household, added.id)
    assignment = an_assignment(session, actor, row)
    file = a_hardship_file(session, row)
    view = households.household(session, actor, added.id, on=TODAY)
    assert view.phone_masked == "138****1234"
    assert view.members[0].id_masked == "9" + "*" * 15 + an_id()[-2:]
    assert an_id() not in repr(view) and "13800001234" not in repr(view)
    assert (view.contact_id, view.contact_name) == (assignment.cadre_id, actor.name)
    assert view.hardship_file_id == file.id


def test_contact_of_the_past_is_not_shown(session: Session) -> None:
    actor = a_cadre(session)
    family = a_household(session)
    an_assignment(session, actor, family, ends_on=date(2026, 5, 5))
    assert households.household(session, actor, family.id, on=TODAY).contact_name is None
    assert households.household(session, actor, family.id, on=date(2026, 5, 5)).contact_name == actor.name


def test_health_note_is_absent_without_the_right(session: Session) -> None:
    family = a_household(session)
    a_member(session, family, health_note="慢性病")
    session.expunge_all()
    informant = a_cadre(session, Post.GROUP_INFORMANT, GROUP)
    view = households.household(session, informant, family.id)
    assert [(m.health_readable, m.health_note) for m in view.members] == [(False, None)] * 2
    allowed = households.household(session, a_cadre(session), family.id)
    assert "慢性病" in [m.health_note for m in allowed.members]


@pytest.mark.parametrize("area", [OTHER_GROUP, "51192210120001"])
def test_household_outside_scope_is_not_found(session: Session, area: str) -> None:
    an_area_tree(session)
    if area not in (OTHER_GROUP,):
        session.add(
            Area(
                code=area,
                level="group",
                name="1社",
                short_name="1社",
                parent_code=area[:12],
                valid_from=date(2020, 1, 1),
            )
        )
        session.flush()
    family = a_household(session, area=area)
    actor = a_cadre(session)
    for act in (
        lambda: households.household(session, actor, family.id),
        lambda: households.add_member(
            session, actor, family.id, {"name": "某人", "relation": "20"}, on=TODAY
        ),
        lambda: households.reveal(session, actor, "household", family.id, "phone", "call"),
    ):
        with pytest.raises(Problem) as caught:
            act()
        assert code_of(caught) == "access.not_found"


def test_unknown_household_is_not_found(session: Session) -> None:
    with pytest.raises(Problem) as caught:
        households.household(session, a_cadre(session), "no such id")
    assert code_of(caught) == "access.not_found"


def test_a_member_without_a_relation_is_refused(session: Session) -> None:
    actor, family = a_cadre(session), a_household(session)
    for fields in ({"name": "李二"}, {"name": "李二", "relation": None}):
        with pytest.raises(Problem) as caught:
            households.add_member(session, actor, family.id, fields, on=TODAY)
        assert code_of(caught) == "households.relation_missing"
    assert [member.name for member in session.exec(select(Member))] == [family.head_name]


# --- adding ---------------------------------------------------------------------------------------


def test_added_household_has_code_head_and_look_up_hashes(session: Session) -> None:
    actor = a_cadre(session)
    first = add(session, actor, head={"id_number": an_id(), "sex": "2"}, fields={"phone": "13800001234"})
    second = add(session, actor, "李二")
    assert (first.code, second.code) == (f"{GROUP}-0001", f"{GROUP}-0002")
    row = session.get_one(Household, first.id)
    head = session.exec(select(Member).where(col(Member.household_id) == first.id)).one()
    assert (row.head_name, row.head_pinyin, row.phone_hash) == (
        "王测试",
        "wcs",
        identity.phone_hash("13800001234"),
    )
    assert (head.relation, head.birth_on, head.sex) == ("02", date(1970, 3, 15), "2")
    assert head.id_hash == identity.id_hash(an_id())
    assert last_entry(session).action == "household.add"
    assert "王" not in str(last_entry(session).details)


@pytest.mark.parametrize(
    ("head", "fields", "code"),
    [
        ({"name": ""}, {}, "identity.no_name"),
        ({"name": "  "}, {}, "identity.no_name"),
        ({"name": "王1"}, {}, "identity.name"),
        ({"id_number": "123"}, {}, "identity.id_shape"),
        ({"id_number": an_id()[:-1] + ("1" if an_id()[-1] != "1" else "2")}, {}, "identity.id_check_digit"),
        ({"id_number": an_id(), "sex": "2", "birth_on": date(1970, 3, 16)}, {}, "households.birth_differs"),
        ({"id_number": an_id(), "sex": "1"}, {}, "households.sex_differs"),
        ({"birth_on": date(2030, 1, 1)}, {}, "households.birth_in_future"),
        ({"phone": "1234"}, {}, "identity.phone"),
        ({"ethnic_group": "77"}, {}, "households.unknown_code"),
        ({"education": "11"}, {}, "households.unknown_code"),
        ({"salary": 1}, {}, "households.unknown_field"),
        ({}, {"phone": "12800001234"}, "identity.phone"),
        ({}, {"housing": "palace"}, "households.unknown_code"),
        ({}, {"children_in_school": 21}, "households.out_of_range"),
        ({}, {"address": "山" * 201}, "households.too_long"),
        ({}, {"version": 9}, "households.unknown_field"),
    ],
)
def test_wrong_value_is_refused_and_nothing_is_added(
    session: Session, head: dict[str, Any], fields: dict[str, Any], code: str
) -> None:
    actor = a_cadre(session)
    with pytest.raises(Problem) as caught:
        add(session, actor, head=head, fields=fields)
    assert code_of(caught) == code
    assert caught.value.text("zh") and caught.value.text("en")
    assert session.exec(select(Household)).all() == []


def test_household_goes_into_a_group_or_a_village_without_groups(session: Session) -> None:
    actor = a_cadre(session)
    with pytest.raises(Problem) as caught:
        add(session, actor, area=VILLAGE)
    assert code_of(caught) == "households.no_group"
    session.get_one(Area, GROUP).valid_until = date(2026, 1, 1)
    session.get_one(Area, SECOND_GROUP).valid_until = date(2026, 1, 1)
    session.flush()
    with pytest.raises(Problem) as caught:
        add(session, actor, area=GROUP)
    assert code_of(caught) == "areas.closed"
    assert add(session, actor, area=VILLAGE).area_name == "余家坪村"


def test_household_is_not_added_outside_scope(session: Session) -> None:
    with pytest.raises(Problem) as caught:
        add(session, a_cadre(session), area=OTHER_GROUP)
    assert code_of(caught) == "access.forbidden"


def test_a_group_informant_is_not_told_which_households_have_a_hardship_file(session: Session) -> None:
    family = a_household(session, GROUP)
    a_hardship_file(session, family)
    informant, head = a_cadre(session, Post.GROUP_INFORMANT, GROUP), a_cadre(session)
    assert [row.hardship for row in households.search(session, informant).rows] == [False]
    assert [row.hardship for row in households.search(session, head).rows] == [True]


def test_informant_may_not_change_the_register(session: Session) -> None:
    family = a_household(session)
    informant = a_cadre(session, Post.GROUP_INFORMANT, GROUP)
    with pytest.raises(Problem) as caught:
        households.add_member(session, informant, family.id, {"name": "某人"}, on=TODAY)
    assert code_of(caught) == "access.forbidden"


# --- near duplicates ------------------------------------------------------------------------------


def test_same_id_number_same_head_and_same_name_and_year_warn(session: Session) -> None:
    actor = a_cadre(session, Post.MASS_WORK_MEMBER, TOWNSHIP)
    add(session, actor, head={"id_number": an_id(), "sex": "2"})
    reasons = households.DuplicateReason

    def warned(**over: Any) -> list[households.DuplicateReason]:
        facts: dict[str, Any] = {"area_code": SECOND_GROUP, "name": "别人"} | over
        return [d.reason for d in households.near_duplicates(session, actor, **facts)]

    assert warned(id_number=an_id()) == [reasons.SAME_ID_NUMBER]
    assert warned(name="王测试", is_head=True) == [reasons.SAME_HEAD]
    assert warned(name="王测试") == []
    assert warned(name="王测试", birth_on=date(1970, 12, 1), area_code=OTHER_GROUP) == [
        reasons.SAME_NAME_AND_BIRTH_YEAR
    ]
    assert warned(name="王测试", birth_on=date(1971, 1, 1)) == []
    assert warned(name="王测试", is_head=True, area_code=OTHER_GROUP) == []


def test_near_duplicate_is_refused_until_confirmed(session: Session) -> None:
    actor = a_cadre(session)
    add(session, actor)
    with pytest.raises(Problem) as caught:
        add(session, actor)
    assert code_of(caught) == "households.possible_duplicate"
    keys = [
        d.key
        for d in households.near_duplicates(session, actor, area_code=GROUP, name="王测试", is_head=True)
    ]
    add(session, actor, confirmed=keys)
    assert len(session.exec(select(Household)).all()) == 2


def test_an_identity_number_registered_elsewhere_is_told_without_a_name(session: Session) -> None:
    office, head = a_cadre(session, Post.MASS_WORK_MEMBER, TOWNSHIP), a_cadre(session)
    add(session, office, area=OTHER_GROUP, head={"id_number": an_id(), "sex": "2"})
    (found,) = households.near_duplicates(
        session, head, area_code=GROUP, name="别人", id_number=an_id(), own_household="none"
    )
    assert found == households.Duplicate(households.DuplicateReason.REGISTERED_ELSEWHERE)
    assert (found.household_id, found.name, found.area_name) == (None, "", "")
    family = a_household(session)
    with pytest.raises(Problem) as caught:
        households.add_member(
            session, head, family.id, {"name": "别人", "relation": "20", "id_number": an_id()}, on=TODAY
        )
    assert code_of(caught) == "households.registered_elsewhere"
    households.add_member(
        session,
        head,
        family.id,
        {"name": "别人", "relation": "20", "id_number": an_id()},
        on=TODAY,
        confirmed=[found.key],
    )


def test_who_enters_nobody_is_not_told_what_is_registered_elsewhere(session: Session) -> None:
    office = a_cadre(session, Post.MASS_WORK_MEMBER, TOWNSHIP)
    add(session, office, area=OTHER_GROUP, head={"id_number": an_id(), "sex": "2"})
    for post in (Post.GROUP_INFORMANT, Post.PARTY_COMMITTEE_MEMBER):
        actor = a_cadre(session, post, GROUP)
        assert (
            households.near_duplicates(session, actor, area_code=GROUP, name="别人", id_number=an_id()) == ()
        )


def test_a_person_in_the_actors_area_is_not_elsewhere(session: Session) -> None:
    head = a_cadre(session)
    add(session, head, head={"id_number": an_id(), "sex": "2"})
    found = households.near_duplicates(session, head, area_code=GROUP, name="别人", id_number=an_id())
    assert [duplicate.reason for duplicate in found] == [households.DuplicateReason.SAME_ID_NUMBER]


# --- changing -------------------------------------------------------------------------------------


def test_change_is_stored_with_its_hash_and_audited_without_values(session: Session) -> None:
    actor = a_cadre(session)
    seen = add(session, actor)
    saved = households.save_household(
        session, actor, seen.id, {"phone": "13900005678", "housing": "safe"}, seen=seen, on=TODAY
    )
    row = session.get_one(Household, seen.id)
    session.refresh(row)
    assert (row.phone, row.housing, row.version) == ("13900005678", "safe", seen.version + 1)
    assert saved.phone_masked == "139****5678"
    assert last_entry(session).details == {"fields": ["housing", "phone"]}


def test_second_cadre_on_the_same_field_gets_a_conflict_and_nothing_is_lost(session: Session) -> None:
    actor, other = a_cadre(session), a_cadre(session)
    seen = add(session, actor)
    households.save_household(session, other, seen.id, {"housing": "grade_c"}, seen=seen, on=TODAY)
    with pytest.raises(Problem) as caught:
        households.save_household(
            session, actor, seen.id, {"housing": "safe", "water_source": "piped"}, seen=seen, on=TODAY
        )
    assert code_of(caught) == "households.changed_meanwhile"
    assert caught.value.facts["fields"] == households.field_label("housing")
    row = session.get_one(Household, seen.id)
    assert (row.housing, row.water_source) == ("grade_c", None)


def test_second_cadre_on_another_field_is_saved_too(session: Session) -> None:
    actor, other = a_cadre(session), a_cadre(session)
    seen = add(session, actor)
    households.save_household(session, other, seen.id, {"housing": "grade_c"}, seen=seen, on=TODAY)
    saved = households.save_household(session, actor, seen.id, {"water_source": "piped"}, seen=seen, on=TODAY)
    assert (saved.housing, saved.water_source) == ("grade_c", "piped")


def test_masked_number_changed_after_any_other_change_is_a_conflict(session: Session) -> None:
    actor = a_cadre(session)
    seen = add(session, actor, fields={"phone": "13800001234"})
    households.save_household(session, actor, seen.id, {"phone": "13811111234"}, seen=seen, on=TODAY)
    with pytest.raises(Problem) as caught:
        households.save_household(session, actor, seen.id, {"phone": "13822221234"}, seen=seen, on=TODAY)
    assert code_of(caught) == "households.changed_meanwhile"
    assert session.get_one(Household, seen.id).phone == "13811111234"


def test_moving_to_another_group_takes_members_and_file_along(session: Session) -> None:
    actor = a_cadre(session)
    seen = add(session, actor)
    file = a_hardship_file(session, session.get_one(Household, seen.id))
    households.save_household(session, actor, seen.id, {"area_code": SECOND_GROUP}, seen=seen, on=TODAY)
    codes = session.exec(select(Member.area_code).where(col(Member.household_id) == seen.id)).all()
    assert codes == [SECOND_GROUP]
    assert (
        session.exec(select(HardshipFile.area_code).where(col(HardshipFile.id) == file.id)).one()
        == SECOND_GROUP
    )
    with pytest.raises(Problem) as caught:
        now = households.household(session, actor, seen.id)
        households.save_household(session, actor, seen.id, {"area_code": OTHER_GROUP}, seen=now, on=TODAY)
    assert code_of(caught) == "access.forbidden"


def test_household_that_moved_away_is_not_changed_until_it_is_back(session: Session) -> None:
    actor = a_cadre(session)
    seen = add(session, actor)
    gone = households.set_status(session, actor, seen.id, HouseholdStatus.MOVED_AWAY, seen=seen, on=TODAY)
    with pytest.raises(Problem) as caught:
        households.save_household(session, actor, seen.id, {"housing": "safe"}, seen=gone, on=TODAY)
    assert code_of(caught) == "households.not_active"
    households.set_status(session, actor, seen.id, HouseholdStatus.ACTIVE, seen=gone, on=TODAY)
    assert session.get_one(Household, seen.id).status is HouseholdStatus.ACTIVE


def test_place_is_stored_with_source_and_accuracy(session: Session) -> None:
    actor = a_cadre(session)
    seen = add(session, actor)
    view = households.set_place(
        session, actor, seen.id, lat=32.25, lon=106.97, accuracy_m=12.5, source=PlaceSource.GPS, on=TODAY
    )
    assert (view.lat, view.lon, view.accuracy_m, view.place_source, view.place_on) == (
        32.25, 106.97, 12.5, PlaceSource.GPS, TODAY,
    )  # fmt: skip
    assert "32.25" not in str(last_entry(session).details)


@pytest.mark.parametrize(
    ("lat", "lon", "accuracy"), [(91, 0, 1), (0, 181, 1), (float("nan"), 0, 1), (0, 0, -1)]
)
def test_impossible_place_is_refused(session: Session, lat: float, lon: float, accuracy: float) -> None:
    actor = a_cadre(session)
    seen = add(session, actor)
    with pytest.raises(Problem) as caught:
        households.set_place(
            session, actor, seen.id, lat=lat, lon=lon, accuracy_m=accuracy, source=PlaceSource.MAP, on=TODAY
        )
    assert code_of(caught) == "households.place_impossible"
    assert session.get_one(Household, seen.id).lat is None


# --- members --------------------------------------------------------------------------------------


def test_second_head_is_refused(session: Session) -> None:
    actor = a_cadre(session)
    seen = add(session, actor)
    with pytest.raises(Problem) as caught:
        households.add_member(session, actor, seen.id, {"name": "李二", "relation": "02"}, on=TODAY)
    assert (code_of(caught), caught.value.facts["name"]) == ("households.second_head", "王测试")


def test_relation_oneself_is_no_relation_to_the_head(session: Session) -> None:
    actor = a_cadre(session)
    seen = add(session, actor)
    with pytest.raises(Problem) as caught:
        households.add_member(session, actor, seen.id, {"name": "李二", "relation": "01"}, on=TODAY)
    assert code_of(caught) == "households.unknown_code"


def test_head_neither_leaves_nor_changes_relation(session: Session) -> None:
    actor = a_cadre(session)
    seen = add(session, actor)
    head = seen.members[0]
    with pytest.raises(Problem) as caught:
        households.save_member(session, actor, head.id, {"relation": "10"}, seen=head, on=TODAY)
    assert code_of(caught) == "households.needs_head"
    with pytest.raises(Problem) as caught:
        households.member_left(session, actor, head.id, Residence.DECEASED, on=TODAY)
    assert code_of(caught) == "households.needs_head"


def test_changed_head_is_the_only_one_and_names_the_household(session: Session) -> None:
    actor = a_cadre(session)
    seen = add(session, actor)
    spouse = households.add_member(
        session, actor, seen.id, {"name": "单小红", "relation": "12", "sex": "2"}, on=TODAY
    )
    view = households.change_head(session, actor, seen.id, spouse.id, former_relation="11", on=TODAY)
    assert {m.name: m.relation for m in view.members} == {"单小红": "02", "王测试": "11"}
    row = session.get_one(Household, seen.id)
    assert (row.head_name, row.head_pinyin) == ("单小红", "sxh")


def test_renamed_head_renames_the_household(session: Session) -> None:
    actor = a_cadre(session)
    seen = add(session, actor)
    households.save_member(
        session, actor, seen.members[0].id, {"name": "汪测试"}, seen=seen.members[0], on=TODAY
    )
    assert found(session, actor, "汪") == ["汪测试"]
    assert session.get_one(Household, seen.id).head_name == "汪测试"


def test_two_cadres_on_one_member(session: Session) -> None:
    actor = a_cadre(session)
    head = add(session, actor).members[0]
    households.save_member(session, actor, head.id, {"education": "80"}, seen=head, on=TODAY)
    with pytest.raises(Problem) as caught:
        households.save_member(session, actor, head.id, {"education": "70"}, seen=head, on=TODAY)
    assert code_of(caught) == "households.changed_meanwhile"
    households.save_member(session, actor, head.id, {"ethnic_group": "01"}, seen=head, on=TODAY)
    row = session.get_one(Member, head.id)
    assert (row.education, row.ethnic_group) == ("80", "01")


def test_id_number_that_contradicts_the_known_birth_date_is_refused_unless_it_is_cleared(
    session: Session,
) -> None:
    actor = a_cadre(session)
    head = add(session, actor, head={"birth_on": date(1971, 1, 1), "sex": "2"}).members[0]
    with pytest.raises(Problem) as caught:
        households.save_member(session, actor, head.id, {"id_number": an_id()}, seen=head, on=TODAY)
    assert code_of(caught) == "households.birth_differs"
    changes = {"id_number": an_id(), "birth_on": None}
    households.save_member(session, actor, head.id, changes, seen=head, on=TODAY)
    assert session.get_one(Member, head.id).birth_on == date(1970, 3, 15)


def test_member_who_left_stays_on_record(session: Session) -> None:
    actor = a_cadre(session)
    seen = add(session, actor)
    child = households.add_member(session, actor, seen.id, {"name": "王小", "relation": "20"}, on=TODAY)
    households.member_left(session, actor, child.id, Residence.MOVED_OUT, on=TODAY)
    view = households.household(session, actor, seen.id)
    assert [m.name for m in view.present] == ["王测试"]
    assert [m.left_on for m in view.members] == [None, TODAY]


def test_age_is_counted_in_full_years(session: Session) -> None:
    head = add(session, a_cadre(session), head={"birth_on": date(2000, 5, 7)}).members[0]
    assert (head.age(TODAY), head.age(date(2026, 5, 7))) == (25, 26)


# --- reveal ---------------------------------------------------------------------------------------


def test_reveal_gives_the_number_and_records_the_look_without_it(session: Session) -> None:
    actor = a_cadre(session)
    head = add(session, actor, head={"id_number": an_id(), "sex": "2"}).members[0]
    assert households.reveal(session, actor, "member", head.id, "id_number", "verify") == an_id()
    entry = last_entry(session)
    assert (entry.action, entry.object_id) == ("identifier.reveal", head.id)
    assert entry.details == {"field": "id_number", "reason": "verify"}


@pytest.mark.parametrize(
    ("kind", "field", "reason", "code"),
    [
        ("household", "phone", "", "households.reason_missing"),
        ("household", "phone", "curious", "households.reason_missing"),
        ("household", "address", "call", "households.unknown_field"),
        ("cadre", "phone", "call", "households.unknown_field"),
        ("household", "phone", "call", "households.nothing_there"),
    ],
)
def test_reveal_is_refused_and_leaves_no_entry(
    session: Session, kind: str, field: str, reason: str, code: str
) -> None:
    actor = a_cadre(session)
    family = a_household(session)
    with pytest.raises(Problem) as caught:
        households.reveal(session, actor, kind, family.id, field, reason)
    assert code_of(caught) == code
    assert session.exec(select(AuditEntry)).all() == []


def test_leader_may_not_reveal(session: Session) -> None:
    family = a_household(session)
    with pytest.raises(Problem) as caught:
        households.reveal(
            session, a_cadre(session, Post.TOWNSHIP_MAYOR, TOWNSHIP), "household", family.id, "phone", "call"
        )
    assert code_of(caught) == "access.forbidden"
