"""What a mistake in the command line is answered with: what was meant, and how it is written."""

import difflib
import itertools
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from proteomr.errors import UsageError

from .optional_values import OPTIONAL

__all__ = ["describe_misuse", "note_itself", "read_request_for_help", "refuse_stray_words"]

_LIKE = 0.65  # of letters in common: less is another word
_NO_COMMAND = re.compile(r"No such command '(?P<name>[^']*)'")
_STUDY_NUMBER = re.compile(r"[a-z]+-[a-z]-[\w.-]+")


def describe_misuse(
    mistake: typer.TyperException, arguments: Sequence[str], commands: Mapping[str, Any]
) -> str:
    """Say in one line what was wrong in the command line and what to write instead."""
    context: Any = getattr(mistake, "ctx", None)  # none where an option lacks its value
    named = " ".join(["proteomr", *_find_command(arguments, commands)[0]])
    path = named if context is None else str(context.command_path)
    message = mistake.format_message().replace("Value error, ", "")
    said = _answer(mistake, context, path, message)
    return f"{said} (see {path} --help)"


def _answer(mistake: typer.TyperException, context: Any, path: str, message: str) -> str:
    command = path.partition(" ")[2]
    unknown = _NO_COMMAND.search(message)
    entry = getattr(mistake, "param", None)
    answer = message
    if unknown is not None:
        answer = _answer_command(unknown["name"], command, context)
    elif context is None:
        pass
    elif message.startswith("Missing command"):
        answer = f"{path} is a group of commands: {', '.join(context.command.commands)}"
    elif message.startswith("No such option"):
        answer = _answer_option(str(getattr(mistake, "option_name", "")), command, context)
    elif message.startswith("Missing") and entry is not None:
        answer = _answer_missing(entry, message)
    elif message.startswith("Invalid value"):
        answer = _answer_value(message)
    return answer


def _answer_command(name: str, group: str, context: Any) -> str:
    from .foreign_names import COMMANDS_ELSEWHERE

    known = {} if context is None else context.command.commands
    if group:
        first = next(iter(known), "")
        hint = _nearest(name, known) or f"; the file follows one: proteomr {group} {first} FILE"
        return f"{group} has no command {name!r}{hint} ({', '.join(known)})"
    for entry in COMMANDS_ELSEWHERE:
        if _plain(name) in map(_plain, entry.names.split()):
            return f"no command {name!r}: {entry.answer}"
    return f"no command {name!r}{_nearest(name, known) or _list(known)}"


def _answer_option(name: str, command: str, context: Any) -> str:
    from .foreign_names import OPTIONS_ELSEWHERE

    own = [flag for entry in context.command.params for flag in entry.opts if flag.startswith("-")]
    spelt = [flag for flag in own if _plain(flag) == _plain(name) and len(flag) > 2]
    if spelt:
        return f"no option {name}: it is written {spelt[0]}"
    for entry in OPTIONS_ELSEWHERE:
        commands = entry.commands.split(",") if entry.commands else ()
        here = (not commands or command in commands) and _offers(entry.answer, own)
        if here and _is_among(name, entry.names.split()):
            flag_alone = re.fullmatch(r"--?[a-z][a-z0-9-]*( [A-Z0-9|:.-]+)?", entry.answer)
            return f"no option {name}: {'write ' if flag_alone else ''}{entry.answer}"
    return f"no option {name}{_nearest(name, own, cutoff=_LIKE)}"


def _is_among(name: str, names: Sequence[str]) -> bool:
    """Tell whether an option is one of some names; a letter with its dash is that one alone."""
    if name in names:
        return True
    return len(name) > 2 and _plain(name) in [_plain(one) for one in names if one[0] != "-"]


def _offers(answer: str, own: Sequence[str]) -> bool:
    """Tell whether a command has the option that an answer for all commands begins with."""
    flag = re.match(r"--?[a-z][a-z0-9-]*", answer)
    return flag is None or flag[0] in own


def _answer_missing(entry: Any, message: str) -> str:
    text = str(getattr(entry, "help", "") or "")
    meaning = text if "Choose from" in message else text.partition(". ")[0]
    said = message.partition(". Choose from")[0].rstrip(".")
    return f"{said}: {meaning.rstrip('.')}" if meaning else message


def _answer_value(message: str) -> str:
    message = message.partition(", unable to parse")[0].rstrip(".")
    given = re.search(r": '(?P<value>.*)' is not one of (?P<rest>.*)", message)
    if given is None:
        share = "less than or equal to 0.9999" in message
        return f"{message}; a share, such as 0.95" if share else message
    choices = re.findall(r"'([^']*)'", given["rest"])
    from .foreign_names import NOT_HERE

    for names, offered, answer in NOT_HERE:
        if offered in choices and _plain(given["value"]) in map(_plain, names.split()):
            return f"{message}: {answer}"
    meant = _find_choice(given["value"], choices)
    return f"{message}; for {given['value']!r} write {meant!r}" if meant else message


def _find_choice(value: str, choices: Sequence[str]) -> str | None:
    """Return the choice that a word of another program, or another spelling, stands for."""
    from .foreign_names import CHOICES

    for choice in choices:
        if _plain(choice) == _plain(value):
            return choice
    for names, choice in CHOICES:
        if choice in choices and _plain(value) in map(_plain, names.split()):
            return choice
    close = difflib.get_close_matches(value.casefold(), choices, n=1, cutoff=_LIKE)
    return close[0] if close else None


def _plain(name: str) -> str:
    """Return a name without letter case, dashes, underscores and dots, in British spelling."""
    bare = re.sub(r"[-_.\s]", "", name.casefold())
    return bare.replace("iz", "is").replace("yz", "ys")


def _nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    names = {_plain(entry): entry for entry in known}
    close = difflib.get_close_matches(_plain(name), names, n=3, cutoff=cutoff)
    return f" (did you mean {' or '.join(names[match] for match in close)}?)" if close else ""


def _list(known: Iterable[str]) -> str:
    return f"; there are {', '.join(known)}"


def read_request_for_help(arguments: Sequence[str], commands: Mapping[str, Any]) -> list[str]:
    """Return the arguments, where ``help COMMAND`` and ``COMMAND help`` ask for its help page.

    Raises
    ------
    UsageError
        A long option has one dash alone: its letters would be taken for short ones.
    """
    given = list(arguments)
    if given[:1] == ["help"]:
        return [*given[1:], "--help"]
    if given == ["version"]:
        return ["--version"]
    if len(given) > 1 and given[-1] == "help" and all(word in _words(commands) for word in given):
        return [*given[:-1], "--help"]
    _, entry = _find_command(given, commands)
    entries = getattr(entry, "params", ())
    own = {flag: one for one in entries for flag in one.opts if flag.startswith("-")}
    _refuse_one_dash(given, own)
    _refuse_options_as_values(given, own)
    return given


def _words(commands: Mapping[str, Any]) -> set[str]:
    inner = {name for entry in commands.values() for name in getattr(entry, "commands", ())}
    return {*commands, *inner, "help"}


def _find_command(given: Sequence[str], commands: Mapping[str, Any]) -> tuple[list[str], Any]:
    """Return the words that name a command, and the command; no words and None without one."""
    path: list[str] = []
    entry: Any = None
    for word in given[:2]:
        inner = (commands if entry is None else getattr(entry, "commands", {})).get(word)
        if inner is None:
            break
        path, entry = [*path, word], inner
    return path, entry


def _refuse_one_dash(given: Sequence[str], own: Mapping[str, Any]) -> None:
    for word in given[1:]:
        name = word.partition("=")[0]
        if re.fullmatch(r"-[a-z][a-z0-9-]+", name) and f"-{name}" in own:
            raise UsageError(f"{word}: a long option has two dashes: -{word}")


def _refuse_options_as_values(given: Sequence[str], own: Mapping[str, Any]) -> None:
    """Refuse an option that would be taken for the value of the one before it."""
    for word, after in itertools.pairwise(given):
        if word == "--":
            return
        takes = word in own and word not in OPTIONAL and not getattr(own[word], "is_flag", False)
        if takes and after.partition("=")[0] in own:
            raise UsageError(f"{word} lacks its value: the option {after} follows it")


def refuse_stray_words(paths: Iterable[Path], *, remedy: str) -> None:
    """Refuse words among the files that are no files, and look as if they belonged to an option.

    Parameters
    ----------
    remedy : what may have been meant.
    """
    for path in paths:
        text = str(path)
        if path.exists() or path.suffix or "/" in text or any(mark in text for mark in "*?["):
            continue
        if _STUDY_NUMBER.fullmatch(text):
            what = "a number of OpenGWAS, perhaps? Nothing is fetched: name its file"
            raise UsageError(f"{text!r} is no file here; {what}")
        raise UsageError(f"{text!r} stands among the files and is none; {remedy}")


def note_itself(files: Sequence[Path]) -> None:
    """Say that the file of the exposure is one of those of the outcomes."""
    for outcome in files[1:]:
        if outcome.exists() and files[0].exists() and outcome.samefile(files[0]):
            what = "is the exposure and an outcome: a trait on itself has an effect of 1"
            logging.getLogger("proteomr").warning("note: %s %s", outcome, what)
