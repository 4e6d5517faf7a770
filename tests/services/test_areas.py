"""The register of areas: shipped lists, imports, groups, scope and dates."""

from __future__ import annotations

from datetime import date
from importlib.resources import files

import pytest
from sqlmodel import Session, col, func, select

from models import Area, AreaLevel, AuditEntry, HouseholdStatus, Post
from survey.access.permissions import Actor
from survey.areas import importing, register
from survey.problems import Problem
from tests.builders import (
    GROUP,
    OTHER_VILLAGE,
    TODAY,
    VILLAGE,
    a_cadre,
    a_household,
    an_area_tree,
    an_operator,
)

HEADER = ",".join(importing.COLUMNS)


def a_list(*rows: str, vintage: str = "2026-06-30") -> bytes:
    """A list file: each row is `village code,name,town name`."""
    lines = [HEADER]
    for row in rows:
        code, name, town = row.split(",")
        lines.append(f"{code},{name}村民委员会,{name},{code[:9]},{town},{code[:6]},南江县,{vintage}")
    return "\n".join(lines).encode("utf-8-sig")


def import_it(
    session: Session, content: bytes, *, commit: bool = True, allow_closing: bool = False
) -> importing.ImportReport:
    return importing.import_villages(
        session, an_operator(), content, file="list.csv", commit=commit, allow_closing=allow_closing
    )


def administrator(session: Session) -> Actor:
    return a_cadre(session, Post.ADMINISTRATOR, "511922")


def test_shipped_register_holds_the_villages_of_the_county_and_xingmas_history(session: Session) -> None:
    report = importing.load_shipped(session, an_operator())
    assert report.committed
    on_2024 = register.areas(session, an_operator(), on=date(2024, 1, 1))
    by_level = {level: [a for a in on_2024 if a.level is level] for level in AreaLevel}
    assert len(by_level[AreaLevel.VILLAGE]) == 414
    assert len(by_level[AreaLevel.TOWNSHIP]) == 32
    xingma = [a for a in by_level[AreaLevel.VILLAGE] if a.code.startswith("511922125")]
    assert len(xingma) == 12
    township = register.area(session, an_operator(), "511922125")
    assert (township.lat, township.lon) == (32.24785, 106.97133)


def test_former_codes_of_xingma_name_a_successor_only_where_the_source_does(session: Session) -> None:
    importing.load_shipped(session, an_operator())
    renamed = session.get_one(Area, "511922222200")
    assert (renamed.valid_until, renamed.successor_code) == (date(2019, 10, 31), "511922125200")
    merged = session.get_one(Area, "511922125202")
    assert (merged.valid_until, merged.successor_code) == (date(2020, 6, 30), None)
    assert session.get_one(Area, "511922125216").valid_from == date(2020, 6, 30)


def test_loading_the_shipped_register_again_changes_nothing(session: Session) -> None:
    importing.load_shipped(session, an_operator())
    count = session.exec(select(func.count()).select_from(Area)).one()
    again = importing.load_shipped(session, an_operator())
    assert again.changes == 0
    assert session.exec(select(func.count()).select_from(Area)).one() == count


def test_preview_reports_and_writes_nothing(session: Session) -> None:
    report = import_it(session, a_list("511922125200,余家坪村,兴马镇"), commit=False)
    assert [code for code, _ in report.added] == ["511922", "511922125", "511922125200"]
    assert session.exec(select(func.count()).select_from(Area)).one() == 0
    assert session.exec(select(func.count()).select_from(AuditEntry)).one() == 0


def test_newer_list_adds_renames_and_closes_what_it_lacks(session: Session) -> None:
    import_it(
        session, a_list("511922125200,余家坪村,兴马镇", "511922125201,齐家湾村,兴马镇", vintage="2020-06-30")
    )
    register.add_group(session, an_operator(), "511922125201", 1, on=date(2021, 1, 1))
    newer = a_list("511922125200,新余家坪村,兴马镇", "511922125216,马鹿寨村,兴马镇")
    report = import_it(session, newer, allow_closing=True)
    assert [item.after for item in report.renamed] == ["新余家坪村村民委员会"]
    assert report.closed == (("511922125201", "齐家湾村"),)
    assert [code for code, _ in report.added] == ["511922125216"]
    closed = session.get_one(Area, "511922125201")
    session.refresh(closed)
    assert (closed.valid_until, closed.successor_code) == (date(2026, 6, 30), None)
    group = session.get_one(Area, "51192212520101")
    session.refresh(group)
    assert group.valid_until == date(2026, 6, 30)
    assert session.get_one(Area, "511922125200").short_name == "新余家坪村"


def test_vintage_of_2017_then_of_2023_closes_the_merged_villages(session: Session) -> None:
    old = a_list("511922222200,余家坪村,兴马乡", "511922222202,棕园子村,兴马乡", vintage="2017-10-31")
    import_it(session, old)
    shipped = files("survey.areas").joinpath("registers", importing.SHIPPED).read_bytes()
    report = import_it(session, shipped, allow_closing=True)
    assert {code for code, _ in report.closed} == {"511922222", "511922222200", "511922222202"}
    assert report.unchanged == 1


def test_older_list_than_the_register_is_refused(session: Session) -> None:
    import_it(session, a_list("511922125200,余家坪村,兴马镇", vintage="2023-06-30"))
    with pytest.raises(Problem) as caught:
        import_it(session, a_list("511922125200,余家坪村,兴马镇", vintage="2017-10-31"))
    assert caught.value.code == "areas.older_vintage"


@pytest.mark.parametrize(
    ("content", "code", "facts"),
    [
        (b"", "areas.missing_columns", {}),
        ("村代码,村名\n1,2".encode(), "areas.missing_columns", {"file": "list.csv"}),
        ((HEADER + "\n").encode(), "areas.empty_file", {}),
        ("村".encode("gb18030") * 3, "areas.missing_columns", {}),
        (b"\xff\xfe\xff", "areas.encoding", {"file": "list.csv"}),
        (a_list("51192212520,余家坪村,兴马镇"), "areas.bad_cell", {"row": 2, "column": "village_code12"}),
        (
            a_list("511922125200,余家坪村,兴马镇").replace(b",511922125,", b",511922126,"),
            "areas.bad_cell",
            {"row": 2, "column": "town_code9", "value": "511922126"},
        ),
        (
            a_list("511922125200,余家坪村,兴马镇").replace(b",511922,", b",511923,"),
            "areas.bad_cell",
            {"column": "county_code6"},
        ),
        (
            a_list("511922125200,余家坪村,兴马镇", "511922125200,齐家湾村,兴马镇"),
            "areas.repeated_code",
            {"row": 3, "first": 2},
        ),
        (
            a_list("511922125200,余家坪村,兴马镇", "511922125201,齐家湾村,兴马乡"),
            "areas.two_names",
            {"row": 3, "other": "兴马镇", "value": "兴马乡"},
        ),
        (a_list("511922125200,余家坪村,兴马镇", vintage="2023年"), "areas.bad_cell", {"column": "vintage"}),
        (a_list("511922125200,余家坪村,兴马镇") + b"\n1,2", "areas.bad_row", {"row": 3, "found": 2}),
        (b"0" * 5_000_001, "areas.file_too_big", {}),
    ],
)
def test_bad_file_is_refused_whole_naming_row_and_column(
    session: Session, content: bytes, code: str, facts: dict[str, object]
) -> None:
    with pytest.raises(Problem) as caught:
        import_it(session, content)
    assert caught.value.code == code
    assert facts.items() <= caught.value.facts.items()
    assert caught.value.text("zh") and caught.value.text("en")
    assert session.exec(select(func.count()).select_from(Area)).one() == 0


def test_a_list_in_gb18030_is_read_like_one_in_utf8(session: Session) -> None:
    content = a_list("511922125200,余家坪村,兴马镇")
    assert import_it(session, content, commit=False).encoding == "UTF-8"
    report = import_it(session, content.decode("utf-8-sig").encode("gb18030"))
    assert report.encoding == "GB18030"
    assert session.get_one(Area, "511922125200").short_name == "余家坪村"


def ten_villages() -> list[str]:
    return [f"5119221252{number:02d},{number}号村,兴马镇" for number in range(10)]


def test_a_list_that_lacks_many_villages_is_refused_unless_closing_is_allowed(session: Session) -> None:
    import_it(session, a_list(*ten_villages(), vintage="2020-06-30"))
    preview = import_it(session, a_list(*ten_villages()[:7]), commit=False)
    assert (preview.too_many, len(preview.closed), preview.inhabited) == (True, 3, ())
    with pytest.raises(Problem) as caught:
        import_it(session, a_list(*ten_villages()[:7]))
    assert caught.value.code == "areas.closes_too_many"
    assert (caught.value.facts["n"], caught.value.facts["total"]) == (3, 10)
    in_use = select(func.count()).where(col(Area.level) == AreaLevel.VILLAGE, col(Area.valid_until).is_(None))
    assert session.exec(in_use).one() == 10
    import_it(session, a_list(*ten_villages()[:7]), allow_closing=True)
    assert session.exec(in_use).one() == 7


def test_a_list_that_lacks_a_fifth_of_the_villages_is_taken_over(session: Session) -> None:
    import_it(session, a_list(*ten_villages(), vintage="2020-06-30"))
    report = import_it(session, a_list(*ten_villages()[:8]))
    assert (report.too_many, len(report.closed)) == (False, 2)


def test_a_list_that_closes_an_inhabited_village_is_refused_unless_closing_is_allowed(
    session: Session,
) -> None:
    import_it(session, a_list(*ten_villages(), vintage="2020-06-30"))
    register.add_group(session, an_operator(), "511922125209", 1, on=date(2021, 1, 1))
    household = a_household(session, "51192212520901")
    lacking = a_list(*ten_villages()[:9])
    assert import_it(session, lacking, commit=False).inhabited == (("511922125209", "9号村"),)
    with pytest.raises(Problem) as caught:
        import_it(session, lacking)
    assert (caught.value.code, caught.value.facts["inhabited"]) == ("areas.closes_too_many", 1)
    assert session.get_one(Area, "511922125209").valid_until is None
    household.status = HouseholdStatus.MOVED_AWAY
    session.flush()
    assert not import_it(session, lacking).too_many


def test_village_cadre_may_not_import(session: Session) -> None:
    with pytest.raises(Problem) as caught:
        importing.import_villages(
            session, a_cadre(session), a_list("511922125200,余家坪村,兴马镇"), file="list.csv", commit=True
        )
    assert caught.value.code == "access.forbidden"


def test_villages_and_groups_are_those_of_the_actors_scope(session: Session) -> None:
    head = a_cadre(session)
    assert [v.code for v in register.villages(session, head, on=TODAY)] == [VILLAGE]
    assert len(register.groups(session, head, VILLAGE, on=TODAY)) == 2
    assert register.groups(session, head, OTHER_VILLAGE, on=TODAY) == ()
    office = a_cadre(session, Post.MASS_WORK_MEMBER, "511922125")
    assert [v.code for v in register.villages(session, office, on=TODAY)] == [VILLAGE, OTHER_VILLAGE]


def test_group_informant_sees_the_village_of_his_group(session: Session) -> None:
    informant = a_cadre(session, Post.GROUP_INFORMANT, GROUP)
    assert [v.code for v in register.villages(session, informant, on=TODAY)] == [VILLAGE]
    assert [g.code for g in register.groups(session, informant, VILLAGE, on=TODAY)] == [GROUP]


def test_area_outside_scope_is_not_found(session: Session) -> None:
    head = a_cadre(session)
    with pytest.raises(Problem) as caught:
        register.area(session, head, OTHER_VILLAGE)
    assert caught.value.code == "access.not_found"


def test_group_is_added_from_its_day_on(session: Session) -> None:
    added = register.add_group(session, administrator(session), VILLAGE, 3, on=TODAY)
    assert (added.code, added.short_name, added.valid_from) == ("51192212520003", "3社", TODAY)
    row = session.get_one(Area, "51192212520003")
    assert (row.parent_code, row.level) == (VILLAGE, AreaLevel.GROUP)
    assert register.names(session, [added.code]) == {added.code: "余家坪村3社"}
    entry = session.exec(select(AuditEntry).order_by(col(AuditEntry.sequence).desc())).first()
    assert entry is not None and (entry.action, entry.object_id) == ("area.add", added.code)


def test_the_missing_groups_of_a_village_are_added_at_once(session: Session) -> None:
    actor = administrator(session)
    register.close(session, actor, GROUP, on=TODAY)
    added = register.add_groups(session, actor, VILLAGE, 4, on=TODAY)
    assert [(one.code, one.short_name) for one in added] == [
        ("51192212520003", "3社"),
        ("51192212520004", "4社"),
    ]
    assert session.get_one(Area, GROUP).valid_until == TODAY, "a closed one stays closed"
    assert register.add_groups(session, actor, VILLAGE, 4, on=TODAY) == ()
    for wrong in (0, 100):
        with pytest.raises(Problem) as caught:
            register.add_groups(session, actor, VILLAGE, wrong, on=TODAY)
        assert caught.value.code == "areas.group_number"


def test_a_group_stands_under_its_village_even_when_another_group_was_named(session: Session) -> None:
    added = register.add_group(session, administrator(session), GROUP, 3, on=TODAY)
    assert (added.code, added.parent_code) == ("51192212520003", VILLAGE)


def test_group_number_taken_is_refused(session: Session) -> None:
    with pytest.raises(Problem) as caught:
        register.add_group(session, administrator(session), VILLAGE, 1, on=TODAY)
    assert caught.value.code == "areas.group_exists"


def test_group_is_renamed(session: Session) -> None:
    register.rename(session, administrator(session), GROUP, " 河边 社 ")
    assert session.get_one(Area, GROUP).short_name == "河边 社"


def test_group_with_households_is_not_closed(session: Session) -> None:
    a_household(session)
    with pytest.raises(Problem) as caught:
        register.close(session, administrator(session), GROUP, on=TODAY)
    assert (caught.value.code, caught.value.facts["n"]) == ("areas.households_left", 1)
    assert session.get_one(Area, GROUP).valid_until is None


def test_closed_group_leaves_the_list_on_its_day(session: Session) -> None:
    actor = administrator(session)
    register.close(session, actor, GROUP, on=TODAY)
    assert GROUP not in [g.code for g in register.groups(session, actor, VILLAGE, on=TODAY)]
    assert GROUP in [g.code for g in register.groups(session, actor, VILLAGE, on=date(2026, 5, 5))]
    with pytest.raises(Problem) as caught:
        register.require_valid(session, GROUP, TODAY)
    assert caught.value.code == "areas.closed"


def test_a_village_that_a_newer_list_has_again_comes_back_with_its_groups(session: Session) -> None:
    actor = administrator(session)
    an_area_tree(session)
    both = ("511922125200,余家坪村,兴马镇", "511922125201,齐家湾村,兴马镇")
    group_before, group_with = GROUP, f"{GROUP[:12]}02"
    register.close(session, actor, group_before, on=date(2026, 6, 1))
    import_it(session, a_list(both[1]), allow_closing=True)
    assert session.get_one(Area, group_with).valid_until == date(2026, 6, 30)
    import_it(session, a_list(*both, vintage="2026-07-31"))
    session.expire_all()
    assert session.get_one(Area, VILLAGE).valid_until is None
    assert session.get_one(Area, group_with).valid_until is None
    assert session.get_one(Area, group_before).valid_until == date(2026, 6, 1), "it was closed before"


def test_a_closed_area_is_put_in_use_again(session: Session) -> None:
    actor = administrator(session)
    register.close(session, actor, GROUP, on=TODAY)
    assert register.reopen(session, actor, GROUP).valid_until is None
    with pytest.raises(Problem) as caught:
        register.reopen(session, actor, GROUP)
    assert caught.value.code == "areas.in_use"
    for code in (GROUP, VILLAGE):
        register.close(session, actor, code, on=TODAY)
    with pytest.raises(Problem) as caught:
        register.reopen(session, actor, GROUP)
    assert caught.value.code == "areas.closed", "its village is closed"
    register.reopen(session, actor, VILLAGE)
    assert session.get_one(Area, GROUP).valid_until is None
    last = session.exec(select(AuditEntry).order_by(col(AuditEntry.sequence).desc())).first()
    assert last is not None
    assert (last.action, last.object_id) == ("area.reopen", VILLAGE)


def test_successor_is_an_open_area_of_the_same_level(session: Session) -> None:
    actor = administrator(session)
    register.close(session, actor, VILLAGE, on=TODAY)
    register.set_successor(session, actor, VILLAGE, OTHER_VILLAGE)
    assert session.get_one(Area, VILLAGE).successor_code == OTHER_VILLAGE
    for wrong in (VILLAGE, GROUP, "511922125"):
        with pytest.raises(Problem) as caught:
            register.set_successor(session, actor, VILLAGE, wrong)
        assert caught.value.code == "areas.successor"


def test_unknown_code_is_its_own_name(session: Session) -> None:
    an_area_tree(session)
    assert register.names(session, ["99", GROUP]) == {"99": "99", GROUP: "余家坪村1社"}
