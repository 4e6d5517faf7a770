"""What every command shares: `--data` and `--key`, the language, the operator, and how a mistake is told.

Owns `command` and `group` (click commands that take `--data` and `--key`, whose help speaks the system's
language), `settings`, `operator`, `opened` and `say`. Refuses to show a traceback for a person's mistake: a
`Problem` and a wrong command line become one sentence on stderr with the remedy, exit status 2.

A command module writes `@command("name")` above a function whose docstring is its help, an English message
like any other, and is named once in `survey.cli`.
"""

from __future__ import annotations

import copy
import getpass
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from survey import config, db, i18n, opening
from survey.access import permissions
from survey.access.permissions import Actor
from survey.config import Settings
from survey.i18n import gettext as _
from survey.problems import Problem

_DATA_HELP = "Data folder (default: MINQING_DATA, else ./minqing-data)."
_KEY_HELP = "Key file of the store (default: MINQING_KEY, else in the user's configuration folder)."

_GIVEN = "minqing.given"


@dataclass
class Places:
    """Where the command line says the store and its key are; nothing where it does not say."""

    data: Path | None = None
    key: Path | None = None


def _remember(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    places = context.ensure_object(Places)
    if value is not None:
        setattr(places, parameter.name or "", value)


def place_options() -> list[click.Parameter]:
    """`--data` and `--key`, as every command and the program itself take them."""
    shared: dict[str, Any] = {
        "type": click.Path(path_type=Path),
        "expose_value": False,
        "callback": _remember,
    }
    return [
        click.Option(["--data"], metavar="DIR", help=_DATA_HELP, **shared),
        click.Option(["--key"], metavar="FILE", help=_KEY_HELP, **shared),
    ]


class _Speaking(click.Command):
    """A command whose help is translated when it is shown."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.params.extend(place_options())

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        given = list(arguments)
        try:
            return super().parse_args(context, arguments)
        except click.BadParameter:
            context.meta[_GIVEN] = self._words_by_parameter(context, given)
            raise

    def _words_by_parameter(self, context: click.Context, arguments: list[str]) -> dict[str, str]:
        """What was written for each option and argument, before it is made a number or a date."""
        words, _rest, _order = self.make_parser(context).parse_args(arguments)
        return {name: word for name, word in words.items() if isinstance(word, str)}

    def get_short_help_str(self, limit: int = 45) -> str:  # noqa: ARG002 - never cut off
        return _(_first_line(self.help)) if self.help else ""

    def format_usage(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(
            context.command_path, " ".join(self.collect_usage_pieces(context)), prefix=_("Usage: ")
        )

    def format_help_text(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        with formatter.indentation():
            for paragraph in help_paragraphs(self):
                formatter.write_text(_(paragraph))
                formatter.write_paragraph()

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        records = [_translated(option, context) for option in self.get_params(context)]
        with formatter.section(_("Options")):
            formatter.write_dl([record for record in records if record])
        if isinstance(self, click.Group):
            self.format_commands(context, formatter)


class Command(_Speaking):
    """A command of `minqing`."""


class Group(_Speaking, click.Group):
    """A command that has commands of its own."""

    command_class = Command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self.commands[name].get_short_help_str()) for name in self.list_commands(context)]
        with formatter.section(_("Commands")):
            formatter.write_dl(rows)


def help_paragraphs(command: click.Command) -> list[str]:
    """The paragraphs of a command's help, each one message."""
    return [" ".join(paragraph.split()) for paragraph in (command.help or "").split("\n\n")]


def _first_line(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())


def _translated(parameter: click.Parameter, context: click.Context) -> tuple[str, str] | None:
    if not isinstance(parameter, click.Option):
        return None
    spoken = copy.copy(parameter)
    spoken.help = _(parameter.help) if parameter.help else ""
    return spoken.get_help_record(context)


def command(name: str, **keywords: Any) -> Callable[[Callable[..., Any]], Command]:
    """Make a command of a function; its docstring is the help."""
    return click.command(name, cls=Command, **keywords)


def group(name: str, **keywords: Any) -> Callable[[Callable[..., Any]], Group]:
    """Make a group of commands of a function; its docstring is the help."""
    return click.group(name, cls=Group, **keywords)


def settings() -> Settings:
    """The settings of the running command: flags over environment."""
    places = click.get_current_context().ensure_object(Places)
    return config.settings_from(data_dir=places.data, key_path=places.key)


def operator() -> Actor:
    """The named operator of the machine."""
    return permissions.operator(getpass.getuser())


@contextmanager
def opened(*, create: bool = False) -> Iterator[db.Store]:
    """The open store of the running command; problem `store.missing` unless it may be created."""
    with opening.opened(settings(), create=create) as store:
        yield store


def say(text: str = "") -> None:
    """A line on stdout."""
    click.echo(text)


def warn(text: str) -> None:
    """A line on stderr."""
    click.echo(text, err=True)


def language_of(environment: Mapping[str, str] = os.environ) -> str:
    """The language to speak: `MINQING_LANGUAGE`, else English where the system speaks it, else Chinese."""
    chosen = environment.get("MINQING_LANGUAGE")
    if chosen:
        return chosen if chosen in i18n.LANGUAGES else i18n.DEFAULT
    locale = next(
        (environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), ""
    )
    return "en" if locale.startswith("en") else i18n.DEFAULT


def problem_of(error: click.ClickException) -> Problem:
    """A wrong command line as a problem of the catalogue."""
    if isinstance(error, click.NoSuchOption):
        return Problem("command.no_such_option", option=error.option_name)
    if isinstance(error, click.NoSuchCommand):
        return Problem("command.no_such_command", name=error.command_name)
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return Problem("command.missing", name=_name(error.param))
    if isinstance(error, click.BadParameter) and error.param is not None:
        given = error.ctx.meta.get(_GIVEN, {}) if error.ctx else {}
        value = given.get(error.param.name, "")
        return Problem("command.bad_value", name=_name(error.param), value=value, form=_form(error.param))
    return Problem("command.not_understood", words=error.format_message().rstrip("."))


def _name(parameter: click.Parameter) -> str:
    return parameter.opts[0] if isinstance(parameter, click.Option) else parameter.make_metavar(_no_context())


def _form(parameter: click.Parameter) -> str:
    """How a value of an option or argument is written, in the language in force."""
    kind = parameter.type
    if isinstance(kind, click.IntRange) and kind.min is not None and kind.max is not None:
        return _("a whole number from {least} to {most}", least=kind.min, most=kind.max)
    if isinstance(kind, click.types.IntParamType):
        return _("a whole number")
    if isinstance(kind, click.DateTime):
        return _("a date such as {date}", date="2026-05-06")
    if isinstance(kind, click.Choice):
        return _("one of: {choices}", choices=", ".join(str(choice) for choice in kind.choices))
    return str(parameter.make_metavar(_no_context()))


def _no_context() -> click.Context:
    return click.get_current_context(silent=True) or click.Context(click.Command("minqing"))
