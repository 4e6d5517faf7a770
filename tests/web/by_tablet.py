"""What tests of tablets need of the store: a device, a filled-in visit, a photo, and what became of them."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from PIL import Image
from sqlmodel import select

from models import DeviceScope, Household
from survey import db, i18n
from survey.access import devices
from survey.access.devices import Issued
from survey.access.permissions import Actor
from survey.questionnaires import drafts, library
from survey.questionnaires.engine import Instance
from tests import fillings


def a_photo(color: str = "red", kind: str = "JPEG") -> bytes:
    file = BytesIO()
    Image.new("RGB", (40, 30), color).save(file, kind)
    return file.getvalue()


def issued(actor: Actor, scope: DeviceScope = DeviceScope.FILL_IN, **over: object) -> Issued:
    with db.session_scope() as session:
        now = datetime.now(UTC)
        return devices.issue(session, actor, "测试平板", **({"scope": scope, "days": 30, "now": now} | over))


def household(head: str = "钱二") -> Household:
    with db.reading() as session:
        return session.exec(select(Household).where(Household.head_name == head)).one()


def filled(actor: Actor, head: str = "钱二", photos: tuple[str, ...] = (), **answers: str) -> str:
    """A visit as the tablet's form would give it, with these photos named in it."""
    with db.session_scope() as session:
        place = session.exec(select(Household).where(Household.head_name == head)).one()
        version = library.current_version(session, library.VISIT_FORM, i18n.today())
        form = library.form_of(session, version.id)
        context = drafts.context_for(session, actor, form, place, now=datetime.now(UTC))
        instance = Instance.new(form, context, prefill={"household_id": place.id})
        for path, value in (fillings.with_difficulty("water") | answers).items():
            instance.answer(f"/data/{path}", value)
        for number, name in enumerate(photos, 1):
            if number > 1:
                instance.add_repeat("/data/closing/photo")
            instance.answer(f"/data/closing/photo[{number}]/image", name)
        return instance.to_xml(final=True)


def instance_of(xml: str) -> str:
    return xml.partition("<instanceID>")[2].partition("<")[0]


def rows(table: type[Any], **values: object) -> list[Any]:
    with db.reading() as session:
        return list(session.exec(select(table).filter_by(**values)).all())


def version_of(form_id: str = library.VISIT_FORM) -> str:
    """The version of a form in force."""
    with db.reading() as session:
        return library.current_version(session, form_id, i18n.today()).version
