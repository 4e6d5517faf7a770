"""Photos of a visit: reduced and stripped in the browser, stored upright, removable; broken ones are told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import expect
from sqlmodel import select

from models import Attachment
from survey import db, i18n
from survey.questionnaires import attachment_files
from tests.browser.conftest import Hand, Server, Tablet, Village
from tests.browser.line import Line
from tests.browser.photos import TURNED, Upload, a_photo

THIRTY_MB = 30 * 1024 * 1024


def at_the_photos(tablet: Tablet, village: Village) -> None:
    tablet.sign_in(village.username)
    tablet.open(f"/visit?household={village.plain.id}")
    tablet.tap(tablet.choice("走访结果", "家中无人"))
    tablet.tap(tablet.button("下一步"))


def take(tablet: Tablet, *photos: Upload) -> None:
    tablet.page.locator(".mq-photo input").set_input_files(list(photos))


def kept() -> list[Attachment]:
    with db.reading() as session:
        return list(session.exec(select(Attachment)))


def test_a_turned_photo_is_kept_upright_small_and_without_hidden_data(tablet: Hand, village: Village) -> None:
    hand = tablet()
    at_the_photos(hand, village)
    taken = datetime(2026, 5, 6, 9, 30, tzinfo=i18n.TIMEZONE)
    take(hand, a_photo(4000, 3000, orientation=TURNED, taken=taken, place=(32.2101, 106.8202)))
    expect(hand.page.locator("img.mq-thumb")).to_have_count(1)
    (row,) = kept()
    assert (row.width_px, row.height_px) == (1200, 1600)
    assert row.taken_at == taken
    assert row.lat is not None and abs(row.lat - 32.2101) < 1e-4
    assert row.lon is not None and abs(row.lon - 106.8202) < 1e-4
    with Image.open(BytesIO(attachment_files.content_of(row.sha256))) as image:
        assert dict(image.getexif()) == {}
        # Turned a quarter to the right, the dark left half of the picture is its upper half.
        assert image.convert("L").getpixel((600, 200)) < 60  # type: ignore[operator]


def test_a_photo_of_thirty_megabytes_is_reduced_before_it_is_sent(tablet: Hand, village: Village) -> None:
    hand = tablet()
    at_the_photos(hand, village)
    photo = a_photo(9000, 7000, quality=98)
    assert len(photo["buffer"]) > THIRTY_MB
    take(hand, photo)
    expect(hand.page.locator("img.mq-thumb")).to_have_count(1, timeout=60_000)
    (row,) = kept()
    assert max(row.width_px or 0, row.height_px or 0) == 1600
    assert row.size_bytes < 3 * 1024 * 1024


def test_a_broken_photo_is_told_and_the_others_are_kept(tablet: Hand, village: Village) -> None:
    hand = tablet()
    at_the_photos(hand, village)
    broken: Upload = {"name": "坏.jpg", "mimeType": "image/jpeg", "buffer": b"not a photo"}
    take(hand, a_photo(800, 600, name="1.jpg"), broken, a_photo(800, 600, name="2.jpg"))
    expect(hand.page.locator("img.mq-thumb")).to_have_count(2)
    expect(hand.page.get_by_text("“坏.jpg”不是能识别的照片")).to_be_visible()
    assert len(kept()) == 2


def test_a_photo_can_be_taken_out_again(tablet: Hand, village: Village) -> None:
    hand = tablet()
    at_the_photos(hand, village)
    take(hand, a_photo(800, 600))
    expect(hand.page.locator("img.mq-thumb")).to_have_count(1)
    hand.tap(hand.page.locator('[class*="_drop"] button').first)
    expect(hand.page.locator("img.mq-thumb")).to_have_count(0)
    assert kept() == []


@pytest.fixture
def line(server: Server) -> Iterator[Line]:
    """A line to the server."""
    laid = Line(server.port)
    yield laid
    laid.close()


def test_photos_taken_while_the_line_is_cut_arrive_when_it_is_back(
    tablet: Hand, village: Village, line: Line
) -> None:
    hand = tablet()
    hand.address = line.address
    at_the_photos(hand, village)
    hand.words("民情日记").wait_for()
    hand.page.get_by_text("在地图上点选", exact=True).wait_for()
    line.cut()
    hand.page.wait_for_function(
        "() => document.querySelector('[data-testid=\"stApp\"]').dataset.testConnectionState !== 'CONNECTED'"
    )
    take(hand, a_photo(800, 600, name="1.jpg"), a_photo(800, 600, name="2.jpg"))
    expect(hand.page.get_by_text("正在处理第 1 张，共 2 张")).to_be_visible()
    take(hand, a_photo(800, 600, name="3.jpg"))
    expect(hand.page.get_by_text("正在处理第 1 张，共 3 张")).to_be_visible()
    assert kept() == []
    line.mend()
    expect(hand.page.locator("img.mq-thumb")).to_have_count(3, timeout=60_000)
    expect(hand.page.get_by_text("添加照片")).to_be_visible()
    assert len(kept()) == 3
