"""The application: pages by Streamlit and HTTP routes by Starlette, in one process and one file.

Owns putting them together. As the ASGI module it opens the store and offers `app`; as the script of a rerun it
declares the pages the signed-in actor may open and runs the one asked for. Refuses everything else: gate,
routes, services and pages live in their own modules.
"""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from survey import composition, opening
from survey.ui import navigation, session, shell
from survey.web.gate import MIDDLEWARE
from survey.web.routes import ROUTES
from survey.web.templates import STATIC

app = st.App(__file__, routes=ROUTES, middleware=MIDDLEWARE)


def run_page() -> None:
    """One rerun: who is there, which page, draw it."""
    st.set_page_config(page_title="民情", page_icon=str(STATIC / "icon.svg"), layout="wide")
    shell.run(navigation.declare(session.actor()))


composition.wire()
if __name__ == "__main__":
    run_page()
else:
    opening.open_from_environment()
    # Streamlit takes a folder `pages` for its older kind of navigation until the first `st.navigation` ran, and
    # would run the first page asked for without this file.
    PagesManager.uses_pages_directory = False
