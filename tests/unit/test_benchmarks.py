"""What the benchmarks print and load is what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from benchmarks import __main__ as program
from benchmarks import engine, large_forms, pages, stores
from benchmarks.tables import percentile, table
from survey import db, opening, store_checks
from survey.questionnaires.conformance.random_fillings import recorded_filling
from survey.questionnaires.xform import parse_form
from tests import builders as b


@pytest.mark.parametrize(("share", "expected"), [(0.5, 5), (0.95, 10), (0.9, 9), (1.0, 10), (0.01, 1)])
def test_percentiles_are_nearest_rank(share: float, expected: int) -> None:
    assert percentile([10, 1, 9, 2, 8, 3, 7, 4, 6, 5], share) == expected


def test_a_table_is_aligned() -> None:
    assert table(("page", "ms"), [("today", 5), ("map", 120)]) == (
        "page    ms\n-----  ---\ntoday    5\nmap    120"
    )


def test_an_unknown_section_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["speed"]) == 2
    assert "no such section: speed" in capsys.readouterr().err


def test_the_large_form_has_more_than_a_thousand_rows_and_takes_a_filling() -> None:
    name, xform = large_forms.own()
    assert name == "a form made here, 1,091 rows"
    form = parse_form(xform)
    times = engine._ours(xform, recorded_filling(form, 1).steps)
    assert len(times.answers) > 300
    assert times.refused == 0


def test_without_node_the_table_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert "Node and npm are needed" in str(engine._theirs(tmp_path, "", ()))


def test_what_npm_installs_is_pinned_without_addresses() -> None:
    lock = json.loads((engine.WEB_FORMS / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: row for name, row in lock["packages"].items() if name}
    assert [name for name, row in packages.items() if "integrity" not in row or "resolved" in row] == []


def test_the_large_store_has_so_many_times_the_rows_and_is_in_order(tmp_path: Path) -> None:
    demo, seconds = stores.build_demo(tmp_path / "demo", 24)
    assert seconds > 0
    large = stores.copied(demo, tmp_path / "large")
    counts = stores.enlarge(large, 3)
    engine = sa.create_engine(demo.database_url)
    with engine.connect() as connection:
        for name, count in counts.items():
            original = connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar_one()
            assert count == 3 * original, name
    engine.dispose()
    with opening.opened(large), db.reading() as session:
        assert session.execute(sa.text("PRAGMA foreign_key_check")).all() == []
        broken = {finding.what for finding in store_checks.findings(session, b.an_operator())}
        # Copies share the stored filling of the row they were copied from; nothing else may be wrong.
        assert broken == {"困难情况与提交内容不一致"}
    assert {page.path for page in pages.pages(large)} == {
        "today", "households", "hardship", "cases", "map", "visit", "administration",
    }  # fmt: skip
