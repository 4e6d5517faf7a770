"""Answers as instances of the real forms: what the tablets send over the year.

Owns setting the answers through the engine, with the lists a tablet would have been given, and identifiers that
repeat with the seed. For a large township a second process writes while the first one has them accepted. Refuses to
write XML by hand: what a form calculates, hides or prefills is the engine's doing here too.
"""

from __future__ import annotations

import multiprocessing
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from survey import i18n
from survey.demo import answers, visits
from survey.demo.answers import Answers
from survey.demo.chance import generator, new_id
from survey.demo.township import House, Township
from survey.demo.visits import Slot
from survey.questionnaires.engine import Context, Instance
from survey.questionnaires.xform import Form, parse_form
from survey.rules import codes

_Items = Sequence[Mapping[str, str]]
_CHUNK = 40
_WORTH_A_PROCESS = 600
# The engine draws the ids of new entities from the system; a demo draws them from its seed.
_NEW_ENTITY_ID = re.compile(r'(<(?:\w+:)?entity\b(?=[^>]*\bcreate="1")[^>]*?\bid=")[0-9a-f-]{36}(")')


@dataclass(frozen=True)
class Work:
    """What a writer needs: the plan, the compiled forms by form id, the slots in the order of entry."""

    plan: Township
    xforms: Mapping[str, str]
    slots: Sequence[Slot]


def written(work: Work) -> Iterator[str]:
    """The instance of every slot as XML, in their order."""
    if len(work.slots) < _WORTH_A_PROCESS or (os.cpu_count() or 1) < 2:
        writer = _Writer(work)
        yield from map(writer.write, work.slots)
        return
    with ProcessPoolExecutor(
        1, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(work,)
    ) as pool:
        for chunk in pool.map(_write_chunk, range(0, len(work.slots), _CHUNK)):
            yield from chunk


_at_work: list[_Writer] = []


def _begin(work: Work) -> None:
    _at_work.append(_Writer(work))


def _write_chunk(start: int) -> list[str]:
    """The next chunk. There is one writer and chunks come in order: what households said before is remembered."""
    writer = _at_work[0]
    return [writer.write(slot) for slot in writer.work.slots[start : start + _CHUNK]]


class _Writer:
    """Writes slot after slot, remembering what each household said last."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self._rng = generator(work.plan.seed, "answers")
        self._memory = answers.Memory(work.plan.seed)
        self._forms = {form_id: parse_form(xform) for form_id, xform in work.xforms.items()}
        self._difficulties = [
            {"name": key, "label": label} for key, label in codes.labels("difficulty").items()
        ]

    def write(self, slot: Slot) -> str:
        """The finished instance of a slot, as XML."""
        context = Context(
            now=lambda: slot.received_at,
            timezone=i18n.TIMEZONE,
            username=slot.cadre.username,
            lists=self._lists(slot),
        )
        given = (
            answers.of_visit(self._rng, slot, self._memory)
            if slot.form == visits.VISIT_FORM
            else answers.of_contact(self._rng, slot)
        )
        return self._filled(self._forms[slot.form], context, slot.house, given)

    def _filled(self, form: Form, context: Context, house: House, given: Answers) -> str:
        instance = Instance.new(
            form, context, instance_id=f"uuid:{new_id(self._rng)}", prefill={"household_id": house.id}
        )
        root = f"/{form.root.local}"
        for path, value in given.single.items():
            instance.answer(f"{root}/{path}", value)
        for path, rows in given.repeats.items():
            for number, row in enumerate(rows, start=1):
                for name, value in row.items():
                    instance.answer(f"{root}/{path}[{number}]/{name}", value)
        xml = instance.to_xml(final=True)
        return _NEW_ENTITY_ID.sub(lambda match: f"{match[1]}{new_id(self._rng)}{match[2]}", xml)

    def _lists(self, slot: Slot) -> dict[str, _Items]:
        """What the tablet was given about the household."""
        house = slot.house
        return {
            "households": [_household(house)],
            "members": _members(house),
            "hardship_files": _files(house),
            "observations": [
                {"name": key, "difficulty": key, "open": "yes", "label": key}
                for key in codes.keys("difficulty")
                if self._memory.is_open(house, key)
            ],
            "difficulties": self._difficulties,
        }


def _household(house: House) -> dict[str, str]:
    return {
        "name": house.id,
        "label": house.head.name,
        "__version": "1",
        "housing": house.housing,
        "water_source": house.water_source,
        "medical_insurance": house.medical_insurance,
        "children_in_school": str(house.children_in_school),
    }


def _members(house: House) -> Sequence[Mapping[str, str]]:
    return [{"name": person.id, "label": person.name, "household": house.id} for person in house.persons]


def _files(house: House) -> Sequence[Mapping[str, str]]:
    file = house.hardship
    if file is None:
        return []
    return [
        {
            "name": file.id,
            "label": file.category,
            "household": house.id,
            "needs": file.needs,
            "measures": " ".join(file.measures),
            "proposed_next_on": "",
        }
    ]
