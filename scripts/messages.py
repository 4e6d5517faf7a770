"""The messages of the interface: found in code, templates and command help, and merged with their Chinese.

`python -m scripts.messages` names what is untranslated or unused; `python -m scripts.messages FILE.tsv …` first
merges translations (a line each: English id, tab, Chinese; a new line inside is written as \\n). Owns the form of
`survey/locale/zh/LC_MESSAGES/minqing.po`: sorted, without places and dates, so that a change shows as itself.
Refuses two translations of one message.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import click
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from survey import cli
from survey.commands.frame import help_paragraphs

ROOT = Path(__file__).parent.parent
CATALOGUE = ROOT / "survey" / "locale" / "zh" / "LC_MESSAGES" / "minqing.po"
_KEYWORDS: Mapping[str, tuple[int, ...] | None] = {
    "_": None,
    "gettext": None,
    "mark": None,
}
_DAY = datetime(2026, 1, 1, tzinfo=UTC)

MessageId = str | tuple[str, str]


def in_use() -> dict[MessageId, list[str]]:
    """Every message the program can show, with the places that use it."""
    found: dict[MessageId, list[str]] = defaultdict(list)
    for path in sorted(sources()):
        method = "python" if path.suffix == ".py" else "jinja2.ext:babel_extract"
        for line, message, _comments, _context in extract(method, BytesIO(path.read_bytes()), _KEYWORDS):
            found[_id(message)].append(f"{path.relative_to(ROOT)}:{line}")
    for name, text in _help_texts(cli.minqing, "minqing"):
        found[text].append(name)
    return dict(found)


def sources() -> Iterable[Path]:
    """The files in which messages stand."""
    yield ROOT / "app.py"
    yield from (ROOT / "pages").rglob("*.py")
    yield from (ROOT / "survey").rglob("*.py")
    yield from (ROOT / "survey" / "web").rglob("*.html")


def _id(message: str | tuple[str, ...]) -> MessageId:
    return message if isinstance(message, str) else (message[0], message[1])


def _help_texts(command: click.Command, name: str) -> Iterable[tuple[str, str]]:
    for paragraph in help_paragraphs(command):
        yield name, paragraph
    for parameter in command.get_params(click.Context(command)):
        if isinstance(parameter, click.Option) and parameter.help:
            yield name, parameter.help
    if isinstance(command, click.Group):
        for sub_name, sub_command in command.commands.items():
            yield from _help_texts(sub_command, f"{name} {sub_name}")


def translations(path: Path = CATALOGUE) -> dict[MessageId, str]:
    """The catalogue as it stands; `ValueError` for a message that stands twice."""
    catalogue = read_po(BytesIO(path.read_bytes()), locale="zh", abort_invalid=True)
    ids = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("msgid ")]
    if len(ids) != len(set(ids)):
        repeated = sorted({line for line in ids if ids.count(line) > 1 and line != 'msgid ""'})
        if repeated:
            raise ValueError(f"messages that stand twice: {repeated}")
    return {
        _id(message.id): message.string if isinstance(message.string, str) else message.string[0]
        for message in catalogue
        if message.id
    }


def untranslated(used: Iterable[MessageId], known: Mapping[MessageId, str]) -> list[MessageId]:
    """Messages in use without Chinese."""
    return sorted((message for message in used if not known.get(message)), key=str)


def unused(used: Iterable[MessageId], known: Mapping[MessageId, str]) -> list[MessageId]:
    """Messages of the catalogue that nothing uses."""
    return sorted(set(known) - set(used), key=str)


def read_table(path: Path) -> dict[MessageId, str]:
    """The translations of one TSV file; a line of three cells is one, many, Chinese."""
    found: dict[MessageId, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        cells = [cell.replace("\\n", "\n") for cell in line.split("\t")]
        if len(cells) not in (2, 3):
            raise ValueError(f"{path}:{number}: an id, a tab and its Chinese are needed")
        message: MessageId = cells[0] if len(cells) == 2 else (cells[0], cells[1])
        if found.setdefault(message, cells[-1]) != cells[-1]:
            raise ValueError(f"{path}:{number}: a second translation of {message!r}")
    return found


def merge(tables: Iterable[Path]) -> None:
    """Write the catalogue anew: what is in use, with the Chinese of the catalogue or else of the tables."""
    known = translations() if CATALOGUE.exists() else {}
    offered: dict[MessageId, str] = {}
    for path in tables:
        for message, chinese in read_table(path).items():
            if offered.setdefault(message, chinese) != chinese:
                print(
                    f"{path}: kept the first translation of {message!r}: {offered[message]}", file=sys.stderr
                )
    used = in_use()
    catalogue = Catalog(
        locale="zh", project="Minqing", creation_date=_DAY, revision_date=_DAY, header_comment="", fuzzy=False
    )
    for message in sorted(used, key=str):
        chinese = known.get(message) or offered.get(message, "")
        catalogue.add(message, (chinese,) if isinstance(message, tuple) else chinese).flags.clear()
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    with CATALOGUE.open("wb") as file:
        write_po(file, catalogue, width=0, sort_output=True, no_location=True)


def main(arguments: list[str]) -> int:
    """Merge the tables given, then report; 1 when something is missing or left over."""
    if arguments:
        merge(Path(argument) for argument in arguments)
    used, known = in_use(), translations()
    missing, left = untranslated(used, known), unused(used, known)
    for message in missing:
        print(f"untranslated  {message!r}  {used[message][0]}")
    for message in left:
        print(f"unused        {message!r}")
    return 1 if missing or left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
