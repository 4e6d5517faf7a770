"""Photos: checked, stripped, encrypted, read only by those in the area."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from sqlmodel import Session, func, select

from models import Attachment, Post
from survey import db
from survey.access.permissions import Actor, Grant, Role
from survey.problems import Problem
from survey.questionnaires import attachment_files, attachments, drafts, submissions
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


def files() -> list[str]:
    folder = db.current().settings.attachments_dir
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def rows() -> int:
    with db.reading() as session:
        return session.exec(select(func.count()).select_from(Attachment)).one()


def a_kept_draft(*photos: bytes) -> tuple[Actor, str]:
    """A draft with photos `1.jpg` and so on, committed."""
    with db.session_scope() as session:
        actor = a_cadre(session)
        draft = a_draft(session, actor, a_household(session))
        for number, photo in enumerate(photos, 1):
            attachments.store(session, actor, draft.instance_id, QUESTION, f"{number}.jpg", photo)
    return actor, draft.instance_id


def test_a_draft_thrown_away_takes_its_photos_along__ok(store: db.Store) -> None:
    actor, instance_id = a_kept_draft(a_photo())
    with db.session_scope() as session:
        drafts.discard(session, actor, instance_id)
        assert len(files()) == 1, "until it is committed it could be undone"
    assert (rows(), files()) == (0, [])


def test_a_draft_that_is_not_thrown_away_after_all_keeps_its_photos__ok(store: db.Store) -> None:
    actor, instance_id = a_kept_draft(a_photo())
    with pytest.raises(RuntimeError), db.session_scope() as session:
        drafts.discard(session, actor, instance_id)
        raise RuntimeError("undone")
    assert (rows(), len(files())) == (1, 1)


def test_a_photo_taken_out_or_replaced_leaves_no_file_unless_another_filling_has_it__ok(
    store: db.Store,
) -> None:
    other, same, new = a_photo(), a_photo(800, 800), a_photo(400, 400)
    actor, instance_id = a_kept_draft(other, same)
    a_kept_draft(same)
    with db.session_scope() as session:
        attachments.remove(session, actor, instance_id, "2.jpg")
        attachments.store(session, actor, instance_id, QUESTION, "1.jpg", new)
    with db.reading() as session:
        assert files() == sorted(session.exec(select(Attachment.sha256)))
    assert (rows(), len(files())) == (2, 2)


def test_the_start_of_the_server_removes_old_files_that_nothing_names__ok(store: db.Store) -> None:
    a_kept_draft(a_photo())
    kept = files()
    for name, age_seconds in (("f" * 64, 3600), ("e" * 64, 0)):
        path = attachment_files.path_of(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"left behind")
        os.utime(path, (time.time() - age_seconds,) * 2)
    attachment_files.remove_unnamed()
    assert files() == sorted([*kept, "e" * 64])
