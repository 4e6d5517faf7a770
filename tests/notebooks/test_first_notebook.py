"""The first notebook runs on a snapshot of the demo, and is committed without its outputs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from shutil import copyfile
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from openpyxl import load_workbook

import survey.analysis
from survey import composition, db
from survey.analysis import difficulties, snapshot
from survey.config import Settings
from survey.demo import builder
from survey.demo.township import VILLAGES_SHORT_OF_WATER
from tests import builders as b
from tests.conftest import TestKey

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "01-four-difficulties-by-village.ipynb"
HOUSEHOLDS = 180


@pytest.fixture(scope="module")
def folder(sqlite_template: Path, key: TestKey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A user's folder: the notebook beside a snapshot of a demo."""
    composition.wire()
    data, mine = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("lab")
    copyfile(sqlite_template, data / "minqing.db")
    settings = Settings(data, f"sqlite:///{data / 'minqing.db'}", key.path)
    store = db.Store(settings, db.engine_for(settings))
    db.use(store, key.keyring)
    with db.session_scope() as session:
        parameters = builder.Parameters(1, HOUSEHOLDS, date(2026, 5, 5))
        builder.build(session, b.an_operator(), parameters, lambda done, of: None)
    with db.session_scope() as session:
        snapshot.make(session, b.an_operator(), mine / "snapshot")
    db.use(None)
    store.engine.dispose()
    copyfile(NOTEBOOK, mine / NOTEBOOK.name)
    yield mine


@pytest.fixture(scope="module")
def executed(folder: Path) -> Any:
    """The notebook after all its cells ran, in a kernel of its own that has no store."""
    notebook = nbformat.read(folder / NOTEBOOK.name, as_version=4)
    began = time.monotonic()
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(folder)}}).execute()
    assert time.monotonic() - began < 60
    return notebook


def texts(notebook: Any, mimetype: str) -> list[str]:
    return [
        output["data"][mimetype]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if mimetype in output.get("data", {})
    ]


def test_it_draws_each_difficulty_without_anything_from_outside(executed: Any) -> None:
    charts = texts(executed, "image/svg+xml")
    assert [
        next(label for label in ("行路难", "饮水难", "就医难", "上学难") if label in chart)
        for chart in charts
    ] == ["行路难", "饮水难", "就医难", "上学难"]
    assert all("n = " in chart for chart in charts)
    for text in (*charts, *texts(executed, "text/html")):
        assert "http" not in text.replace("http://www.w3.org/", "") and "<script" not in text


def test_it_names_a_village_that_is_short_of_water(executed: Any, folder: Path) -> None:
    frames = survey.analysis.open(folder / "snapshot")
    short = frames.areas.set_index("code")["short_name"].reindex(sorted(VILLAGES_SHORT_OF_WATER))
    told = next(text for text in texts(executed, "text/markdown") if "饮水难" in text)
    assert any(name in told for name in short)


def test_the_workbook_is_tidy_and_says_the_same(executed: Any, folder: Path) -> None:
    book = load_workbook(folder / "四难-按村.xlsx")
    assert book.sheetnames == ["四难按村", "说明"]
    rows = list(book["四难按村"].iter_rows(values_only=True))
    table = difficulties.for_display(
        difficulties.prevalence_by_village(survey.analysis.open(folder / "snapshot"))
    )
    assert len(rows) == 1 + len(table) == 1 + 4 * 13
    assert [row[3] for row in rows[1:]] == list(table["asked"])
    hidden = [row for row, hide in zip(rows[1:], table["hidden"], strict=True) if hide]
    assert hidden and all(row[4:8] == (None,) * 4 for row in hidden)
    assert not book["四难按村"].merged_cells.ranges


def test_it_is_committed_without_outputs_and_opens_with_its_question() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells)
    assert "问题" in notebook.cells[0].source and "English summary" in notebook.cells[0].source
    assert [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
