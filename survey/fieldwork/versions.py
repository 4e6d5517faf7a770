"""Which version of a record changed which field, so that a stale update is noticed field by field.

Owns moving a record's version on and applying an update that was based on an older version: fields nobody touched
since are written, a field changed meanwhile is kept and reported (ODK Entities, conflicts of updates). Refuses to
decide who is right: that is a person's work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from models import HardshipFile, Household

Versioned = Household | HardshipFile
_NOTHING: tuple[object, ...] = (None, "", [])


@dataclass(frozen=True)
class Applied:
    """The fields an update wrote, and those it left because somebody changed them meanwhile.

    `before` is what the record held in each of them, `base` the version the update was based on, `found` the one it
    met.
    """

    changed: tuple[str, ...]
    conflicting: tuple[str, ...]
    before: Mapping[str, object]
    base: int
    found: int

    @property
    def is_stale(self) -> bool:
        """Whether somebody changed the record, in whatever field, after it was read for this update."""
        return self.base < self.found


def touch(record: Versioned, changed: Iterable[str] | None = None) -> None:
    """Move the version on and note which fields changed with it; call after setting them, before any query.

    Without `changed` they are found out, which takes longer.
    """
    if changed is None:
        attributes = sa.inspect(record).attrs.items()
        changed = [name for name, state in attributes if name != "version" and state.history.has_changes()]
    record.version += 1
    record.field_versions = {**record.field_versions, **dict.fromkeys(changed, record.version)}


def apply(record: Versioned, given: Mapping[str, object], base_version: str) -> Applied:
    """Write what differs; `base_version` is the version the person saw (empty: the present one).

    An empty value leaves what is there.
    """
    base = _number(record, base_version)

    def is_newer(name: str) -> bool:
        return record.field_versions.get(name, 1) > base

    return _apply(record, given, base, is_newer)


def correct(
    record: Versioned, given: Mapping[str, object], earlier: Mapping[str, object], base_version: str
) -> Applied:
    """Write what a corrected filling says otherwise than its earlier version did.

    A field still holding what the earlier version said is the filling's own to correct; one that holds something else
    was changed by somebody since.
    """
    base = _number(record, base_version)

    def is_newer(name: str) -> bool:
        said = earlier.get(name)
        if said in _NOTHING:
            return record.field_versions.get(name, 1) > base
        return bool(getattr(record, name) != said)

    corrected = {name: value for name, value in given.items() if value != earlier.get(name)}
    return _apply(record, corrected, record.version, is_newer)


def _number(record: Versioned, base_version: str) -> int:
    return int(base_version) if base_version.isdigit() else record.version


def _apply(
    record: Versioned, given: Mapping[str, object], base: int, is_newer: Callable[[str], bool]
) -> Applied:
    found = record.version
    differing = {
        name: getattr(record, name)
        for name, value in given.items()
        if value not in _NOTHING and value != getattr(record, name)
    }
    conflicting = tuple(name for name in differing if is_newer(name))
    changed = tuple(name for name in differing if name not in conflicting)
    for name in changed:
        setattr(record, name, given[name])
    if changed:
        touch(record, changed)
    return Applied(changed, conflicting, differing, base, found)
