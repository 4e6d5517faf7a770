"""Questionnaires as an office writes them, for tests: a small one in few words, uploaded and published."""

from __future__ import annotations

from datetime import date

from sqlmodel import Session

from models import HouseholdsDue, Post
from survey import composition
from survey.access.permissions import Actor
from survey.questionnaires import authoring, conversion, registry
from survey.questionnaires.authoring import Publication, Version
from survey.questionnaires.conversion import Authored, Checked
from survey.questionnaires.findings import Finding
from survey.questionnaires.form_checks import Surroundings
from tests.builders import NOW, TODAY, TOWNSHIP

WATER = """
| survey | | | | | | |
| | type | name | label::中文 (zh) | required | relevant | save_to |
| | select_one source | source | 饮水来源 | yes | | households#water_source |
| | integer | people | 常住人口 | | | |
| | begin_repeat | child | 孩子 | | | |
| | text | first | 名字 | | | |
| | end_repeat | child | | | | |
| | begin_group | matter | 需要解决的事 | | ${source} = 'surface' | |
| | text | words | 情况 | | | cases#words |
| | calculate | kind | | | | cases#category |
| | end_group | matter | | | | |
| choices | | | |
| | list_name | name | label::中文 (zh) |
| | source | piped | 自来水 |
| | source | surface | 河塘水 |
| entities | | | | |
| | list_name | label | create_if | entity_id |
| | households | | | ${household_id} |
| | cases | ${words} | ${source} = 'surface' | |
| settings | | | |
| | form_title | form_id | version |
| | 饮水调查 | water | 1 |
""".replace("| save_to |\n", "| save_to | calculation |\n").replace(
    "| cases#category |", "| cases#category | 'water' |"
)


def known() -> Surroundings:
    """What the whole program lets a questionnaire refer to."""
    composition.wire()
    return Surroundings(registry.writable(), registry.readable())


def checked(source: str | bytes, name: str = "water.md", **files: bytes) -> Checked:
    """A file checked in this process."""
    content = source.encode() if isinstance(source, str) else source
    authored = Authored(name, content, {f"{stem}.csv": text for stem, text in files.items()})
    around = known()
    around = Surroundings(around.writable, around.readable, frozenset(authored.files))
    return conversion.check(authored, around, TODAY, authored.sha256)


def found(source: str | bytes, name: str = "water.md", **files: bytes) -> dict[str, Finding]:
    """What is found in a file, by code."""
    return {finding.code.partition(".")[2]: finding for finding in checked(source, name, **files).findings}


def uploaded(session: Session, actor: Actor, source: str = WATER) -> Version:
    """A questionnaire kept as a draft."""
    authored = Authored("water.md", source.encode())
    return authoring.keep(session, actor, authored, checked(source), now=NOW)


def publication(
    area_code: str = TOWNSHIP,
    posts: tuple[Post, ...] = (Post.VILLAGE_HEAD,),
    due: HouseholdsDue = HouseholdsDue.EVERYBODY,
    valid_until: date | None = None,
    valid_from: date = TODAY,
) -> Publication:
    """With what a draft is published, by default for the village heads of the township."""
    return Publication(valid_from, valid_until, (area_code,), posts, due)


def published(session: Session, actor: Actor, source: str = WATER, **over: object) -> Version:
    """A questionnaire uploaded and published."""
    draft = uploaded(session, actor, source)
    return authoring.publish(session, actor, draft.id, publication(**over), now=NOW)  # type: ignore[arg-type]
