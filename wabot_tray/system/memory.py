"""How much memory this process holds."""

import ctypes
import os
import sys
from pathlib import Path
from typing import Any, Final

_STATM: Final = Path("/proc/self/statm")
_MACH_TASK_BASIC_INFO: Final = 20


def resident_bytes(platform: str = sys.platform) -> int:
    """Return the bytes of this process that are in RAM, or 0 where the system does not say."""
    try:
        if platform.startswith("linux"):
            return _linux(_STATM.read_text(encoding="ascii"), os.sysconf("SC_PAGE_SIZE"))
        if platform == "darwin":
            return _macos(ctypes.CDLL(None))
        if platform == "win32":
            return _windows(getattr(ctypes, "WinDLL")("kernel32"))  # noqa: B009 - Windows alone
    except (OSError, ValueError, AttributeError, IndexError):
        return 0
    return 0


def _linux(statm: str, page_bytes: int) -> int:
    return int(statm.split()[1]) * page_bytes


class TaskInfo(ctypes.Structure):
    """`mach_task_basic_info` of macOS."""

    _pack_ = 4
    _fields_ = (
        ("virtual_size", ctypes.c_uint64),
        ("resident_size", ctypes.c_uint64),
        ("resident_size_max", ctypes.c_uint64),
        ("user_time", ctypes.c_int32 * 2),
        ("system_time", ctypes.c_int32 * 2),
        ("policy", ctypes.c_int32),
        ("suspend_count", ctypes.c_int32),
    )


def _macos(system: Any) -> int:
    """Ask the kernel; getrusage would only tell the most there ever was."""
    info = TaskInfo()
    words = ctypes.c_uint32(ctypes.sizeof(info) // 4)
    system.mach_task_self.restype = ctypes.c_uint32
    task = ctypes.c_uint32(system.mach_task_self())
    kind = ctypes.c_uint32(_MACH_TASK_BASIC_INFO)
    failed = system.task_info(task, kind, ctypes.byref(info), ctypes.byref(words))
    return 0 if failed else int(info.resident_size)


class ProcessMemoryCounters(ctypes.Structure):
    """`PROCESS_MEMORY_COUNTERS` of Windows."""

    _fields_ = (
        ("cb", ctypes.c_uint32),
        ("page_fault_count", ctypes.c_uint32),
        ("peak_working_set_size", ctypes.c_size_t),
        ("working_set_size", ctypes.c_size_t),
        ("quota_peak_paged_pool_usage", ctypes.c_size_t),
        ("quota_paged_pool_usage", ctypes.c_size_t),
        ("quota_peak_non_paged_pool_usage", ctypes.c_size_t),
        ("quota_non_paged_pool_usage", ctypes.c_size_t),
        ("pagefile_usage", ctypes.c_size_t),
        ("peak_pagefile_usage", ctypes.c_size_t),
    )


def _windows(kernel: Any) -> int:
    counters = ProcessMemoryCounters()
    counters.cb = ctypes.sizeof(counters)
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    process = ctypes.c_void_p(kernel.GetCurrentProcess())
    size = ctypes.c_uint32(counters.cb)
    worked = kernel.K32GetProcessMemoryInfo(process, ctypes.byref(counters), size)
    return int(counters.working_set_size) if worked else 0
