"""A form of more than a thousand rows, made here, and the largest of a folder of case files."""

from __future__ import annotations

import csv
from pathlib import Path

from survey.questionnaires.xlsform import compile_form

SECTIONS = 60
_HEAD = ("type", "name", "label", "relevant", "constraint", "required", "calculation", "choice_filter")


def own() -> tuple[str, str]:
    """Name and XForm of a household census: sections that follow from one another, calculations over all of them."""
    rows: list[tuple[str, ...]] = [
        ("select_one town", "town", "Town", "", "", "yes", "", ""),
        ("select_one village", "village", "Village", "", "", "yes", "", "town = ${town}"),
        ("integer", "people", "People", "", ". >= 1 and . <= 12", "yes", "", ""),
    ]
    for number in range(1, SECTIONS + 1):
        rows += _section(number)
    rows += [
        ("begin_repeat", "member", "Member", "", "", "", "", ""),
        ("text", "member_name", "Name", "", "string-length(.) < 40", "yes", "", ""),
        ("integer", "member_age", "Age", "", ". >= 0 and . < 120", "yes", "", ""),
        ("calculate", "member_line", "", "", "", "", "concat(position(..), '. ', ${member_name})", ""),
        ("end_repeat", "member", "", "", "", "", "", ""),
        ("calculate", "ages", "", "", "", "", "sum(${member_age})", ""),
        (
            "calculate",
            "total",
            "",
            "",
            "",
            "",
            " + ".join(f"${{sum_{n}}}" for n in range(1, SECTIONS + 1)),
            "",
        ),
        ("note", "summary", "In all ${total}, ages ${ages}", "${total} > 0", "", "", "", ""),
    ]
    towns = [("town", f"t{t}", f"Town {t}", "") for t in range(20)]
    villages = [("village", f"t{t}v{v}", f"Village {t}-{v}", f"t{t}") for t in range(20) for v in range(25)]
    answers = [("state", name, name.title(), "") for name in ("none", "exists", "worse", "solved")]
    sheets = (
        _sheet("survey", _HEAD, rows)
        + _sheet("choices", ("list_name", "name", "label", "town"), [*towns, *villages, *answers])
        + _sheet("settings", ("form_title", "form_id", "version"), [("Census", "census", "1")])
    )
    compiled = compile_form(sheets)
    return f"a form made here, {len(rows):,} rows", compiled.xform


def _section(number: int) -> list[tuple[str, ...]]:
    shown = f"${{state_{number - 1}}} != ''" if number > 1 else ""
    rows: list[tuple[str, ...]] = [
        ("begin_group", f"section_{number}", f"Section {number}", shown, "", "", "", ""),
        ("select_one state", f"state_{number}", f"Difficulty {number}", "", "", "yes", "", ""),
    ]
    for item in range(1, 13):
        name = f"amount_{number}_{item}"
        follows = f"${{state_{number}}} = 'exists'" if item % 4 == 0 else ""
        rows.append(
            ("integer", name, f"Amount {item} of ${{people}}", follows, ". >= 0 and . <= 5000", "", "", "")
        )
    names = [f"coalesce(${{amount_{number}_{item}}}, 0)" for item in range(1, 13)]
    rows += [
        ("calculate", f"sum_{number}", "", "", "", "", " + ".join(names), ""),
        ("calculate", f"share_{number}", "", "", "", "", f"round(${{sum_{number}}} div ${{people}}, 2)", ""),
        ("note", f"note_{number}", f"Share ${{share_{number}}}", f"${{share_{number}}} > 10", "", "", "", ""),
        ("end_group", f"section_{number}", "", "", "", "", "", ""),
    ]
    return rows


def _sheet(name: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [f"| {name} |", *("| | " + " | ".join(row) + " |" for row in (head, *rows))]
    return "\n".join(lines) + "\n"


def largest(folder: Path) -> tuple[str, str]:
    """Name and XForm of the form with the most rows in a folder's `xlsforms.csv`, of those the compiler takes."""
    with (folder / "xlsforms.csv").open(encoding="utf-8-sig", newline="") as file:
        taken = [row for row in csv.DictReader(file) if row["converts"] == "y"]
    chosen = max(taken, key=lambda row: int(row["rows"]))
    source = folder / chosen["file"]
    compiled = compile_form(source.read_bytes(), file_type=source.suffix.lower())
    return f"{source.name}, {int(chosen['rows']):,} rows", compiled.xform
