"""Offline devices: issued with a code that is shown once, revoked by their owner and by an administrator of the area."""

from __future__ import annotations

import base64
import json
import zlib
from datetime import UTC, datetime

import pytest
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from models import Device, DeviceScope, Post
from survey import db
from survey.access import collect_settings, devices
from survey.access.permissions import Actor
from survey.ui import devices as drawn
from tests import builders
from tests.builders import FAR_VILLAGE, GROUP, TOWNSHIP
from tests.pages.conftest import Opener, texts


@pytest.fixture(autouse=True)
def served(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest has no browser with an address."""
    monkeypatch.setattr(drawn, "address", lambda: "https://minqing.test")


@pytest.fixture
def head(sqlite_store: db.Store) -> Actor:
    with db.session_scope() as session:
        return builders.a_cadre(session, username="wang", name="测试王")


def kept() -> list[Device]:
    with db.reading() as session:
        return list(session.exec(select(Device)).all())


def press(page: AppTest, label: str) -> AppTest:
    (button,) = [button for button in page.button if button.label == label]
    return button.click().run()


def issue(page: AppTest, name: str = "村里的平板") -> AppTest:
    page.text_input(key="mq_device_name").set_value(name)
    return press(page, "登记")


def test_a_device_is_issued_with_the_code_that_collect_reads(open_page: Opener, head: Actor) -> None:
    page = issue(open_page(head, "devices"))
    assert not page.exception
    (device,) = kept()
    assert (device.name, device.scope, device.cadre_id, device.area_code) == (
        "村里的平板",
        "fill_in",
        head.cadre_id,
        None,
    )
    shown = [block.value for block in page.code]
    assert shown[:2] == ["https://minqing.test/openrosa", device.id]
    with db.reading() as session:
        presence = devices.authenticate(
            session, device.id, lambda proof: devices.is_token(shown[2], proof), now=datetime.now(UTC)
        )
    assert presence.actor.username == "wang"
    assert len(page.get("image")) == 1
    assert "不再显示" in texts(page)


def test_the_token_is_gone_in_the_next_run(open_page: Opener, head: Actor) -> None:
    page = issue(open_page(head, "devices")).run()
    assert not page.code and not page.get("image")
    assert "村里的平板" in texts(page) and "正常" in texts(page)


def test_the_settings_are_those_of_collects_code(sqlite_store: db.Store, head: Actor) -> None:
    with db.session_scope() as session:
        made = devices.issue(session, head, "平板", scope=DeviceScope.FILL_IN, days=9, now=datetime.now(UTC))
    text = collect_settings.encoded(collect_settings.of(made, head, "https://minqing.test/"))
    settings = json.loads(zlib.decompress(base64.b64decode(text)))
    assert set(settings) == {"general", "admin", "project"}
    general = settings["general"]
    assert general["server_url"] == "https://minqing.test/openrosa"
    assert (general["username"], general["password"]) == (made.device.id, made.token)
    assert (general["metadata_username"], general["form_update_mode"]) == ("wang", "match_exactly")


def test_a_part_of_the_area_and_sending_alone_can_be_chosen(open_page: Opener, head: Actor) -> None:
    page = open_page(head, "devices")
    page.selectbox(key="mq_device_area").set_value(GROUP)
    page.radio(key="mq_device_scope").set_value(DeviceScope.SEND_ONLY)
    issue(page)
    (device,) = kept()
    assert (device.scope, device.area_code) == ("send_only", GROUP)


def test_a_device_without_a_name_is_not_issued_and_the_remedy_is_told(open_page: Opener, head: Actor) -> None:
    page = issue(open_page(head, "devices"), " ")
    assert kept() == []
    assert "村里的平板" in "".join(error.value for error in page.error)


def test_an_address_a_tablet_cannot_use_is_told(
    open_page: Opener, head: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawn, "address", lambda: "http://127.0.0.1:8501")
    assert "127.0.0.1" in issue(open_page(head, "devices")).warning[0].value
    monkeypatch.setattr(drawn, "address", lambda: "http://minqing.test")
    assert "https" in issue(open_page(head, "devices")).warning[0].value


def test_the_owner_revokes_after_being_asked(open_page: Opener, head: Actor) -> None:
    page = issue(open_page(head, "devices")).run()
    page = press(page, "停用")
    assert kept()[0].revoked_at is None
    page = press(page, "停用")
    assert kept()[0].revoked_at is not None
    assert "已停用" in texts(page)


def test_an_administrator_revokes_in_his_area_and_issues_for_nobody(open_page: Opener, head: Actor) -> None:
    with db.session_scope() as session:
        admin = builders.a_cadre(session, Post.ADMINISTRATOR, TOWNSHIP)
        far = builders.a_cadre(session, area=FAR_VILLAGE, name="测试远")
        now = datetime.now(UTC)
        for owner in (head, far):
            devices.issue(session, owner, "平板", scope=DeviceScope.FILL_IN, days=9, now=now)
    page = open_page(admin, "devices")
    assert not page.exception and "登记新设备" not in texts(page)
    assert "测试王" in texts(page) and "测试远" not in texts(page)
    press(press(page, "停用"), "停用")
    assert {device.cadre_id for device in kept() if device.revoked_at} == {head.cadre_id}


def test_who_neither_visits_nor_administers_is_not_offered_the_page(
    open_page: Opener, sqlite_store: db.Store
) -> None:
    with db.session_scope() as session:
        analyst = builders.a_cadre(session, Post.ANALYST, TOWNSHIP)
    assert "离线设备" not in texts(open_page(analyst, "today"))
