"""Which patch is taken for nested loops, and where none is safe: pure choices, then real processes."""

import subprocess
import sys

import pytest

from pixverse_nb.errors import ConfigError
from pixverse_nb.event_loop import AsyncioEnvironment, choose_patch

NESTED = """
import asyncio
from pixverse_nb.event_loop import enable_nested_asyncio
async def five():
    await asyncio.sleep(0)
    return 5
async def main():
    enable_nested_asyncio()
    print(asyncio.run(five()), asyncio.run(five()))
{before}
asyncio.run(main())
"""


@pytest.mark.parametrize("ipykernel", [None, "6.31.0", "7.0.1", "7.1.0", "7.4.0"])
def test_nest_asyncio2_is_taken_where_it_is_new_enough(ipykernel: str | None) -> None:
    """From 1.7.3 on nest_asyncio2 is the choice, whatever the kernel."""
    assert choose_patch(AsyncioEnvironment(ipykernel, "1.7.3", "1.6.0")) == "nest_asyncio2"


@pytest.mark.parametrize("ipykernel", [None, "6.31.0", "7.0.1"])
@pytest.mark.parametrize("nest_asyncio2", [None, "1.7.2"])
def test_nest_asyncio_is_taken_where_no_cell_can_get_lost(ipykernel: str | None, nest_asyncio2: str | None) -> None:
    """Outside kernels and on ipykernel before 7.1 nest_asyncio will do."""
    assert choose_patch(AsyncioEnvironment(ipykernel, nest_asyncio2, "1.6.0")) == "nest_asyncio"


@pytest.mark.parametrize("ipykernel", ["7.1.0", "7.4.0", "8.0.0a1", "10.0"])
@pytest.mark.parametrize("nest_asyncio2", [None, "1.7.2"])
def test_a_lossy_kernel_is_refused_with_the_mend(ipykernel: str, nest_asyncio2: str | None) -> None:
    """From ipykernel 7.1 on, without a good nest_asyncio2, the refusal names the version and what to install."""
    with pytest.raises(ConfigError, match=rf"ipykernel {ipykernel} .*nest-asyncio2>=1\.7\.3"):
        choose_patch(AsyncioEnvironment(ipykernel, nest_asyncio2, "1.6.0"))


def test_nothing_installed_is_refused_with_the_mend() -> None:
    """Without either package the refusal says what to install."""
    with pytest.raises(ConfigError, match=r"nest-asyncio2>=1\.7\.3"):
        choose_patch(AsyncioEnvironment(None, None, None))


@pytest.mark.parametrize(("applied", "nest_asyncio2"), [("nest_asyncio", "1.7.4"), ("nest_asyncio2", "1.7.2")])
def test_an_unsafe_patch_of_others_is_named(applied: str, nest_asyncio2: str) -> None:
    """What others applied on a lossy kernel cannot be taken back, so it is refused and a restart is asked for."""
    with pytest.raises(ConfigError, match=rf"^{applied} has already been applied .*Restart the kernel"):
        choose_patch(AsyncioEnvironment("7.4.0", nest_asyncio2, "1.6.0", applied=applied))


@pytest.mark.parametrize(
    ("applied", "ipykernel"), [("nest_asyncio", None), ("nest_asyncio", "6.31.0"), ("nest_asyncio2", "7.4.0")]
)
def test_a_safe_patch_that_is_there_is_left_alone(applied: str, ipykernel: str | None) -> None:
    """Where asyncio is already patched and nothing can get lost, nothing more is applied."""
    assert choose_patch(AsyncioEnvironment(ipykernel, "1.7.4", "1.6.0", applied=applied)) is None


@pytest.mark.parametrize("before", ["", "import nest_asyncio; nest_asyncio.apply()"])
def test_a_script_can_nest_afterwards(before: str) -> None:
    """In a plain process asyncio.run() works inside a running loop afterwards, also where nest_asyncio came first."""
    done = subprocess.run(
        [sys.executable, "-c", NESTED.format(before=before)], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("5 5\n", "")


def test_a_loop_that_cannot_be_patched_is_a_config_error() -> None:
    """A loop of another make (uvloop is one) gives one sentence with the mend, not a traceback of the patch."""
    code = """
import asyncio
from pixverse_nb.errors import ConfigError
from pixverse_nb.event_loop import enable_nested_asyncio
class Foreign(asyncio.AbstractEventLoop):
    def close(self): pass
asyncio.set_event_loop(Foreign())
try:
    enable_nested_asyncio()
except ConfigError as error:
    print("await" in str(error))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "True\n", done.stderr
