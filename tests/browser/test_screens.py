"""Every page on a tablet held both ways: nothing cut off, targets a finger hits, and every word in Chinese.

With `MINQING_SCREENSHOTS` naming a folder, a picture of each page is kept there.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import select

from models import Cadre, Case, HardshipFile, Household, Post
from survey import db
from tests import builders
from tests.browser.conftest import LANDSCAPE, PASSWORD, PORTRAIT, Hand, Tablet, Village, hashed, today

SIZES = pytest.mark.parametrize("size", [LANDSCAPE, PORTRAIT], ids=["landscape", "portrait"])
TOUCH_PX = 44
# Names a person typed, an address, an example of pinyin initials: not words of the interface.
NO_WORDS = {
    "zsf",
    "http",
    "https",
    "lijianguo",
    "guanliyuan",
    "fenxiyuan",
    "English",
    "SHA",
    "iPad",
    "Android",
    "Windows",
}

# What a person reads: text of visible elements and placeholders, without the names of icons.
READ = """() => {
  const seen = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const holder = walker.currentNode.parentElement;
    if (holder.closest('script, style, template, select, [data-testid="stIconMaterial"], [translate="no"]')) continue;
    if (!holder.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const box = holder.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    seen.push(walker.currentNode.data);
  }
  for (const field of document.querySelectorAll('input, textarea')) seen.push(field.placeholder ?? '');
  return seen.join('\\n');
}"""

# Elements a finger aims at that are smaller than a finger; a field counts with its frame, a tick with its label.
SMALL = """(least) => {
  const frames = '[data-testid="stTextInputRootElement"], [data-testid="stNumberInputContainer"], '
    + '[data-testid="stDateInputField"], [data-baseweb="select"], [data-testid="stSelectbox"], '
    + '[data-testid="stMultiSelect"], label';
  const small = [];
  for (const target of document.querySelectorAll('button, a[href], input, textarea, [role="tab"]')) {
    if (!target.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (target.closest('[aria-hidden="true"]') || target.tabIndex < 0) continue;
    const frame = target.matches('input, textarea') ? target.closest(frames) ?? target : target;
    const inside = target.matches('button') ? target.closest(frames) : null;
    const box = (inside ?? frame).getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    if (box.height < least - 0.5 || box.width < least - 0.5)
      small.push(`${target.tagName} ${target.innerText || target.ariaLabel || target.className} ${box.width}x${box.height}`);
  }
  return small;
}"""


# What a screen reader says of Streamlit's own parts.
NAMES = """() => [...document.querySelectorAll('[aria-label]')].map((named) => named.ariaLabel)
  .filter((name) => /^(Open|Decrement|Increment|Link to heading|Help for .*)$/.test(name))"""

# The parts of a field that a finger aims at, each by itself.
PARTS = """(least) => [...document.querySelectorAll('[data-testid="stNumberInput"] button, '
    + '[data-testid="stDateInput"] button, [data-testid="stSelectbox"] button, [data-testid="stSelectbox"] input')]
  .map((part) => [part.dataset.testid ?? part.role ?? part.tagName, part.getBoundingClientRect()])
  .filter(([, box]) => box.height < least - 0.5 || box.width < least - 0.5)
  .map(([name, box]) => `${name} ${box.width}x${box.height}`)"""

# Whether a text is cut off by its button.
CUT = """(outline) => [...outline.querySelectorAll('button')].flatMap((button) =>
  [...button.querySelectorAll('*')].filter((part) => {
    const box = part.getBoundingClientRect(), room = button.getBoundingClientRect();
    const hides = getComputedStyle(part).overflow !== 'visible';
    return box.right > room.right + 1 || box.bottom > room.bottom + 1
      || (hides && (part.scrollWidth > part.clientWidth + 1 || part.scrollHeight > part.clientHeight + 1));
  }).map((part) => `${button.innerText}: ${part.tagName} ${part.scrollWidth}x${part.scrollHeight}`
    + ` in ${part.clientWidth}x${part.clientHeight}`))"""


# Whether the page has said what it has to say: no run goes on, nothing waits for its script or for a newer value, and
# something stands below the title.
THERE = """() => {
  const app = document.querySelector('[data-testid="stApp"]'), title = document.querySelector('.mq-title');
  const waiting = '[data-testid="stSkeleton"], [data-testid="stAppSkeleton"], [data-stale="true"]';
  const last = [...document.querySelectorAll('[data-testid="stMain"] [data-testid="stElementContainer"]')].at(-1);
  return app?.dataset.testScriptState === 'notRunning' && title !== null && last !== undefined
    && (title.compareDocumentPosition(last) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0
    && document.querySelector(waiting) === null;
}"""


def look_at(tablet: Tablet, name: str, size: tuple[int, int]) -> list[str]:
    """What is wrong with the page as it stands: its width, small targets, English words; keeps a picture of it."""
    page = tablet.page
    page.wait_for_load_state("networkidle")
    page.wait_for_function(THERE)
    folder = os.environ.get("MINQING_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        way = "landscape" if size == LANDSCAPE else "portrait"
        page.screenshot(path=str(Path(folder) / f"{name}-{way}.png"))
    english = set(re.findall(r"[A-Za-z]{3,}", str(page.evaluate(READ)))) - NO_WORDS
    flaws = [f"{name}: small target {target}" for target in page.evaluate(SMALL, TOUCH_PX)]
    flaws += [f"{name}: English word {word}" for word in sorted(english)]
    flaws += [f"{name}: Streamlit's name {found}" for found in page.evaluate(NAMES)]
    if overflow(page) > 0:
        flaws.append(f"{name}: wider than the tablet by {overflow(page)} px")
    return flaws


def overflow(page: Page) -> int:
    found: int = page.evaluate(
        "() => Math.max(...[document.documentElement, document.querySelector('[data-testid=\"stMain\"]')]"
        ".filter(Boolean).map((box) => box.scrollWidth - box.clientWidth))"
    )
    return found


@pytest.fixture
def busy_village(village: Village) -> Village:
    """The village with cases, visits and files enough to fill its pages."""
    with db.session_scope() as session:
        for at, surname in enumerate("孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦"):
            place = {"lat": 32.2 + at / 900, "lon": 106.8 + at / 700}
            household = builders.a_household(session, head=f"{surname}大明", **place)
            builders.a_member(session, household, name=f"{surname}小芳", relation="10", sex="2")
            builders.a_visit(session, household, village.cadre, visited_on=today() - timedelta(days=at * 9))
            if at % 3 == 0:
                overdue = today() + timedelta(days=at - 5)
                category = ("water", "road", "health", "school", "dispute", "other")[at // 3]
                builders.a_case(session, household, category=category, due_on=overdue, **place)
            if at % 5 == 0:
                builders.a_hardship_file(session, household, category="subsistence")
    return village


@SIZES
def test_pages_of_a_village_cadre(tablet: Hand, busy_village: Village, size: tuple[int, int]) -> None:
    flaws: list[str] = []
    village = busy_village
    with db.reading() as session:
        household = session.exec(select(Household).where(Household.head_name == "孙大明")).one()
        case = session.exec(select(Case).where(Case.household_id == household.id)).one()
        file = session.exec(select(HardshipFile).where(HardshipFile.household_id == village.due.id)).one()
    hand = tablet(size)
    hand.sign_in(village.username)
    flaws += look_at(hand, "today", size)
    for name, path in {
        "visit-none": "/visit",
        "households": "/households",
        "household": f"/households?household={household.id}",
        "hardship": "/hardship",
        "hardship-file": f"/hardship?file={file.id}",
        "cases": "/cases",
        "case": f"/cases?case={case.id}",
        "map": "/map",
    }.items():
        hand.open(path)
        if name == "map":
            hand.page.frame_locator("iframe").first.locator(".mq-pin, .mq-cluster").first.wait_for()
        flaws += look_at(hand, name, size)
    assert flaws == []


@SIZES
def test_the_parts_of_a_visit(tablet: Hand, village: Village, size: tuple[int, int]) -> None:
    flaws: list[str] = []
    hand = tablet(size)
    hand.sign_in(village.username)
    hand.open(f"/visit?household={village.due.id}")
    hand.tap(hand.choice("走访结果", "完成走访"))
    hand.tap(hand.choice("饮水难", "有"))
    flaws += look_at(hand, "visit-1", size)
    hand.page.locator('[data-testid="stDateInputCalendarButton"]').first.tap()
    flaws += look_at(hand, "visit-date", size)
    hand.page.keyboard.press("Escape")
    hand.tap(hand.button("下一步"))
    flaws += look_at(hand, "visit-2", size)
    hand.tap(hand.button("下一步"))
    flaws += look_at(hand, "visit-3", size)
    hand.tap(hand.button("提交"))
    expect(hand.page.get_by_text("需要补充或改正")).to_be_visible()
    flaws += look_at(hand, "visit-missing", size)
    assert flaws == []


@SIZES
@pytest.mark.parametrize(
    ("username", "post", "area"),
    [("guanliyuan", Post.ADMINISTRATOR, builders.COUNTY), ("fenxiyuan", Post.ANALYST, builders.TOWNSHIP)],
)
def test_pages_of_the_office(
    tablet: Hand, village: Village, size: tuple[int, int], username: str, post: Post, area: str
) -> None:
    flaws: list[str] = []
    with db.session_scope() as session:
        builders.a_cadre(session, post, area, username=username, name="王干事", password_hash=hashed())
    hand = tablet(size)
    hand.sign_in(username, PASSWORD)
    flaws += look_at(hand, f"today-{username}", size)
    hand.open("/administration")
    flaws += look_at(hand, f"administration-{username}", size)
    assert flaws == []


@SIZES
def test_very_large_text_still_fits(tablet: Hand, busy_village: Village, size: tuple[int, int]) -> None:
    flaws: list[str] = []
    with db.session_scope() as session:
        session.get_one(Cadre, busy_village.cadre.cadre_id).text_size = "very_large"
    hand = tablet(size)
    hand.sign_in(busy_village.username)
    flaws += look_at(hand, "today-very-large", size)
    hand.open(f"/visit?household={busy_village.plain.id}")
    hand.tap(hand.choice("走访结果", "完成走访"))
    flaws += look_at(hand, "visit-very-large", size)
    assert flaws == []


def test_every_part_of_a_field_is_as_large_as_a_finger(tablet: Hand, village: Village) -> None:
    hand = tablet()
    hand.sign_in(village.username)
    hand.open("/households?do=new")
    for kind in ("stNumberInput", "stDateInput", "stSelectbox"):
        expect(hand.page.locator(f'[data-testid="{kind}"] button').first).to_be_visible()
    assert hand.page.evaluate(PARTS, TOUCH_PX) == []


def test_the_row_of_a_tap_on_the_map_stands_in_view(tablet: Hand, village: Village) -> None:
    with db.session_scope() as session:
        household = session.get_one(Household, village.plain.id)
        builders.a_case(session, household, category="water", due_on=today(), lat=32.23, lon=106.84)
    hand = tablet()
    hand.sign_in(village.username)
    hand.open("/map")
    hand.page.frame_locator("iframe").first.locator('.mq-pin[title^="饮水难"]').tap()
    row = hand.page.locator('[class*="st-key-mq_row_map_case"] button')
    expect(row).to_be_in_viewport(ratio=1)


def test_the_parts_of_a_visit_keep_their_titles_in_very_large_english(tablet: Hand, village: Village) -> None:
    with db.session_scope() as session:
        cadre = session.get_one(Cadre, village.cadre.cadre_id)
        cadre.text_size, cadre.language = "very_large", "en"
    hand = tablet(PORTRAIT)
    hand.sign_in(village.username)
    hand.open(f"/visit?household={village.due.id}")
    hand.tap(hand.choice("How the visit ended", "Completed"))
    outline = hand.page.locator(".st-key-mq_outline")
    expect(outline.get_by_role("button", name=re.compile("3 Closing"))).to_be_visible()
    assert outline.evaluate(CUT) == []
    assert overflow(hand.page) <= 0


def test_the_words_are_english_for_whoever_chose_english(tablet: Hand, village: Village) -> None:
    hand = tablet()
    hand.sign_in(village.username)
    hand.tap(hand.button("我的设置"))
    hand.tap(hand.choice("语言", "English"))
    expect(hand.page.get_by_role("button", name=re.compile("My settings"))).to_be_visible()
    hand.open(f"/visit?household={village.plain.id}")
    expect(hand.page.get_by_text("How the visit ended")).to_be_visible()
    hand.tap(hand.choice("How the visit ended", "Nobody home"))
    read = str(hand.page.evaluate(READ))
    assert set(re.findall("[一-鿿]+", read)) <= {"钱小芳", "李建国", "民情"}
