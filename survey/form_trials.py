"""The trial of a form in a store of its own: an office publishes it, a cadre hands in a filling, the store accepts it.

Owns a temporary store with a small synthetic township, a fresh copy for each form, thrown away afterwards. It stands above the domain because a
store is put together here; `survey.questionnaires.conformance` finds it as an entry point.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from sqlmodel import Session

from models import SubmissionSource
from survey import composition, db, i18n, opening
from survey.access import accounts
from survey.access.permissions import ALLOWED, ROLE_OF_POST, Action, Actor, operator
from survey.config import Settings
from survey.demo import builder, registering, township
from survey.problems import Problem
from survey.questionnaires import authoring, drafts, library, submissions
from survey.questionnaires.authoring import Publication
from survey.questionnaires.conformance.form_cases import Trial
from survey.questionnaires.submissions import Delivery

_SEED = 5
_HOUSEHOLDS = 24


@contextmanager
def store() -> Iterator[Callable[[Trial], str]]:
    """A function that publishes a form in a temporary store and hands a filling in; it returns what was wrong."""
    composition.wire()
    with tempfile.TemporaryDirectory(prefix="minqing-trial-") as name:
        folder = Path(name)
        first = _settings(folder, "first")
        first.data_dir.mkdir()
        with opening.opened(first, create=True), db.session_scope() as session:
            composition.prepare_store(session, operator("trial"))
            now = datetime.now(UTC)
            plan = township.plan(_SEED, _HOUSEHOLDS, now.date(), builder.villages_of(session))
            ids = registering.write(session, operator("trial"), plan)
            office, cadre = _people(session, plan, ids)
        household = plan.houses[0].id
        numbers = count(1)

        def accepts(trial: Trial) -> str:
            own = _settings(folder, f"copy{next(numbers)}")
            shutil.copytree(first.data_dir, own.data_dir)
            with opening.opened(own), db.session_scope() as session:
                wrong = _accepts(session, office, cadre, household, trial)
            shutil.rmtree(own.data_dir)
            return wrong

        yield accepts


def _settings(folder: Path, name: str) -> Settings:
    return Settings(folder / name, f"sqlite:///{folder / name / 'minqing.db'}", folder / "key")


def _people(session: Session, plan: township.Township, ids: dict[str, int]) -> tuple[Actor, Actor]:
    """Somebody who publishes questionnaires, and a cadre of the first household's village."""
    publishers = [c for c in plan.cadres if Action.QUESTIONNAIRES_PUBLISH in ALLOWED[ROLE_OF_POST[c.post]]]
    field = plan.field_cadres(plan.houses[0].group.village_code)
    office, cadre = (
        accounts.actor_for(session, ids[person.username], on=plan.until)
        for person in (publishers[0], field[0])
    )
    return office, cadre


def _accepts(session: Session, office: Actor, cadre: Actor, household_id: str, trial: Trial) -> str:
    """Publish, fill in for the household as the cadre, hand in; the same filling twice changes nothing."""
    now = datetime.now(UTC)
    today = i18n.local(now).date()
    draft = authoring.keep(session, office, trial.authored, trial.checked, now=now)
    area = tuple(grant.prefix for grant in office.grants)[:1]
    publication = Publication(today, None, area, authoring.fillers())
    version = authoring.publish(session, office, draft.id, publication, now=now)
    form = library.form_of(session, version.id)
    household = drafts.visitable_household(session, cadre, household_id)
    instance = trial.fill(form, drafts.context_for(session, cadre, form, household, now=now), household_id)
    delivery = Delivery(instance.to_xml(final=True), SubmissionSource.PAGE, now)
    try:
        first = submissions.accept(session, cadre, delivery)
        again = submissions.accept(session, cadre, delivery)
    except Problem as problem:
        return str(problem)
    if first.already or not again.already:
        return "handed in twice, it was not accepted exactly once"
    return ""
