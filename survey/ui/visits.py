"""Visits on the screen: a household's history, each visit to open with everything that was handed in at it.

Owns how a visit reads, its photos included. Refuses to show what the service withheld: it draws a read model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from survey import i18n
from survey.cases import categories
from survey.fieldwork.visits import ObservationView, RequestView, VisitView
from survey.i18n import gettext as _
from survey.rules import codes
from survey.ui import wording


def entries(visits: Sequence[VisitView]) -> None:
    """Visits as entries to open with a tap, the first one open."""
    st.html("".join(_entry(visit, is_open=at == 0) for at, visit in enumerate(visits)))


def _entry(visit: VisitView, *, is_open: bool) -> str:
    head = _joined(
        codes.label("disposition", visit.disposition),
        codes.label("purpose", visit.purpose),
        visit.cadre_name,
        codes.label("satisfaction", visit.satisfaction),
    )
    found = _joined(*map(_found, visit.observations))
    late = _marked(_("entered {n} days later", n=visit.late_days)) if visit.is_late else ""
    photos = _marked(_("photos: {n}", n=len(visit.photo_ids))) if visit.photo_ids else ""
    return (
        f'<details class="mq-visit"{" open" if is_open else ""}>'
        f"<summary><b>{wording.escaped(i18n.day(visit.visited_on))}</b> · {wording.escaped(head)}{late}{photos}"
        f"<div>{wording.escaped(found)}</div></summary>{_body(visit)}</details>"
    )


def _body(visit: VisitView) -> str:
    facts = [
        (_("Who was met"), visit.respondent_name or ""),
        *((codes.label("difficulty", seen.difficulty), _seen(seen)) for seen in visit.observations),
        *((categories.label(raised.category), _raised(raised)) for raised in visit.requests),
        (_("Policies explained"), _listed("policy", visit.policies_explained)),
        (_("Help given"), _lines(_listed("help_kind", visit.help_given), visit.help_words)),
        (_("Diary"), visit.diary or ""),
        (_("Will come again on"), i18n.day(visit.follow_up_on)),
        (_("Where"), _where(visit)),
    ]
    rows = "".join(
        f"<dt>{wording.escaped(name)}</dt><dd>{wording.escaped(value)}</dd>" for name, value in facts if value
    )
    photos = "".join(_photo(photo_id) for photo_id in visit.photo_ids)
    return f'<dl>{rows}</dl><div class="mq-photos">{photos}</div>'


def _found(seen: ObservationView) -> str:
    """A difficulty there was or had been, in two words."""
    if not seen.was_found:
        return ""
    return f"{codes.label('difficulty', seen.difficulty)} {codes.label('difficulty_state', seen.state)}"


def _seen(seen: ObservationView) -> str:
    if not seen.asked:
        return _("not asked")
    severity = codes.label("severity", str(seen.severity) if seen.severity else None)
    state = codes.label("difficulty_state", seen.state)
    return _lines(_joined(state, severity, seen.case_number), seen.words)


def _raised(raised: RequestView) -> str:
    return _lines(raised.case_number, raised.words)


def _where(visit: VisitView) -> str:
    if visit.lat is None or visit.lon is None:
        return ""
    accuracy = _("within {n} m", n=round(visit.accuracy_m)) if visit.accuracy_m else ""
    return _joined(
        f"{visit.lat:.5f}, {visit.lon:.5f}",
        codes.label("place_source", visit.place_source),
        accuracy,
        wording.far(visit.far_km) if visit.far_km is not None else "",
    )


def _photo(photo_id: str) -> str:
    address = f"/attachment/{wording.escaped(photo_id)}"
    name = _("Photo of the visit")
    picture = f'<img class="mq-thumb" loading="lazy" src="{address}" alt="{wording.escaped(name)}">'
    return f'<a href="{address}" target="_blank">{picture}</a>'


def _marked(text: str) -> str:
    return f'<span class="mq-mark">{wording.escaped(text)}</span>'


def _listed(code_list: str, keys: Iterable[str]) -> str:
    return i18n.listed(codes.label(code_list, key) for key in keys)


def _joined(*parts: str | None) -> str:
    return " · ".join(part for part in parts if part)


def _lines(*parts: str | None) -> str:
    return "\n".join(part for part in parts if part)
