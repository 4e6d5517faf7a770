"""Every message has its Chinese, and every Chinese its message."""

from __future__ import annotations

import re

import yaml

from scripts import messages
from survey import problems

RULES = messages.ROOT / "survey" / "rules"

_FACT = re.compile(r"\{(\w+)[^}]*\}")


def _facts(text: str) -> set[str]:
    return set(_FACT.findall(text))


def test_no_message_is_untranslated() -> None:
    assert messages.untranslated(messages.in_use(), messages.translations()) == []


def test_no_translation_is_left_over() -> None:
    assert messages.unused(messages.in_use(), messages.translations()) == []


def test_a_translation_names_the_same_facts() -> None:
    wrong = {}
    for message, chinese in messages.translations().items():
        english = message if isinstance(message, str) else "".join(message)
        if _facts(english) != _facts(chinese):
            wrong[english] = chinese
    assert wrong == {}


def test_chinese_has_punctuation_of_its_own_width() -> None:
    """Half a width beside a Chinese character is English punctuation; formulas and headings of a workbook are neither."""
    formula = re.compile(r"[a-z]+\([^。；]*\)|\w*::中文 \(zh\)")
    half = re.compile(r"[\u4e00-\u9fff”}][,;:!?()]|[,;:!?()] ?[\u4e00-\u9fff“]")
    told = list(messages.translations().values())
    for entry in problems.catalogue().values():
        told += [entry.message["zh"], entry.remedy["zh"]]
    assert [text for text in told if half.search(formula.sub("", text))] == []


def test_lists_are_joined_as_the_language_joins_them() -> None:
    """In one place; the engine knows no pages, and a workbook is checked in a process that speaks nobody's language."""
    joined = [path.name for path in messages.sources() if '"、"' in path.read_text(encoding="utf-8")]
    assert sorted(joined) == ["conversion.py", "engine.py", "i18n.py"]


def test_f_strings_are_never_translated() -> None:
    """Babel does not extract them, so their message would never be found."""
    pattern = re.compile(r"(?<![\w.])_\(\s*f[\"']")
    offenders = [path for path in messages.sources() if pattern.search(path.read_text(encoding="utf-8"))]
    assert offenders == []


def test_problems_name_the_same_facts_in_both_languages() -> None:
    for code, entry in problems.catalogue().items():
        for sentences in (entry.message, entry.remedy):
            assert all(sentences[language].strip() for language in ("zh", "en")), code
        told = {
            language: {
                fact.removesuffix(f"_{language}")
                for fact in _facts(entry.message[language] + entry.remedy[language])
            }
            for language in ("zh", "en")
        }
        assert told["zh"] == told["en"], code


def test_every_problem_code_is_raised_somewhere() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in messages.sources())
    assert [code for code in problems.catalogue() if f'"{code}"' not in text] == []


def test_every_code_has_both_labels() -> None:
    lists = yaml.safe_load(
        "".join(path.read_text(encoding="utf-8") for path in sorted(RULES.glob("*codes.yaml")))
    )
    assert lists
    bare = [
        (name, key, language)
        for name, entries in lists.items()
        for key, entry in entries.items()
        for language in ("zh", "en")
        if not entry.get(language)
    ]
    assert bare == []
