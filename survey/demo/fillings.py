"""Answers as instances of the real forms: what a tablet would send.

Owns setting the answers through the engine, in the order of the form, and identifiers that repeat with the seed.
Refuses to write XML by hand: what the form calculates, hides or prefills is the engine's doing here too.
"""

from __future__ import annotations

import re
from random import Random

from survey.demo.answers import Answers
from survey.demo.chance import new_id
from survey.questionnaires.engine import Context, Instance
from survey.questionnaires.xform import Form

# The engine draws the ids of new entities from the system; a demo draws them from its seed.
_NEW_ENTITY_ID = re.compile(r'(<(?:\w+:)?entity\b(?=[^>]*\bcreate="1")[^>]*?\bid=")[0-9a-f-]{36}(")')


def instance_xml(rng: Random, form: Form, context: Context, household_id: str, answers: Answers) -> str:
    """The finished instance of a form with these answers, as XML."""
    instance = Instance.new(
        form, context, instance_id=f"uuid:{new_id(rng)}", prefill={"household_id": household_id}
    )
    root = f"/{form.root.local}"
    for path, value in answers.single.items():
        instance.answer(f"{root}/{path}", value)
    for path, rows in answers.repeats.items():
        for number, row in enumerate(rows, start=1):
            _answer_row(instance, f"{root}/{path}", number, row)
    xml = instance.to_xml(final=True)
    return _NEW_ENTITY_ID.sub(lambda match: f"{match[1]}{new_id(rng)}{match[2]}", xml)


def _answer_row(instance: Instance, repeat: str, number: int, row: dict[str, str]) -> None:
    place = f"{repeat}[{number}]"
    for name, value in row.items():
        instance.answer(f"{place}/{name}", value)
