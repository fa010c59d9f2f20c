"""What typer says of itself, in the language of the moment: help pages and wrong arguments."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import typer
from pydantic import ValidationError

from twin.errors import Problem, suggest, told
from twin.messages import text
from twin.units import problems_of

# Rows of the message table, and what typer writes in their place. Not all of it goes through gettext.
HELP = {
    "usage.usage": "Usage:",
    "usage.commands": "\nCommands:",
    "usage.arguments": "\nArguments:",
    "usage.options": "\nOptions:",
    "usage.show_help": "Show this message and exit.",
    "usage.required": "required]",
    "usage.default": "[default:",
    "usage.command": "COMMAND [ARGS]...",
}


class Context(typer.Context):
    """A context whose help page is translated."""

    def get_help(self) -> str:
        """The help page of typer, its fixed words replaced."""
        page = super().get_help()
        for row, english in HELP.items():
            page = page.replace(english, text(row))
        return page


def translated(command: Any) -> Any:
    """A command of typer and those below it, with translated help pages."""
    command.context_class = Context
    for below in getattr(command, "commands", {}).values():
        translated(below)
    return command


def usage_problem(error: Any) -> Problem:
    """Wrong arguments, as typer found them, in our words."""
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else "twin"
    param = getattr(error, "param", None)
    key = "" if param is None else _name(param)
    called = f"{where} --help"
    kind = type(error).__name__
    if kind == "MissingParameter":
        return told(where, key, "usage.missing", help=called)
    if kind == "NoSuchOption":
        near = ", ".join(sorted(error.possibilities or ()))
        hint = text("error.did_you_mean", name=near) if near else None
        return told(where, error.option_name, "usage.no_option", hint, help=called)
    if isinstance(error.__cause__, ValidationError):
        return replace(problems_of(error.__cause__.errors(), where)[0], key=key)
    wrong = re.match(r"No such command '(.*?)'", error.message)
    if wrong is not None and context is not None:
        known = getattr(context.command, "commands", {})
        return told(where, "", "usage.no_command", suggest(wrong[1], known), found=wrong[1])
    return told(where, key, "usage.other", found=error.message, help=called)


def _name(param: Any) -> str:
    return param.opts[-1] if param.param_type_name == "option" else (param.metavar or param.name or "")
