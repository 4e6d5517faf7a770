"""Files as answers: which are taken, under which name, and that they are kept as they came."""

from __future__ import annotations

import pytest
from sqlmodel import Session, select

from models import Attachment
from survey.problems import Problem
from survey.questionnaires import attachments, file_answers
from tests.builders import a_cadre, a_household
from tests.fillings import a_draft

QUESTION = "/data/paper"
PAPER = b"%PDF-1.7 paper"


def test_a_file_is_kept_as_it_came_and_encrypted__ok(session: Session) -> None:
    actor = a_cadre(session)
    draft = a_draft(session, actor, a_household(session))
    kept = file_answers.store(session, actor, draft.instance_id, QUESTION, "a1-paper.pdf", PAPER)
    content, media_type = attachments.read(session, actor, kept)
    assert (content, media_type) == (PAPER, "application/octet-stream")
    row = session.get_one(Attachment, kept)
    assert (row.name, row.question, row.size_bytes) == ("a1-paper.pdf", QUESTION, len(PAPER))
    (view,) = attachments.of_instance(session, actor, draft.instance_id)
    assert view.name == "a1-paper.pdf"


def test_the_same_name_again_replaces_the_file__ok(session: Session) -> None:
    actor = a_cadre(session)
    draft = a_draft(session, actor, a_household(session))
    for content in (PAPER, b"%PDF-1.7 newer"):
        kept = file_answers.store(session, actor, draft.instance_id, QUESTION, "paper.pdf", content)
    assert session.exec(select(Attachment.id)).all() == [kept]
    assert attachments.read(session, actor, kept)[0] == b"%PDF-1.7 newer"


@pytest.mark.parametrize(
    ("name", "size", "code"),
    [
        ("page.html", 10, "attachment.file_type"),
        ("run.exe", 10, "attachment.file_type"),
        ("drawing.svg", 10, "attachment.file_type"),
        ("noending", 10, "attachment.file_type"),
        ("../paper.pdf", 10, "attachment.bad_name"),
        ("paper.pdf", attachments.MOST_BYTES + 1, "attachment.file_too_large"),
    ],
)
def test_a_file_that_is_not_taken__error(session: Session, name: str, size: int, code: str) -> None:
    actor = a_cadre(session)
    draft = a_draft(session, actor, a_household(session))
    with pytest.raises(Problem) as refused:
        file_answers.store(session, actor, draft.instance_id, QUESTION, name, b"x" * size)
    assert refused.value.code == code
    assert session.exec(select(Attachment)).all() == []


@pytest.mark.parametrize(
    "sent", ["../../x.pdf", "C:\\a\\b.pdf", "a/b\0.pdf", " .pdf", "名" * 500 + ".pdf", "a\nb.pdf"]
)
def test_every_name_somebody_sends_becomes_one_that_is_taken(sent: str) -> None:
    assert attachments.is_name(file_answers.name_for(sent))
    assert file_answers.name_for(sent).endswith("pdf")
