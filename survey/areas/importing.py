"""Lists of areas coming in: read, compared with the register, and taken over whole or not at all.

Owns the format of a county's list of villages (CSV in UTF-8 or GB18030, one row a village, columns `COLUMNS`),
its checks, the comparison with the register and the lists shipped with the project. Refuses a list that is
older than the register, any list with a single wrong row, and, unless it is told to close them, one that lacks
many villages or a village where households live: most likely it is only a part of the county's list. A village that
a newer list lacks is closed on the list's date with its groups and never deleted; who succeeded it is not in such a
list and stays empty. One that a still newer list has again is in use again, and those groups with it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from importlib.resources import files

import sqlalchemy as sa
from sqlmodel import Session, col, select

from models import Area, AreaLevel, Household, HouseholdStatus
from survey import i18n
from survey.access import audit
from survey.access.permissions import Action, Actor, require, service, within
from survey.areas import codes
from survey.areas.register import LONGEST_NAME, put_in_use
from survey.i18n import gettext as _
from survey.problems import Problem

COLUMNS = (
    "village_code12",
    "village_name",
    "village_short",
    "town_code9",
    "town_name",
    "county_code6",
    "county_name",
    "vintage",
)
LARGEST_FILE_MB = 5
# UTF-8 first: a text in GB18030 is hardly ever valid UTF-8, while most UTF-8 is also valid GB18030.
ENCODINGS = {"utf-8-sig": "UTF-8", "gb18030": "GB18030"}
# A list that closes a larger part of the villages it covers is taken for an incomplete one.
MOST_CLOSED = 0.2
SHIPPED = "nanjiang_511922_2023-06-30.csv"
_HISTORY = "xingma_511922_history.csv"
_POINTS = "nanjiang_511922_town_points.csv"


@dataclass(frozen=True)
class ListedArea:
    """An area as a list names it, with the row it was first met in."""

    code: str
    name: str
    short_name: str
    row: int


@dataclass(frozen=True)
class AreaList:
    """A checked list: the state of `vintage`, by code, with the counties and towns its rows name."""

    file: str
    vintage: date
    areas: dict[str, ListedArea]
    encoding: str


@dataclass(frozen=True)
class Renamed:
    """An area whose name differs in the list."""

    code: str
    before: str
    after: str


@dataclass(frozen=True)
class ImportReport:
    """What a list changes, or would change: `committed` says which. Pairs are (code, name).

    `inhabited` are the closed villages with active households; `too_many` says that the list closes more than
    `MOST_CLOSED` of the villages in use, or such a village. `encoding` is what the file was read as.
    """

    file: str
    vintage: date
    added: tuple[tuple[str, str], ...]
    renamed: tuple[Renamed, ...]
    closed: tuple[tuple[str, str], ...]
    reopened: tuple[tuple[str, str], ...]
    unchanged: int
    inhabited: tuple[tuple[str, str], ...]
    too_many: bool
    encoding: str
    committed: bool

    @property
    def changes(self) -> int:
        """How many areas it touches."""
        return len(self.added) + len(self.renamed) + len(self.closed) + len(self.reopened)


@service(Action.AREAS_WRITE)
def import_villages(
    session: Session, actor: Actor, /, content: bytes, *, file: str, commit: bool, allow_closing: bool = False
) -> ImportReport:
    """Compare a county's list with the register, and take it over when `commit`; else only report.

    All or nothing. Without `allow_closing`, a list to be taken over may not close more than `MOST_CLOSED` of
    the villages of its counties, nor one with active households: `areas.closes_too_many`; the report of a
    comparison says so instead. Problems `areas.encoding`, `areas.missing_columns`, `areas.bad_row`, `areas.bad_cell`,
    `areas.repeated_code`, `areas.two_names`, `areas.empty_file`, `areas.file_too_big`,
    `areas.older_vintage`. Importing one list twice changes nothing the second time. Audited.
    """
    listed = parse(content, file=file)
    counties = [code for code in listed.areas if len(code) == 6]
    for county in counties:
        require(actor, Action.AREAS_WRITE, county)
    present = _present(session, counties)
    _refuse_older(listed, present, counties)
    report = _compare(session, listed, present, commit=commit)
    if commit and report.too_many and not allow_closing:
        raise _closes_too_many(report, present)
    if commit:
        _take_over(session, listed, report, present)
        audit.append(
            session,
            actor,
            "areas.import",
            kind="area",
            id=",".join(counties)[:80],
            area_code=counties[0],
            details={"file": file[:80], "vintage": listed.vintage.isoformat(), "changes": report.changes},
        )
    return report


@service(Action.AREAS_WRITE)
def load_shipped(session: Session, actor: Actor, /) -> ImportReport:
    """Load the villages of 南江县 (state of 2023-06-30) with the former codes of 兴马; idempotent.

    Sources and licences: `survey/areas/registers/SOURCE.md`.
    """
    report = import_villages(session, actor, _shipped(SHIPPED), file=SHIPPED, commit=True)
    _load_history(session)
    for row in _rows_of(_POINTS):
        area = session.get(Area, row["code"])
        if area is not None and area.lat is None:
            area.lat, area.lon = float(row["lat"]), float(row["lon"])
    session.flush()
    return report


def parse(content: bytes, *, file: str) -> AreaList:
    """The checked list of a file's bytes; see `import_villages` for the problems. Pure."""
    text, encoding = _decoded(content, file)
    areas: dict[str, ListedArea] = {}
    vintage: date | None = None
    for number, cells in _table(text, file):
        code = _village_code(number, cells)
        if code in areas:
            raise Problem(
                "areas.repeated_code",
                row=number,
                column="village_code12",
                value=code,
                first=areas[code].row,
            )
        vintage = _vintage(number, cells, vintage)
        for upper, column in ((code[:6], "county_name"), (code[:9], "town_name")):
            _note_upper(areas, number, upper, column, _name(number, cells, column))
        areas[code] = ListedArea(
            code, _name(number, cells, "village_name"), _name(number, cells, "village_short"), number
        )
    if vintage is None:
        raise Problem("areas.empty_file", file=file)
    return AreaList(file, vintage, areas, encoding)


def _decoded(content: bytes, file: str) -> tuple[str, str]:
    """The text and the name of its encoding: what a table program on a Chinese system writes is GB18030."""
    if len(content) > LARGEST_FILE_MB * 1_000_000:
        raise Problem("areas.file_too_big", file=file, megabytes=LARGEST_FILE_MB)
    for codec, name in ENCODINGS.items():
        try:
            return content.decode(codec), name
        except UnicodeDecodeError:
            continue
    raise Problem("areas.encoding", file=file, encodings=i18n.listed(ENCODINGS.values()))


def _table(text: str, file: str) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header = [cell.strip() for cell in next(reader, [])]
        missing = [column for column in COLUMNS if column not in header]
        if missing:
            raise Problem("areas.missing_columns", file=file, columns=i18n.listed(missing))
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise Problem("areas.bad_row", row=reader.line_num, expected=len(header), found=len(cells))
            yield reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True))
    except csv.Error as error:
        raise Problem("areas.encoding", file=file, encodings=i18n.listed(ENCODINGS.values())) from error


def _bad(number: int, cells: dict[str, str], column: str, expected: str) -> Problem:
    return Problem("areas.bad_cell", row=number, column=column, value=cells[column][:40], expected=expected)


def _digits(number: int, cells: dict[str, str], column: str, length: int) -> str:
    value = cells[column]
    if not (codes.is_code(value) and len(value) == length):
        raise _bad(number, cells, column, _("{n} digits", n=length))
    return value


def _village_code(number: int, cells: dict[str, str]) -> str:
    code = _digits(number, cells, "village_code12", 12)
    for column, length in (("town_code9", 9), ("county_code6", 6)):
        start = code[:length]
        if _digits(number, cells, column, length) != start:
            expected = _("the first {n} digits of the village's code, {digits}", n=length, digits=start)
            raise _bad(number, cells, column, expected)
    return code


def _name(number: int, cells: dict[str, str], column: str) -> str:
    name = cells[column]
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise _bad(number, cells, column, _("a name of 1 to {n} characters", n=LONGEST_NAME))
    return name


def _vintage(number: int, cells: dict[str, str], before: date | None) -> date:
    try:
        vintage = date.fromisoformat(cells["vintage"])
    except ValueError as error:
        raise _bad(number, cells, "vintage", _("a date such as {date}", date="2023-06-30")) from error
    if before is not None and vintage != before:
        raise _bad(number, cells, "vintage", _("{date}, as in the rows above", date=before))
    return vintage


def _note_upper(areas: dict[str, ListedArea], number: int, code: str, column: str, name: str) -> None:
    known = areas.setdefault(code, ListedArea(code, name, name, number))
    if known.name != name:
        raise Problem(
            "areas.two_names",
            row=number,
            column=column,
            area=code,
            first=known.row,
            other=known.name,
            value=name,
        )


def _present(session: Session, counties: Iterable[str]) -> dict[str, Area]:
    found: dict[str, Area] = {}
    for county in counties:
        rows = session.exec(
            select(Area).where(within(col(Area.code), county), col(Area.level) != AreaLevel.GROUP)
        )
        found |= {row.code: row for row in rows}
    return found


def _refuse_older(listed: AreaList, present: dict[str, Area], counties: list[str]) -> None:
    dates = [row.valid_from for row in present.values()]
    dates += [row.valid_until for row in present.values() if row.valid_until]
    if dates and max(dates) > listed.vintage:
        raise Problem(
            "areas.older_vintage",
            vintage=listed.vintage,
            county=listed.areas[counties[0]].name,
            newest=max(dates),
        )


def _compare(session: Session, listed: AreaList, present: dict[str, Area], *, commit: bool) -> ImportReport:
    new = sorted(listed.areas.keys() - present.keys())
    kept = sorted(listed.areas.keys() & present.keys())
    open_codes = {code for code, row in present.items() if row.valid_until is None}
    renamed = tuple(
        Renamed(code, present[code].name, listed.areas[code].name)
        for code in kept
        if present[code].name != listed.areas[code].name
    )
    reopened = [code for code in kept if code not in open_codes]
    closed = sorted(open_codes - listed.areas.keys())
    inhabited = _inhabited(session, closed)
    in_use = [code for code in open_codes if len(code) == 12]
    leaving = [code for code in closed if len(code) == 12]
    return ImportReport(
        file=listed.file,
        vintage=listed.vintage,
        added=tuple((code, listed.areas[code].short_name) for code in new),
        renamed=renamed,
        closed=tuple((code, present[code].short_name) for code in closed),
        reopened=tuple((code, present[code].short_name) for code in reopened),
        unchanged=len(kept) - len({item.code for item in renamed} | set(reopened)),
        inhabited=tuple((code, present[code].short_name) for code in inhabited),
        too_many=bool(inhabited) or len(leaving) > MOST_CLOSED * len(in_use),
        encoding=listed.encoding,
        committed=commit,
    )


def _inhabited(session: Session, closing: list[str]) -> list[str]:
    """Those of the villages in which active households live."""
    return [
        code
        for code in closing
        if len(code) == 12
        and session.exec(
            select(Household.id)
            .where(within(col(Household.area_code), code), col(Household.status) == HouseholdStatus.ACTIVE)
            .limit(1)
        ).first()
    ]


def _closes_too_many(report: ImportReport, present: dict[str, Area]) -> Problem:
    return Problem(
        "areas.closes_too_many",
        file=report.file,
        n=sum(1 for code, _named in report.closed if len(code) == 12),
        total=sum(1 for code, row in present.items() if len(code) == 12 and row.valid_until is None),
        inhabited=len(report.inhabited),
    )


def _take_over(session: Session, listed: AreaList, report: ImportReport, present: dict[str, Area]) -> None:
    # Parents before children: the table's foreign key asks for it.
    for code, _named in sorted(report.added, key=lambda pair: (len(pair[0]), pair[0])):
        session.add(_new_area(listed.areas[code], listed))
        if len(code) < 12:
            session.flush()
    for change in report.renamed:
        present[change.code].name = change.after
        present[change.code].short_name = listed.areas[change.code].short_name
    for code, _named in report.reopened:
        put_in_use(session, present[code])
    for code, _named in report.closed:
        _close(session, code, listed.vintage)
    session.flush()


def _new_area(listed: ListedArea, source: AreaList) -> Area:
    return Area(
        code=listed.code,
        level=codes.level_of(listed.code),
        name=listed.name,
        short_name=listed.short_name,
        parent_code=codes.parent_of(listed.code),
        valid_from=source.vintage,
        source=source.file,
    )


def _close(session: Session, code: str, on: date) -> None:
    """Close an area with the groups under it; households keep their code until they are moved."""
    session.execute(
        sa.update(Area)
        .where(within(col(Area.code), code), col(Area.valid_until).is_(None))
        .values(valid_until=on)
    )


def _shipped(name: str) -> bytes:
    return files("survey.areas").joinpath("registers", name).read_bytes()


def _rows_of(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(_shipped(name).decode("utf-8"), newline="")))


def _load_history(session: Session) -> None:
    """Former codes with their dates and, where the source knows one, their successor."""
    rows = sorted(_rows_of(_HISTORY), key=lambda row: (len(row["code"]), row["code"]))
    for row in rows:
        _note_history(session, row)
        if len(row["code"]) < 12:
            session.flush()
    session.flush()
    for row in rows:
        area = session.get_one(Area, row["code"])
        if row["successor_code"] and area.successor_code is None:
            area.successor_code = row["successor_code"]


def _note_history(session: Session, row: dict[str, str]) -> None:
    starts_on = date.fromisoformat(row["valid_from"])
    known = session.get(Area, row["code"])
    if known is not None:
        known.valid_from = min(known.valid_from, starts_on)
        return
    session.add(
        Area(
            code=row["code"],
            level=codes.level_of(row["code"]),
            name=row["name"],
            short_name=row["short_name"],
            parent_code=codes.parent_of(row["code"]),
            valid_from=starts_on,
            valid_until=date.fromisoformat(row["valid_until"]) if row["valid_until"] else None,
            source=_HISTORY,
        )
    )
