"""Pictures of questionnaires over HTTP: shown in place, never run."""

from __future__ import annotations

from starlette.testclient import TestClient

from models import Cadre, QuestionnaireFile
from survey import db
from tests import builders
from tests.web.conftest import sign_in

PICTURE = b"\x89PNG\r\n\x1a\n and more"


def test_a_picture_is_shown_in_place_and_kept_for_a_day(client: TestClient, cadre: Cadre) -> None:
    with db.session_scope() as session:
        version = builders.a_questionnaire_version(session)
        name = "房子 1.png"
        session.add(QuestionnaireFile(version_id=version.id, name=name, content=PICTURE, sha256="0" * 64))
        address = f"/form-media/test_form/{version.version}/{name}"
    assert client.get(address, follow_redirects=False).status_code != 200
    sign_in(client, "wang")
    answer = client.get(address)
    assert (answer.status_code, answer.content) == (200, PICTURE)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "private, max-age=86400"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert client.get(address.replace("1.png", "2.png")).status_code == 404
