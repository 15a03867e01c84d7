"""IPython magics: `%%pixverse` makes a video from a cell, `%pixverse` shows tables. Load them with `%load_ext`.

    %load_ext pixverse_nb

    %%pixverse first.jpg last.jpg --seed 7 --quality 360p
    a slow dolly towards the cup

The body of the cell is the prompt. Two pictures are the first and the last one, one is the first, none is a video from
text, three or more are a transition. `--name value` is an argument of that call; a switch is `--audio` or `--no-audio`.
The cell returns the job, so that it shows its card; `_` is the job in the next cell. **It spends credits**, once: the
same cell finds the same job. `{name}` puts a variable into the line.

The magics use the variable `client` of the notebook if it is a Client, else the default client of `pv.studio()`.
"""

import inspect
import shlex
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any, Final

from pixverse_nb.client import Client
from pixverse_nb.domain.catalogue import CATALOGUE, Catalogue
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.operations import OPERATIONS, SWITCHES, Operation
from pixverse_nb.domain.requests import DELIVERY_FIELDS
from pixverse_nb.domain.validation import Flag, OneOf, Rule, did_you_mean
from pixverse_nb.errors import InvalidCall
from pixverse_nb.job_builder import CALL_OPTIONS
from pixverse_nb.jobs.job import Job
from pixverse_nb.ledger.spending import GROUPS

NAME: Final = "pixverse"
_COMMANDS: Final[Mapping[str, Callable[..., Any]]] = {
    "doctor": lambda client: client.doctor(),
    "jobs": lambda client, state=None: client.jobs(state=state),
    "models": lambda client, operation=None: client.models(operation),
    "spending": lambda client, by="day": client.spending(by),
}
_WORDS: Final = {"true": True, "false": False, "none": None}
_TEXTS: Final = frozenset({"email", "model", "reply_ref", "reply_url", "sound_effect_prompt"})  # never a number
_SWITCHES: Final = frozenset({name for name, rule in SWITCHES.items() if isinstance(rule, Flag)} | {"allow_refused"})


def register_magics(shell: Any) -> None:
    """Add `%pixverse` and `%%pixverse` to an IPython shell, and the completion of their options."""
    shell.register_magic_function(partial(_run_line, shell), "line", NAME)
    shell.register_magic_function(partial(_run_cell, shell), "cell", NAME)
    others = [one for one in shell.Completer.custom_matchers if getattr(one, "matcher_identifier", "") != NAME]
    shell.Completer.custom_matchers = [*others, _matcher(shell)]


def _run_line(shell: Any, line: str) -> Any:
    """Return the table that `%pixverse jobs`, `doctor`, `models` or `spending` names. Nothing is paid."""
    command, *arguments = _split(line) or [""]
    run = _COMMANDS.get(command)
    if run is None:
        hint = did_you_mean(command, tuple(_COMMANDS), plural="commands")
        raise InvalidCall({command or "command": f"is not a command of %{NAME}: {hint}"}, sends=False)
    most = len(inspect.signature(run).parameters) - 1
    if len(arguments) > most:
        raise InvalidCall(
            dict.fromkeys(arguments[most:], f"is one argument too many: %{NAME} {command} takes at most {most}")
        )
    return run(_client(shell), *arguments)


def _run_cell(shell: Any, line: str, cell: str) -> Job:
    """Return the job of a `%%pixverse` cell, new or reused. **A new one spends credits.**"""
    pictures, options = _parse(line)
    client = _client(shell)
    operation = _operation_of(pictures)
    known = _known_options(operation)
    wrong = {name: did_you_mean(name, known, plural="options") for name in options if name not in known}
    if wrong:
        raise InvalidCall({f"--{name}": f"is not an option of %%{NAME}: {hint}" for name, hint in wrong.items()})
    prompt = cell.strip() or None
    if operation is Operation.FRAMES:
        return client.create_frames(*pictures, prompt=prompt, **options)
    if operation is Operation.TRANSITION:
        return client.create_transition(pictures, prompt=prompt, **options)
    return client.create_video(prompt, *pictures, **options)


def _client(shell: Any) -> Client:
    """Return the notebook's own `client`, or the default one."""
    own = shell.user_ns.get("client")
    if isinstance(own, Client):
        return own
    from pixverse_nb.default_client import default_client  # imports the form, which is needed only here

    return default_client()


def _operation_of(pictures: list[str]) -> Operation:
    by_count = (Operation.TEXT, Operation.IMAGE, Operation.FRAMES)
    return by_count[len(pictures)] if len(pictures) < len(by_count) else Operation.TRANSITION


def _known_options(operation: Operation) -> list[str]:
    """Return the names that the call of an operation takes, in the order of its signature."""
    call = {Operation.FRAMES: "create_frames", Operation.TRANSITION: "create_transition"}.get(operation, "create_video")
    parameters = inspect.signature(getattr(Client, call)).parameters.values()
    named = [parameter.name for parameter in parameters if parameter.kind is inspect.Parameter.KEYWORD_ONLY]
    takes_options = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters)
    names = dict.fromkeys((*named, *((*DELIVERY_FIELDS, *CALL_OPTIONS) if takes_options else ())))
    return [name for name in names if name not in ("prompt", "prompts", "durations")]


def _split(line: str) -> list[str]:
    """Return the words of a line; quotes keep spaces, and a backslash is part of a path."""
    words = shlex.shlex(line, posix=True)
    words.whitespace_split = True
    words.escape = words.commenters = ""
    try:
        return list(words)
    except ValueError as error:
        raise InvalidCall({"line": "has a quotation mark that is not closed"}) from error


def _parse(line: str) -> tuple[list[str], dict[str, Any]]:
    """Return the pictures and the options of a line. Raises InvalidCall for an option without its value."""
    pictures: list[str] = []
    options: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    words = _split(line)
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            pictures.append(word)
            continue
        name, has_value, text = word.removeprefix("--").partition("=")
        name = name.replace("-", "_")
        value: Any = _value(name, text)
        if not has_value:
            name, value = _switch(name)
            if value is None and words and not words[0].startswith("--"):
                value = _value(name, words.pop(0))
            elif value is None:
                wrong[f"--{name}"] = "needs a value"
        if name in options:
            wrong[f"--{name}"] = "is given twice"
        options[name] = value
    if wrong:
        raise InvalidCall(wrong)
    return pictures, options


def _switch(name: str) -> tuple[str, bool | None]:
    """Return the name and value of a switch; the value is None if the option is not a switch."""
    if name in _SWITCHES:
        return name, True
    positive = name.removeprefix("no_")
    is_negated = positive != name and (positive in _SWITCHES or positive == "reuse")
    return (positive, False) if is_negated else (name, None)


def _value(name: str, text: str) -> Any:
    """Return an option's value as Python would write it: 7, 2.5, True, None, or a text."""
    if name in _TEXTS:
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


# -- completion ------------------------------------------------------------------------------------------------------


def _matcher(shell: Any) -> Any:
    """Return what completes the lines of the magics for IPython: what Python itself would offer there is left out."""

    by_magic: Mapping[str, Callable[[list[str]], list[str]]] = {
        f"%{NAME}": _complete_line,
        f"%%{NAME}": partial(_complete_cell, shell),
    }

    def match(context: Any) -> dict[str, Any]:
        line = context.text_until_cursor
        words = line.split()
        offered: list[str] = []
        if words and not (len(words) == 1 and line.endswith(words[0])):  # the magic's own name is IPython's business
            done = words[1:] if line[-1].isspace() else words[1:-1]
            complete = by_magic.get(words[0])
            offered = complete(done) if complete is not None else []
        found = [SimpleNamespace(text=one, type="param") for one in offered if one.startswith(context.token)]
        return {"completions": found, "suppress": bool(found), "ordered": True}

    match.matcher_identifier, match.matcher_api_version, match.matcher_priority = NAME, 2, 1000  # type: ignore[attr-defined]
    return match


def _complete_line(done: list[str]) -> list[str]:
    """Return the commands of `%pixverse`, and what each one takes."""
    if not done:
        return list(_COMMANDS)
    taken: Mapping[str, Iterable[str]] = {"jobs": JobState, "models": Operation, "spending": GROUPS}
    return [str(one) for one in taken.get(done[0], ())] if len(done) == 1 else []


def _complete_cell(shell: Any, done: list[str]) -> list[str]:
    """Return the options of the call that the line describes, or the values of the option before the cursor."""
    own = shell.user_ns.get("client")
    catalogue = own.catalogue if isinstance(own, Client) else CATALOGUE  # completion opens no client
    name = done[-1].removeprefix("--").replace("-", "_") if done and done[-1].startswith("--") else ""
    if name and name not in _SWITCHES:
        return _values_of(catalogue, name, done)
    return [f"--{one}" for one in _known_options(_operation_of(_pictures_of(done)))]


def _complete_words(event: Any) -> list[str]:
    """Return the words between the magic and the cursor, without one that is not finished."""
    words: list[str] = event.text_until_cursor.split()[1:]
    return words if event.text_until_cursor[-1:].isspace() else words[:-1]


def _pictures_of(words: Iterable[str]) -> list[str]:
    """Return the pictures among the words of an unfinished line."""
    try:
        return _parse(" ".join(words))[0]
    except InvalidCall:  # not finished
        return []


def _values_of(catalogue: Catalogue, name: str, done: list[str]) -> list[str]:
    """Return the values that the catalogue has for an option."""
    operation = _operation_of(_pictures_of(done[:-1]))
    if name == "model":
        return [spec.name for spec in catalogue.models(operation)]
    named = done[done.index("--model") + 1] if "--model" in done[:-2] else OPERATIONS[operation].default_model
    rule: Rule | None = catalogue.spec(named).fields(operation).get(name)
    return [str(value) for value in rule.values] if isinstance(rule, OneOf) else []
