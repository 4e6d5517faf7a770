"""Which version of a record changed which field, so that a stale update is noticed field by field.

Owns moving a record's version on and applying an update that was based on an older version: fields nobody touched
since are written, a field changed meanwhile is kept and reported (ODK Entities, conflicts of updates). Refuses to
decide who is right: that is a person's work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from models import HardshipFile, Household

Versioned = Household | HardshipFile


@dataclass(frozen=True)
class Applied:
    """The fields an update wrote, and those it left because somebody changed them meanwhile."""

    changed: tuple[str, ...]
    conflicting: tuple[str, ...]


def touch(record: Versioned) -> None:
    """Move the version on and note which fields changed with it; call after setting them, before any query."""
    record.version += 1
    attributes = sa.inspect(record).attrs.items()
    changed = [name for name, state in attributes if name != "version" and state.history.has_changes()]
    record.field_versions = {**record.field_versions, **dict.fromkeys(changed, record.version)}


def apply(record: Versioned, given: Mapping[str, object], base_version: str) -> Applied:
    """Write what differs; `base_version` is the version the person saw (empty: the present one).

    An empty value leaves what is there.
    """
    base = int(base_version) if base_version.isdigit() else record.version
    differing = [
        name
        for name, value in given.items()
        if value not in (None, "", []) and value != getattr(record, name)
    ]
    conflicting = tuple(name for name in differing if record.field_versions.get(name, 1) > base)
    changed = tuple(name for name in differing if name not in conflicting)
    for name in changed:
        setattr(record, name, given[name])
    if changed:
        touch(record)
    return Applied(changed, conflicting)
