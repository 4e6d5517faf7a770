"""A day of a tablet with ODK Collect: it fetches forms, lists and files, and hands in what was filled in."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from io import BytesIO

import httpx
import pytest
from PIL import Image
from sqlmodel import select
from starlette.testclient import TestClient

from models import (
    Attachment,
    AuditEntry,
    Cadre,
    Device,
    DeviceScope,
    Household,
    Post,
    Posting,
    Questionnaire,
    QuestionnairePost,
    QuestionnaireVersion,
    Submission,
    Visit,
)
from survey import db, i18n
from survey.access import devices
from survey.access.permissions import Actor
from survey.questionnaires import attachment_files, library
from survey.web.openrosa import authentication
from tests import builders
from tests.web.by_tablet import a_photo, filled, household, instance_of, issued, rows, version_of
from tests.web.conftest import sign_in
from tests.web.openrosa_client import Tablet, body, md5, said


def test_a_days_sequence_of_a_real_client(tablet: Tablet, owner: Actor) -> None:
    forms = {entry["formID"]: entry for entry in tablet.form_list()}
    assert {"household_visit", "hardship_contact"} <= set(forms)
    visit = forms["household_visit"]
    form = tablet.send("GET", visit["downloadUrl"])
    assert visit["hash"] == f"md5:{md5(form.content)}"
    media = {file["filename"]: file for file in tablet.manifest(visit)}
    assert set(media) == {
        f"{name}.csv" for name in ("households", "members", "hardship_files", "observations", "difficulties")
    }
    for file in media.values():
        content = tablet.send("GET", file["downloadUrl"])
        assert content.status_code == 200
        assert file["hash"] == f"md5:{md5(content.content)}"
    xml = filled(owner, photos=("1.jpg", "2.jpg"))
    assert tablet.ask().status_code == 204
    first = tablet.post(body(xml, [("1.jpg", a_photo(), "image/jpeg")], incomplete=True))
    last = tablet.post(body(xml, [("2.jpg", a_photo("blue"), "image/jpeg")]))
    assert (first.status_code, last.status_code) == (202, 201)
    for answer in tablet.answers:
        assert answer.headers["x-openrosa-version"] == "1.0"
        assert answer.headers["x-openrosa-accept-content-length"] == "10485760"
    (submission,) = rows(Submission)
    assert (submission.instance_id, submission.source, submission.device) == (
        instance_of(xml),
        "openrosa",
        tablet.device_id,
    )
    assert len(rows(Visit, instance_id=submission.instance_id)) == 1
    photos = {row.name: row for row in rows(Attachment, instance_id=submission.instance_id)}
    assert photos["2.jpg"].question == "/data/closing/photo[2]/image"
    assert Image.open(BytesIO(attachment_files.content_of(photos["1.jpg"].sha256))).size == (40, 30)


def test_an_answer_lost_on_the_way_is_asked_again_and_changes_nothing(tablet: Tablet, owner: Actor) -> None:
    xml = filled(owner, photos=("1.jpg",))
    sent = [tablet.hand_in(xml, [("1.jpg", a_photo(), "image/jpeg")]) for _ in range(3)]
    assert [answer.status_code for answer in sent] == [201, 201, 201]
    assert said(sent[1]) == said(sent[2]) == "以前已经收到过，没有改变。"
    assert len(rows(Submission)) == len(rows(Visit)) == len(rows(Attachment)) == 1


def test_over_https_the_device_names_itself_by_basic(secure: TestClient, owner: Actor) -> None:
    tablet = Tablet.of(secure, issued(owner))
    assert len(tablet.form_list()) == 2
    assert tablet.hand_in(filled(owner)).status_code == 201
    assert {answer.request.headers["authorization"].split()[0] for answer in tablet.answers} == {"Basic"}


def test_a_token_is_not_taken_in_the_clear(client: TestClient, owner: Actor) -> None:
    made = issued(owner)
    answer = client.get("/openrosa/formList", auth=(made.device.id, made.token))
    assert (answer.status_code, answer.headers["x-minqing-problem"]) == (401, "openrosa.not_secure")
    assert [each.split()[0] for each in answer.headers.get_list("www-authenticate")] == ["Digest"]


@pytest.mark.parametrize("change", ["response", "nonce", "uri", "username", "realm"])
def test_a_digest_that_was_changed_or_is_for_another_request_is_refused(tablet: Tablet, change: str) -> None:
    tablet.form_list()
    header = tablet.answers[-1].request.headers["authorization"]
    start = header.index(f'{change}="') + len(change) + 2
    forged = header[:start] + ("0" if header[start] != "0" else "1") + header[start + 1 :]
    answer = tablet.http.get("/openrosa/formList", headers={"authorization": forged})
    assert answer.status_code == 401
    assert tablet.http.get("/openrosa/manifest", headers={"authorization": header}).status_code == 401
    assert tablet.http.get("/openrosa/formList", headers={"authorization": header}).status_code == 200


def test_a_nonce_of_yesterday_is_stale_and_the_client_goes_on(
    tablet: Tablet, monkeypatch: pytest.MonkeyPatch
) -> None:
    tablet.form_list()
    later = authentication.time.time() + 13 * 3600
    monkeypatch.setattr(authentication.time, "time", lambda: later)
    first = tablet._once("GET", "/openrosa/formList")
    assert first.status_code == 401 and "stale=true" in first.headers["www-authenticate"]
    assert tablet.form_list()


@pytest.mark.parametrize(
    "address",
    [
        "formList",
        "form?form=household_visit&version=1",
        "manifest?form=household_visit&version=1",
        "list/households.csv",
        "media?form=household_visit&version=1&name=a.png",
    ],
)
def test_nothing_is_fetched_without_a_device_not_even_by_a_signed_in_browser(
    client: TestClient, cadre: Cadre, address: str
) -> None:
    sign_in(client)
    answer = client.get(f"/openrosa/{address}")
    assert (answer.status_code, answer.headers["x-minqing-problem"]) == (401, "openrosa.name_yourself")
    assert "text/xml" in answer.headers["content-type"]


def everything(tablet: Tablet, xml: str) -> list[httpx.Response]:
    """Every address, asked as a client that has been there before."""
    which = f"form=household_visit&version={version_of()}"
    addresses = (
        "formList",
        f"form?{which}",
        f"manifest?{which}",
        "list/households.csv",
        f"media?{which}&name=a.png",
    )
    fetched = [tablet.send("GET", f"/openrosa/{address}") for address in addresses]
    return [*fetched, tablet.ask(), tablet.post(body(xml))]


def test_a_revoked_device_gets_401_everywhere_at_once(tablet: Tablet, owner: Actor) -> None:
    xml = filled(owner)
    assert tablet.form_list()
    with db.session_scope() as session:
        devices.revoke_own(session, owner, tablet.device_id, now=datetime.now(UTC))
    assert {answer.status_code for answer in everything(tablet, xml)} == {401}
    assert tablet.answers[-1].headers["x-minqing-problem"] == "devices.revoked"
    assert rows(Submission) == []


def test_an_expired_device_gets_401_everywhere(tablet: Tablet, owner: Actor) -> None:
    xml = filled(owner)
    with db.session_scope() as session:
        session.get_one(Device, tablet.device_id).expires_at = datetime.now(UTC) - timedelta(seconds=1)
    assert {answer.status_code for answer in everything(tablet, xml)} == {401}
    assert rows(Submission) == []


def test_the_device_of_a_cadre_whose_post_ended_gets_nothing(tablet: Tablet, owner: Actor) -> None:
    xml = filled(owner)
    assert tablet.form_list()
    with db.session_scope() as session:
        posting = session.exec(select(Posting).where(Posting.cadre_id == owner.cadre_id)).one()
        posting.ends_on = i18n.today() - timedelta(days=1)
    assert {answer.status_code for answer in everything(tablet, xml)} == {403}
    assert tablet.answers[-1].headers["x-minqing-problem"] == "devices.no_post"
    assert rows(Submission) == []


def test_a_device_that_may_only_send_fetches_nothing(client: TestClient, owner: Actor) -> None:
    tablet = Tablet.of(client, issued(owner, DeviceScope.SEND_ONLY))
    statuses = [answer.status_code for answer in everything(tablet, filled(owner))]
    assert statuses == [403, 403, 403, 403, 403, 204, 201]


def fetched(tablet: Tablet, name: str) -> list[dict[str, str]]:
    answer = tablet.send("GET", f"/openrosa/list/{name}.csv")
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["content-length"]) == len(answer.content)
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_the_lists_hold_the_devices_area_alone(client: TestClient, tablet: Tablet, owner: Actor) -> None:
    village = Tablet.of(client, issued(owner))
    assert {row["label"].split(" ")[0] for row in fetched(village, "households")} == {"赵大", "钱二"}
    ids = {row["name"] for row in fetched(village, "households")}
    assert {row["household"] for row in fetched(village, "members")} == ids
    group = Tablet.of(client, issued(owner, area_code=builders.SECOND_GROUP))
    assert fetched(group, "households") == []


def test_a_list_that_no_form_of_the_device_reads_is_not_there(tablet: Tablet) -> None:
    for name in ("visits", "cadres", "no_such_list"):
        assert tablet.send("GET", f"/openrosa/list/{name}.csv").status_code == 404


def test_columns_that_no_form_asks_for_stay_on_the_server(tablet: Tablet, owner: Actor) -> None:
    assert fetched(tablet, "hardship_files")[0]["needs"] == "测试：看病"
    with db.session_scope() as session:
        contact = session.exec(
            select(QuestionnaireVersion.id)
            .join(Questionnaire)
            .where(Questionnaire.form_id == "hardship_contact")
        ).one()
        session.add(QuestionnairePost(version_id=contact, post=Post.STATIONED_CADRE))
    assert [entry["formID"] for entry in tablet.form_list()] == ["household_visit"]
    assert set(fetched(tablet, "hardship_files")[0]) == {
        "name",
        "label",
        "__version",
        "household",
        "proposed_next_on",
    }


def test_what_a_device_fetched_of_the_register_stands_in_the_trail(tablet: Tablet) -> None:
    fetched(tablet, "households")
    (entry,) = rows(AuditEntry, action="device.fetch")
    assert (entry.object_id, entry.details) == (tablet.device_id, {"list": "households", "rows": 2})


def test_hashes_change_with_what_they_stand_for_and_with_nothing_else(tablet: Tablet) -> None:
    def hashes() -> dict[str, str]:
        (entry,) = tablet.form_list("?formID=household_visit")
        return {"form": entry["hash"]} | {file["filename"]: file["hash"] for file in tablet.manifest(entry)}

    before = hashes()
    assert hashes() == before
    with db.session_scope() as session:
        session.get_one(Household, household().id).housing = "safe"
    changed = {name for name, value in hashes().items() if before[name] != value}
    assert changed == {"households.csv"}


def test_titles_and_labels_are_in_the_owners_language(tablet: Tablet, owner: Actor) -> None:
    assert {entry["name"] for entry in tablet.form_list()} == {"入户走访", "困难户联系"}
    with db.session_scope() as session:
        session.get_one(Cadre, owner.cadre_id).language = "en"
    assert {entry["name"] for entry in tablet.form_list()} == {"Household visit", "Hardship contact"}
    assert tablet.answers[-1].headers["content-language"] == "en"
    assert "Somebody else" in {row["label"] for row in fetched(tablet, "members")}
    (entry,) = tablet.form_list("?formID=household_visit&verbose=true")
    assert entry["descriptionText"] == "Household visit"
    form = tablet.send("GET", entry["downloadUrl"]).text
    assert '<translation lang="English (en)" default="true()"' in form
    assert "Which household?" in form


def test_a_form_that_ends_or_is_not_for_the_post_disappears(tablet: Tablet, owner: Actor) -> None:
    (entry,) = tablet.form_list("?formID=household_visit")
    with db.session_scope() as session:
        version = library.version_named(session, "household_visit", entry["version"])
        session.get_one(QuestionnaireVersion, version.id).valid_until = i18n.today() - timedelta(days=1)
    assert tablet.form_list("?formID=household_visit") == []
    assert tablet.send("GET", entry["downloadUrl"]).status_code == 404
    assert tablet.send("GET", entry["manifestUrl"]).status_code == 404
