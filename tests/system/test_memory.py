"""What a process holds, as three systems tell it."""

import ctypes
import sys
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from wabot_tray.system import memory


class Call:
    """A function of a C library that does what the test says."""

    def __init__(self, act: Any) -> None:
        self.act = act
        self.restype: Any = None

    def __call__(self, *arguments: Any) -> Any:
        return self.act(*arguments)


def test_this_process_holds_what_the_system_says() -> None:
    told = memory.resident_bytes()
    assert told == pytest.approx(psutil.Process().memory_info().rss, rel=0.1)


def test_linux_counts_pages() -> None:
    assert memory._linux("60000 17500 9000 1 0 30000 0\n", 4096) == 17500 * 4096


@pytest.mark.parametrize("fails", [False, True])
def test_macos_is_asked_for_what_is_resident_now(fails: bool) -> None:
    def task_info(task: Any, kind: Any, info: Any, words: Any) -> int:
        assert (task.value, kind.value, words._obj.value) == (259, 20, 12)
        info._obj.resident_size = 71_000_000
        return 5 if fails else 0

    system = SimpleNamespace(mach_task_self=Call(lambda: 259), task_info=Call(task_info))
    assert memory._macos(system) == (0 if fails else 71_000_000)


@pytest.mark.parametrize("works", [1, 0])
def test_windows_is_asked_for_the_working_set(works: int) -> None:
    def info(process: Any, counters: Any, size: Any) -> int:
        assert process.value == ctypes.c_void_p(-1).value
        assert size.value == counters._obj.cb == ctypes.sizeof(memory.ProcessMemoryCounters)
        counters._obj.working_set_size = 72_000_000
        return works

    kernel = SimpleNamespace(GetCurrentProcess=Call(lambda: -1), K32GetProcessMemoryInfo=Call(info))
    assert memory._windows(kernel) == (72_000_000 if works else 0)


@pytest.mark.parametrize("platform", ["win32", "darwin", "plan9"])
def test_system_that_does_not_say_is_no_fault(platform: str) -> None:
    if sys.platform == platform:
        assert memory.resident_bytes(platform) > 0
    else:
        assert memory.resident_bytes(platform) == 0
