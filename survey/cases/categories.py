"""Categories of cases: the difficulties and the request kinds, each with the track that gives its deadline.

Owns category → track → parameter of its first answer. Refuses a category that is in neither code list with
`cases.unknown_category`; an accusation about a cadre is no category here: it is taken in by discipline inspection.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from survey.cases.clocks import Unit, due_on
from survey.problems import Problem
from survey.rules import codes, workdays
from survey.rules.loader import parameter


class Track(StrEnum):
    """Which rule a case's first answer follows; the value is the parameter's key."""

    DIFFICULTY = "cases.difficulty_plan_days"
    ENQUIRY = "cases.enquiry_days"
    HELP = "cases.help_request_days"
    SUGGESTION = "cases.suggestion_days"
    DISPUTE = "cases.dispute_days"


_TRACK_OF_REQUEST = {
    "policy_question": Track.ENQUIRY,
    "market_information": Track.ENQUIRY,
    "environment": Track.SUGGESTION,
    "culture": Track.SUGGESTION,
    "dispute": Track.DISPUTE,
}


def every() -> tuple[str, ...]:
    """Every category: the difficulties first, then the request kinds."""
    return (*codes.keys("difficulty"), *codes.keys("request_kind"))


def label(category: str) -> str:
    """The category's label in the language in force; a dropped one shows as its key.

    >>> label("water"), label("dispute")
    ('饮水难', '矛盾纠纷')
    """
    code_list = "difficulty" if category in codes.keys("difficulty") else "request_kind"
    return codes.label(code_list, category)


def track_of(category: str) -> Track:
    """The track of a category; problem `cases.unknown_category`. Other requests are requests for help.

    >>> track_of("policy_question").name
    'ENQUIRY'
    """
    if category in codes.keys("difficulty"):
        return Track.DIFFICULTY
    if category not in codes.keys("request_kind"):
        raise Problem("cases.unknown_category", category=category)
    return _TRACK_OF_REQUEST.get(category, Track.HELP)


def answer_due_on(category: str, raised_on: date) -> date:
    """The last day to answer a matter raised that day, by the rule in force that day; workdays without holidays."""
    rule = parameter(track_of(category).value)
    return due_on(raised_on, int(rule.at(raised_on)), Unit(rule.unit), workdays.is_workday)


def years_without_holidays(category: str, raised_on: date | None, last_on: date | None) -> tuple[int, ...]:
    """The years in a period counted in workdays whose public holidays are not known: the real last day may be later.

    None for a dropped category, whose period is not known any more.
    """
    if raised_on is None or last_on is None or category not in every():
        return ()
    if parameter(track_of(category).value).unit != Unit.WORKDAY:
        return ()
    years = range(raised_on.year, last_on.year + 1)
    return tuple(year for year in years if not workdays.is_known(year))
