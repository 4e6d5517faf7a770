"""What a page may keep between reruns: typed accessors over Streamlit's session state, ids only.

Owns the keys. Refuses rows, secrets and anything a reload must not lose: that stands in the query string or
in the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

NoticeKind = Literal["success", "warning", "error"]
_NOTICES = "mq_notices"
_SHOWN = "mq_shown_"


@dataclass(frozen=True)
class Notice:
    """One sentence for the top of the next page drawn."""

    kind: NoticeKind
    text: str


def leave_notice(kind: NoticeKind, text: str) -> None:
    """Keep a sentence for the next page drawn in this browser session."""
    st.session_state.setdefault(_NOTICES, []).append(Notice(kind, text))


def take_notices() -> tuple[Notice, ...]:
    """The sentences kept so far; they are given once."""
    return tuple(st.session_state.pop(_NOTICES, ()))


def offset(name: str) -> int:
    """How many entries of a named list stand before the page shown."""
    return int(st.session_state.get(f"mq_offset_{name}", 0))


def set_offset(name: str, value: int) -> None:
    """Turn a named list to the page that begins after so many entries."""
    st.session_state[f"mq_offset_{name}"] = max(0, value)


def asked(name: str) -> bool:
    """Whether a question of `shell.confirm` stands open."""
    return bool(st.session_state.get(f"mq_asked_{name}"))


def set_asked(name: str, value: bool) -> None:
    """Open or close a question of `shell.confirm`."""
    st.session_state[f"mq_asked_{name}"] = value


def kept(name: str, default: Any = None) -> Any:
    """A value a page keeps under a name of its own (ids, numbers and texts without personal data)."""
    return st.session_state.get(f"mq_kept_{name}", default)


def keep(name: str, value: Any) -> None:
    """Keep a value under a name of the page's own."""
    st.session_state[f"mq_kept_{name}"] = value


def shown(instance_id: str) -> dict[str, str]:
    """Widget key → the answer it last showed, for one filling: tells a change from elsewhere from one's own."""
    found: dict[str, str] = st.session_state.setdefault(f"{_SHOWN}{instance_id}", {})
    return found


def forget_shown() -> None:
    """Forget what widgets of fillings last showed, so that each shows again what its draft holds."""
    for key in [key for key in st.session_state if str(key).startswith(_SHOWN)]:
        del st.session_state[key]


def committed(instance_id: str) -> dict[str, str]:
    """Widget key → the answer the page last took over from the widget itself, for one filling."""
    found: dict[str, str] = st.session_state.setdefault(f"mq_committed_{instance_id}", {})
    return found


def unsaved(instance_id: str) -> dict[str, str]:
    """Question → answer that could not be saved yet (full disk, busy store), for one filling."""
    found: dict[str, str] = st.session_state.setdefault(f"mq_unsaved_{instance_id}", {})
    return found
