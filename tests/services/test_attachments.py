"""Photos: checked, stripped, encrypted, read only by those in the area."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from sqlmodel import Session, func, select

from models import Attachment, Post
from survey import db
from survey.access.permissions import Grant, Role
from survey.problems import Problem
from survey.questionnaires import attachments, submissions
from tests.builders import NOW, OTHER_VILLAGE, a_cadre, a_household
from tests.fillings import a_draft, answered, no_problem

QUESTION = "/data/closing/photo[1]/image"


def a_photo(width: int = 2400, height: int = 1200, *, orientation: int = 1, kind: str = "JPEG") -> bytes:
    image = Image.new("RGB", (width, height), "white")
    image.paste("red", (0, 0, width // 2, height // 2))
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "测试相机"
    exif.get_ifd(0x8769)[0x9003] = "2026:05:06 10:15:00"
    exif.get_ifd(0x8825).update({1: "N", 2: (32.0, 14.0, 52.0), 3: "E", 4: (106.0, 58.0, 16.0)})
    file = BytesIO()
    image.save(file, kind, exif=exif)
    return file.getvalue()


def test_a_photo_is_reduced_turned_upright_and_stripped__ok(session: Session) -> None:
    actor = a_cadre(session)
    draft = a_draft(session, actor, a_household(session))
    view = attachments.store(session, actor, draft.instance_id, QUESTION, "1.jpg", a_photo(orientation=6))
    content, media_type = attachments.read(session, actor, view.id)
    stored = Image.open(BytesIO(content))
    assert media_type == "image/jpeg"
    assert stored.size == (800, 1600) == (view.width_px, view.height_px)
    assert dict(stored.getexif()) == {}
    right_top = stored.getpixel((stored.width - 20, 20))
    assert isinstance(right_top, tuple)
    assert right_top[0] > 200 > 100 > right_top[1]


def test_time_and_place_of_taking_are_kept_as_fields__ok(session: Session) -> None:
    actor = a_cadre(session)
    draft = a_draft(session, actor, a_household(session))
    attachments.store(session, actor, draft.instance_id, QUESTION, "1.jpg", a_photo())
    row = session.exec(select(Attachment)).one()
    assert row.taken_at == datetime(2026, 5, 6, 2, 15, tzinfo=UTC)
    assert row.lat == pytest.approx(32.24778, abs=1e-4)
    assert row.lon == pytest.approx(106.97111, abs=1e-4)


def test_the_file_on_disk_is_encrypted_and_named_by_its_content__ok(session: Session) -> None:
    actor = a_cadre(session)
    draft = a_draft(session, actor, a_household(session))
    for name in ("1.jpg", "2.jpg"):
        attachments.store(session, actor, draft.instance_id, QUESTION, name, a_photo())
    first, second = session.exec(select(Attachment))
    assert first.sha256 == second.sha256
    files = [p for p in db.current().settings.attachments_dir.rglob("*") if p.is_file()]
    assert [p.name for p in files] == [first.sha256]
    with pytest.raises(OSError, match="cannot identify"):
        Image.open(files[0])


@pytest.mark.parametrize("content", [b"", b"no image", a_photo()[:2000], b"<svg onload='x'/>", b"%PDF-1.4"])
def test_what_is_no_photo__error(session: Session, content: bytes) -> None:
    actor = a_cadre(session)
    draft = a_draft(session, actor, a_household(session))
    with pytest.raises(Problem) as caught:
        attachments.store(session, actor, draft.instance_id, QUESTION, "x.jpg", content)
    assert caught.value.code == "attachment.not_image"
    assert session.exec(select(func.count()).select_from(Attachment)).one() == 0
    assert [p for p in db.current().settings.attachments_dir.rglob("*") if p.is_file()] == []


def test_thirty_megabytes__error(session: Session) -> None:
    actor = a_cadre(session)
    draft = a_draft(session, actor, a_household(session))
    with pytest.raises(Problem) as caught:
        attachments.store(
            session, actor, draft.instance_id, QUESTION, "x.jpg", a_photo() + b"\0" * 30 * 1024 * 1024
        )
    assert caught.value.code == "attachment.too_large"


def test_a_full_disk__error(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = a_cadre(session)
    draft = a_draft(session, actor, a_household(session))

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Problem) as caught:
        attachments.store(session, actor, draft.instance_id, QUESTION, "x.jpg", a_photo())
    assert caught.value.code == "attachment.disk_full"
    assert [p for p in Path(db.current().settings.attachments_dir).rglob("*") if p.is_file()] == []


def test_who_may_see_a_photo__ok(session: Session) -> None:
    owner, household = a_cadre(session, Post.VILLAGE_COMMITTEE_MEMBER), a_household(session)
    colleague = a_cadre(session)
    stranger = a_cadre(session, Post.VILLAGE_HEAD, OTHER_VILLAGE)
    draft = a_draft(session, owner, household)
    view = attachments.store(session, owner, draft.instance_id, QUESTION, "1.jpg", a_photo())
    for other in (colleague, stranger):
        with pytest.raises(Problem, match="does not exist"):
            attachments.read(session, other, view.id)
    answered(session, owner, draft, no_problem())
    submissions.submit_draft(session, owner, draft.instance_id, now=NOW)
    assert attachments.read(session, colleague, view.id)[1] == "image/jpeg"
    with pytest.raises(Problem, match="does not exist"):
        attachments.read(session, stranger, view.id)


def test_who_moved_to_another_village_reads_no_longer_what_he_took_before__ok(session: Session) -> None:
    owner, household = a_cadre(session, Post.VILLAGE_COMMITTEE_MEMBER), a_household(session)
    moved = replace(owner, grants=(Grant(Role.VILLAGE_CADRE, OTHER_VILLAGE),))
    draft = a_draft(session, owner, household)
    view = attachments.store(session, owner, draft.instance_id, QUESTION, "1.jpg", a_photo())
    answered(session, owner, draft, no_problem())
    submissions.submit_draft(session, owner, draft.instance_id, now=NOW)
    assert attachments.of_instance(session, moved, draft.instance_id) == ()
    with pytest.raises(Problem, match="does not exist"):
        attachments.read(session, moved, view.id)
