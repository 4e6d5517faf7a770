"""The composition root: which layer answers for which list, and what a new store holds.

Owns the wiring that `app.py`, the command line and the tests call once, and the preparation of an empty store.
Refuses nothing; it decides no rule.
"""

from __future__ import annotations

from sqlmodel import Session

from survey.access.permissions import Actor
from survey.areas import importing
from survey.cases import service as cases
from survey.fieldwork import households, visit_readers, visit_writers
from survey.questionnaires import library, registry


def wire() -> None:
    """Register every writer, reader and follower; the order of writers is the order of writing."""
    for writer in visit_writers.WRITERS:
        registry.register_writer(writer)
    registry.register_writer(cases.OBSERVATION_WRITER)
    registry.register_writer(cases.CASE_WRITER)
    households.register_follower(cases.HOUSEHOLD_FOLLOWER)
    for name, reader in visit_readers.READERS.items():
        registry.register_reader(name, reader)


def prepare_store(session: Session, actor: Actor) -> None:
    """What every new store begins with: the shipped areas and questionnaires."""
    importing.load_shipped(session, actor)
    library.publish_shipped(session, actor)
