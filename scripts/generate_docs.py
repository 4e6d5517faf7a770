"""The generated pages of docs/: commands, routes, problems, parameters; `python -m scripts.generate_docs` writes them.

Owns what these pages say; a test fails when one is stale. Refuses to describe what the code does not have: every
page is made from the object itself (the click commands, the routes, the catalogues).
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import click
from starlette.routing import Mount, Route

from survey import cli, i18n, problems
from survey.commands.frame import help_paragraphs
from survey.rules import loader
from survey.web.gate import DEVICE_PREFIX, OPEN_PATHS
from survey.web.routes import ROUTES

DOCS = Path(__file__).parent.parent / "docs"
_NOTE = "<!-- Written by `make docs`; do not edit. -->\n\n"
_SHARED = ("--data", "--key", "--help")


def commands_page() -> str:
    """Every command with its options."""
    lines = [
        "# Commands\n",
        "Every command takes `--data DIR` and `--key FILE`, and `--help`. A mistake is one sentence on stderr with the",
        "remedy, exit status 2; status 1 is a command that worked and found something broken.\n",
    ]
    for name, command in _walk(cli.minqing, "minqing"):
        lines += [f"## `{name}`\n", *(f"{text}\n" for text in help_paragraphs(command))]
        lines += _usage(name, command)
    return "\n".join(lines)


def _walk(command: click.Command, name: str) -> Iterable[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for sub_name in sorted(command.commands):
            yield from _walk(command.commands[sub_name], f"{name} {sub_name}")


def _usage(name: str, command: click.Command) -> list[str]:
    if isinstance(command, click.Group):
        return []
    context = click.Context(command, info_name=name)
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    rows = [record for option in options if (record := option.get_help_record(context))]
    own = [row for row in rows if not row[0].startswith(_SHARED)]
    usage = f"```\n{name} {' '.join(command.collect_usage_pieces(context))}\n```\n"
    table = ["| option | meaning |", "|---|---|", *(f"| `{flag}` | {text} |" for flag, text in own), ""]
    return [usage, *(table if own else [])]


def routes_page() -> str:
    """Every HTTP address outside Streamlit."""
    lines = [
        "# Addresses",
        "",
        "Beside the pages the same process answers these addresses. Without a session only the open ones answer; "
        "those of a device answer to its token alone (see openrosa.md).",
        "",
        "| address | methods | open | what it does |",
        "|---|---|---|---|",
    ]
    for route in ROUTES:
        if isinstance(route, Route):
            methods = ", ".join(sorted((route.methods or set()) - {"HEAD"})) or "HEAD"
            is_device = route.path.startswith(DEVICE_PREFIX)
            is_open = "yes" if route.path in OPEN_PATHS else "device" if is_device else ""
            lines.append(f"| `{route.path}` | {methods} | {is_open} | {_first_sentence(route.endpoint)} |")
        elif isinstance(route, Mount):
            lines.append(
                f"| `{route.path}/…` | GET | yes | Files of the interface, from installed packages. |"
            )
    return "\n".join(lines) + "\n"


def _first_sentence(function: Callable[..., object]) -> str:
    return (inspect.getdoc(function) or "").split("\n")[0]


def problems_page() -> str:
    """Every problem code with its sentence and remedy."""
    lines = [
        "# Problems",
        "",
        "Whatever a person can mend has a stable code, a sentence and a remedy. `{…}` is filled in when it happens.",
        "",
        "| code | HTTP | message · remedy | 说明 · 办法 |",
        "|---|---|---|---|",
    ]
    for code, entry in sorted(problems.catalogue().items()):
        english = f"{entry.message['en']} · {entry.remedy['en']}"
        chinese = f"{entry.message['zh']} · {entry.remedy['zh']}"
        lines.append(f"| `{code}` | {entry.status} | {english} | {chinese} |")
    return "\n".join(lines) + "\n"


def parameters_page() -> str:
    """Every dated parameter with its values and source."""
    lines = [
        "# Parameters",
        "",
        "Values that differ by place or year, each with its unit and source. A value holds from its date on.",
        "",
        "| parameter | meaning | 含义 | values | unit | source |",
        "|---|---|---|---|---|---|",
    ]
    for key, parameter in sorted(loader.parameters().items()):
        values = "; ".join(
            f"{start}: {'repealed' if value is None else value}" for start, value in parameter.values
        )
        label = parameter.label
        lines.append(
            f"| `{key}` | {label['en']} | {label['zh']} | {values} | {parameter.unit} | {parameter.source} |"
        )
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": commands_page,
    "routes.md": routes_page,
    "problems.md": problems_page,
    "parameters.md": parameters_page,
}


def text_of(name: str) -> str:
    """What a generated page should hold now."""
    with i18n.speaking("en"):
        return _NOTE + PAGES[name]()


def main() -> None:
    """Write every page."""
    for name in PAGES:
        (DOCS / name).write_text(text_of(name), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
