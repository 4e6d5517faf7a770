"""The addresses of the OpenRosa interface. The gate lets them through without a session: each names its device."""

from __future__ import annotations

from starlette.routing import Route

from survey.web.openrosa import forms, submission

ROUTES = [
    Route("/openrosa/formList", forms.form_list, methods=["GET"]),
    Route("/openrosa/form", forms.form, methods=["GET"]),
    Route("/openrosa/manifest", forms.manifest, methods=["GET"]),
    Route("/openrosa/media", forms.media, methods=["GET"]),
    Route("/openrosa/list/{name}.csv", forms.register_list, methods=["GET"]),
    Route("/openrosa/submission", submission.ask, methods=["HEAD"]),
    Route("/openrosa/submission", submission.submit, methods=["POST"]),
]
