"""Ctrl-C comes late where it was held back, and is not lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from pcapan.interrupts import uninterrupted
from tests.kit.processes import run_code
from tests.samples_kit import sample


@pytest.fixture(autouse=True)
def _heeded() -> Iterator[None]:
    """Ctrl-C as a terminal's process heeds it, however the tests were started."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_what_is_under_way_comes_to_its_end() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        signal.raise_signal(signal.SIGINT)
        done.append("all")
    assert done == ["all"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_nothing_is_raised_where_nothing_came() -> None:
    with uninterrupted():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_is_told_of_before_a_fault() -> None:
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        signal.raise_signal(signal.SIGINT)
        raise RuntimeError("a fault")
    with pytest.raises(RuntimeError), uninterrupted():
        raise RuntimeError("a fault")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_outermost_holds_it() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
        done.append("after the inner")
    assert done


def test_whoever_ignores_it_goes_on_ignoring_it() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with uninterrupted():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_other_threads_are_let_through() -> None:
    done = []

    def work() -> None:
        with uninterrupted():
            done.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [signal.default_int_handler]


@pytest.mark.parametrize("moment", ["msgspec", "ipaddress", "pcapan.scan.walk", "pcapan.pipeline", "typer"])
def test_ctrl_c_while_something_is_loaded_ends_quietly(moment: str) -> None:
    words = ["analyze", str(sample("sa-limit-8")), "-q"] if moment != "typer" else ["--help"]
    code = (
        "import signal, sys\n"
        "from pcapan import __main__ as entry\n"
        "class Watch:\n"
        "    @staticmethod\n"
        "    def find_spec(name, path=None, target=None):\n"
        f"        if name == {moment!r}:\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        f"sys.modules.pop({moment!r}, None)\n"
        "sys.meta_path.insert(0, Watch)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"sys.argv = ['pcapan', *{words!r}]\n"
        "entry.main()\n"
    )
    done = run_code(code)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
