"""Filters of a list that stand in the address, so that a link shows the same view again.

Owns the select box and the switch that read their value from the address and write it back, and turning the lists
they narrow back to the first entry. Refuses to know what is filtered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from survey.i18n import gettext as _
from survey.ui import state


@dataclass(frozen=True)
class Filters:
    """The filters of one page: what their widgets' keys begin with, and the lists that they narrow.

    `under` names the filter that lies within another and goes with it: a group with its village.
    """

    prefix: str
    lists: tuple[str, ...]
    under: Mapping[str, str] = field(default_factory=dict)

    def choice(self, name: str, label: str, options: Mapping[str, str]) -> str | None:
        """A select box of key → label with "All" before them; the key chosen, none for all."""
        keys = ["", *options]
        present = st.query_params.get(name, "")
        chosen = st.selectbox(
            label,
            keys,
            index=keys.index(present) if present in keys else 0,
            format_func=lambda key: options.get(key, _("All")),
            key=f"{self.prefix}{name}",
            on_change=self.keep,
            args=(name,),
        )
        return chosen or None

    def switch(self, name: str, label: str) -> bool:
        """A switch that is on while its name stands in the address."""
        return st.toggle(
            label,
            value=bool(st.query_params.get(name)),
            key=f"{self.prefix}{name}",
            on_change=self.keep,
            args=(name,),
        )

    def keep(self, name: str) -> None:
        """Write a widget's value into the address and begin the lists anew."""
        value = st.session_state[f"{self.prefix}{name}"]
        if value:
            st.query_params[name] = "1" if value is True else value
        else:
            st.query_params.pop(name, None)
        if name in self.under:
            st.query_params.pop(self.under[name], None)
        for name_of_list in self.lists:
            state.set_offset(name_of_list, 0)
