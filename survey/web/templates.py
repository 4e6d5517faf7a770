"""Plain HTML pages outside Streamlit: one frame, jinja2 with autoescaping, the words from the catalogue.

Owns rendering and the headers of such a page: a strict content policy and no caching. Refuses script of its own in the
page; what little there is comes from `/assets/`.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from survey import i18n
from survey.problems import Problem
from survey.web import languages

STATIC = Path(str(files("survey.web").joinpath("static")))
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@cache
def asset(name: str) -> str:
    """The address of an own static file; it changes with the content, so that browsers may keep it for ever."""
    mark = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/assets/own/{name}?v={mark}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("survey.web", "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.globals.update(_=i18n.gettext, asset=asset)
    return environment


def _in_language(request: Request, language: str) -> str:
    query = dict(request.query_params) | {languages.CHOICE: language}
    return f"{request.url.path}?{urlencode(query)}"


def page(request: Request, template: str, *, problem: Problem | None = None, **facts: object) -> HTMLResponse:
    """A rendered page in the visitor's language; its status is the problem's if it shows one."""
    language = languages.asked(request)
    other = next(code for code in i18n.LANGUAGES if code != language)
    with i18n.speaking(language):
        html = (
            _environment()
            .get_template(template)
            .render(
                language=language,
                problem_text=(problem.message(language), problem.remedy(language)) if problem else None,
                other_language=i18n.LANGUAGES[other],
                other_address=_in_language(request, other),
                **facts,
            )
        )
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store", "Content-Language": language}
    response = HTMLResponse(html, status_code=problem.status if problem else 200, headers=headers)
    languages.remember(request, response)
    return response
