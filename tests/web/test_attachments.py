"""Photos leave the server only to those in the area, decrypted, and are kept by no browser."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image
from starlette.testclient import TestClient

from models import Attachment, Cadre, Post
from survey import db
from survey.access import passwords
from survey.questionnaires import attachments
from tests import builders, fillings
from tests.web.conftest import sign_in

HASH = passwords.hash_password("shan-lu-1982")


def a_photo() -> bytes:
    file = BytesIO()
    Image.new("RGB", (40, 30), "red").save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def photo(cadre: Cadre) -> str:
    """The id of a photo in a draft of `wang`."""
    with db.session_scope() as session:
        household = builders.a_household(session)
        owner = builders.a_cadre(session, username="owner", password_hash=HASH)
        builders.a_cadre(session, Post.VILLAGE_HEAD, builders.FAR_VILLAGE, username="far", password_hash=HASH)
        draft = fillings.a_draft(session, owner, household)
        question = "/data/closing/photo[1]/image"
        return attachments.store(session, owner, draft.instance_id, question, "1.jpg", a_photo()).id


def test_the_owner_sees_his_photo_and_the_browser_keeps_nothing(client: TestClient, photo: str) -> None:
    sign_in(client, "owner")
    answer = client.get(f"/attachment/{photo}")
    assert Image.open(BytesIO(answer.content)).size == (40, 30)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "private, no-store"
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("id", ["PHOTO", "no-such-id"])
def test_a_photo_outside_the_area_and_one_that_does_not_exist_get_the_same_answer(
    client: TestClient, photo: str, id: str
) -> None:
    sign_in(client, "far")
    answer = client.get(f"/attachment/{id.replace('PHOTO', photo)}")
    assert (answer.status_code, answer.json()["code"]) == (404, "access.not_found")
    assert "image" not in answer.headers["content-type"]


def test_what_is_no_picture_is_only_downloaded(client: TestClient, photo: str) -> None:
    with db.session_scope() as session:
        row = session.get_one(Attachment, photo)
        row.media_type = "text/html"
        session.add(row)
    sign_in(client, "owner")
    headers = client.get(f"/attachment/{photo}").headers
    assert headers["content-disposition"] == "attachment"
    assert headers["content-type"] == "application/octet-stream"
