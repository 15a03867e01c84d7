"""The arguments of public methods: they are checked by the same rules as the fields of a request."""

import contextlib
import errno
import functools
import inspect
import itertools
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from inspect import Parameter
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from pixverse_nb.domain.validation import Function, Integer, Number, OneOf, Rule, Text, unknown_fields, validate
from pixverse_nb.errors import (
    FileError,
    FileExists,
    FileMissing,
    InvalidCall,
    InvalidRequest,
    show_interrupt_folded,
)

C = TypeVar("C", bound=type)
F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

TIMEOUT: Final = Number(0, math.inf, "a number of seconds from 0 on, or None for no limit", default=None)
COUNT: Final = Integer(0, 2**53)  # what JSON and SQLite both store
BUDGET: Final = Integer(0, 2**53, default=None, note=", or None for no limit")
ANY_INTEGER: Final = Integer(-(2**53), 2**53)
Reuse = bool | Literal["any"]  # "any": also from another home of this machine
REUSE: Final = OneOf((True, False, "any"))
CALLBACK: Final = Function(1)  # is given the job
PLAIN_CALLBACK: Final = Function(0)
NOTE: Final = Text(10_000)
TITLE_MAX: Final = 500
MAX_CELLS: Final = 1000  # of a sweep: the default of `most_cells`
MOST_LISTED: Final = 10_000  # an endless iterator must not fill the memory


def checked(given: Mapping[str, Any], rules: Mapping[str, Rule], *, sends: bool = False) -> dict[str, Any]:
    """Return arguments as plain values. Raises InvalidRequest, which names every wrong one.

    `sends` is whether the call would send something, as for InvalidRequest.

    >>> checked({"limit": True}, {"limit": Integer(1, 9)})
    Traceback (most recent call last):
    pixverse_nb.errors.InvalidRequest: 1 argument is wrong.
      limit: must be a whole number from 1 to 9, not True
    """
    valid, wrong = validate(rules, given)
    if wrong:
        raise InvalidRequest(wrong, sends=sends)
    return valid


def as_path(given: object, *, name: str = "path") -> Path:
    """Return a path argument with `~` expanded. Raises InvalidRequest if no file can have this name."""
    if not isinstance(given, str | os.PathLike):
        problem = f"must be a path, not {type(given).__name__}"
    else:
        try:
            text = os.fsdecode(given)
            os.fsencode(text)
            if not text or "\0" in text:
                problem = "is empty" if not text else "contains a null character"
            elif is_too_long(path := Path(text).expanduser()):
                problem = f"is longer than this file system allows ({text:.40}…)"
            else:
                return path
        except (RuntimeError, TypeError, ValueError) as error:  # a user's home that is not known, half a character
            problem = f"is not a usable path ({error})"
    raise InvalidRequest({name: problem}, sends=False)


def is_too_long(path: Path) -> bool:
    """Return whether no file of this machine can have this path, because it or a name in it is too long."""
    try:
        path.lstat()
    except OSError as error:
        return error.errno == errno.ENAMETOOLONG
    return False


def listed(values: Iterable[T], *, name: str, most: int = MOST_LISTED) -> list[T]:
    """Return the values of an argument that may be anything iterable. Raises InvalidRequest for too many of them."""
    try:
        found = list(itertools.islice(values, most + 1))
    except TypeError:  # numpy's arrays without a dimension
        problem = f"must be a list, not {type(values).__name__}"
    else:
        if len(found) <= most:
            return found
        problem = f"has more than {most} entries"
    raise InvalidRequest({name: problem}, sends=False)


@contextlib.contextmanager
def file_errors(path: Path, act: str) -> Iterator[None]:
    """Raise FileError (FileExists, FileMissing) for an OSError of the block; `act` is "read" or "written"."""
    try:
        yield
    except FileError:
        raise
    except OSError as error:
        kind = {FileExistsError: FileExists, FileNotFoundError: FileMissing}.get(type(error), FileError)
        found = kind(
            f"{path.absolute()} cannot be {act} ({error.strerror or error}). Check the path, its folder and the disk."
        )
        found.errno = error.errno
        raise found from error


# -- the calls themselves --------------------------------------------------------------------------------------------


def public_class(*, hides: Iterable[str] = (), checks_init: bool = True) -> Callable[[C], C]:
    """Make a class one that people use: a wrong call raises InvalidCall, and completion offers its public names only.

    `hides` are public names that only our own code calls; the methods of a list or a tuple are hidden too.
    `checks_init=False` is for classes of which there are thousands, and which only our own code makes.
    """

    def decorate(cls: C) -> C:
        hidden = {*hides, *(dir(list) if issubclass(cls, list) else dir(tuple) if issubclass(cls, tuple) else ())}

        def names(self: object) -> list[str]:
            return [name for name in object.__dir__(self) if not name.startswith("_") and name not in hidden]

        for name, member in tuple(vars(cls).items()):
            if name.startswith("_") and not (name == "__init__" and checks_init):
                continue
            if inspect.isfunction(member):
                setattr(cls, name, public_function(member))
            elif isinstance(member, classmethod):
                setattr(cls, name, classmethod(public_function(member.__func__)))
        cls.__dir__ = names  # type: ignore[assignment]  # as `def __dir__` in the class would
        return cls

    return decorate


def public_function(function: F) -> F:
    """Return a function that raises InvalidCall for an argument that is unknown, missing or one too many.

    >>> @public_function
    ... def show(video, loop=False): ...
    >>> show("a.mp4", lop=True)
    Traceback (most recent call last):
    pixverse_nb.errors.InvalidCall: 1 argument is wrong.
      lop: is not an argument of show(): did you mean 'loop'?
    """
    signature = functools.cache(functools.partial(inspect.signature, function))  # slow: there are hundreds

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if wrong := _wrong_call(function.__name__, signature(), args, kwargs):
            del args, kwargs
            raise InvalidCall(wrong, sends=False)
        given: list[Any] = [kwargs, args]
        del args, kwargs  # a verbose traceback prints the variables of this frame, and one may be a token
        try:
            return function(*given.pop(), **given.pop())
        except KeyboardInterrupt as interrupt:
            show_interrupt_folded(interrupt)
            raise

    if names := getattr(function, "named_keywords", None):
        call.__signature__ = _with_keywords(signature(), names)  # type: ignore[attr-defined]  # what `inspect` reads
    return call  # type: ignore[return-value]  # the same signature


def named_keywords(names: Mapping[str, object]) -> Callable[[F], F]:
    """Make a public function that takes `**keywords` show these names with their defaults in its signature.

    Completion and help read the signature. The call itself does not change.
    """

    def decorate(function: F) -> F:
        function.named_keywords = names  # type: ignore[attr-defined]  # what `public_function` reads
        return function

    return decorate


def _with_keywords(signature: inspect.Signature, names: Mapping[str, object]) -> inspect.Signature:
    """Return a signature with these names before its `**keywords`."""
    *parameters, keywords = signature.parameters.values()
    added = [Parameter(name, Parameter.KEYWORD_ONLY, default=default) for name, default in names.items()]
    known = [added_one for added_one in added if added_one.name not in signature.parameters]
    return signature.replace(parameters=[*parameters, *known, keywords])


def _wrong_call(
    name: str, signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, str]:
    """Return the problem with each argument that the function does not take, or lacks."""
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        problem = str(error)
    else:
        return {}
    parameters = signature.parameters.values()
    kinds = {parameter.kind for parameter in parameters}
    called = f"{name}()" if name != "__init__" else "this class"
    by_name = [parameter.name for parameter in parameters if parameter.kind in _BY_NAME and parameter.name != "self"]
    if Parameter.VAR_KEYWORD not in kinds and (
        wrong := unknown_fields(kwargs, by_name, what=f"an argument of {called}", plural="arguments")
    ):
        return wrong
    by_position = [parameter.name for parameter in parameters if parameter.kind in _BY_POSITION]
    if Parameter.VAR_POSITIONAL not in kinds and len(args) > len(by_position):
        only_by_name = [parameter.name for parameter in parameters if parameter.kind is Parameter.KEYWORD_ONLY]
        hint = f"pass the others by name ({', '.join(only_by_name)})" if only_by_name else "leave the others out"
        count = len(set(by_position) - {"self", "cls"})
        return {"arguments": f"{called} takes {count} without a name: {hint}"}
    missing = [
        parameter.name
        for parameter in tuple(parameters)[len(args) :]
        if parameter.default is Parameter.empty and parameter.name not in kwargs and parameter.kind not in _ANY_NUMBER
    ]
    return dict.fromkeys(missing, "is missing") or {"arguments": problem}


_BY_NAME: Final = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY, Parameter.VAR_POSITIONAL)
_BY_POSITION: Final = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_ANY_NUMBER: Final = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
