"""What psutil says about this machine, as plain values: read here, worded in `machine.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

MAX_DISKS = 4
MAX_PROCESSES = 5


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One point of the chart."""

    at: datetime
    """UTC."""
    cpu_percent: float
    memory_percent: float
    disk_percent: float


@dataclass(frozen=True, kw_only=True)
class CpuLoad:
    """How busy the processors are."""

    percent: float
    """Of all cores together, since the reading before."""
    mean_percent: float
    peak_percent: float
    """Both over the samples that were kept."""
    cores: int
    load_average: tuple[float, float, float] | None
    """Over 1, 5 and 15 minutes; None where the system has no such figure."""
    up_seconds: int
    """Since the machine was started."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Main memory and swap, in bytes."""

    total: int
    available: int
    percent: float
    swap_total: int
    swap_used: int


@dataclass(frozen=True, kw_only=True)
class Disk:
    """One file system, sizes in bytes."""

    mount: str
    total: int
    free: int
    percent: float


@dataclass(frozen=True, kw_only=True)
class Process:
    """One process."""

    pid: int
    name: str
    cpu_percent: float
    """Of one core, so 200 is two cores; since the reading before."""
    memory: int
    """Resident bytes."""


def sample(now: datetime) -> Sample:
    """The figures of this moment; the CPU's since the last call in the same thread."""
    return Sample(
        at=now,
        cpu_percent=psutil.cpu_percent(interval=None),
        memory_percent=psutil.virtual_memory().percent,
        disk_percent=psutil.disk_usage(_root()).percent,
    )


def cpu_load(samples: Sequence[Sample]) -> CpuLoad:
    """What the samples (at least one, oldest first) say about the CPU, with the load averages beside it."""
    percents = [each.cpu_percent for each in samples]
    load_average: tuple[float, float, float] | None
    try:
        one, five, fifteen = psutil.getloadavg()
        load_average = (round(one, 2), round(five, 2), round(fifteen, 2))
    except (AttributeError, OSError):
        load_average = None
    return CpuLoad(
        percent=percents[-1],
        mean_percent=round(sum(percents) / len(percents), 1),
        peak_percent=max(percents),
        cores=psutil.cpu_count() or 1,
        load_average=load_average,
        up_seconds=int(samples[-1].at.timestamp() - psutil.boot_time()),
    )


def memory() -> Memory:
    """Main memory and swap now."""
    main = psutil.virtual_memory()
    try:
        swap = psutil.swap_memory()
        swap_total, swap_used = swap.total, swap.used
    except (OSError, RuntimeError):  # Some containers and sandboxes hide /proc/vmstat.
        swap_total = swap_used = 0
    return Memory(
        total=main.total,
        available=main.available,
        percent=main.percent,
        swap_total=swap_total,
        swap_used=swap_used,
    )


def disks() -> Sequence[Disk]:
    """The root file system first, then other devices, each device once and at most MAX_DISKS in all."""
    mounts = [_root()]
    devices: set[str] = set()
    for partition in psutil.disk_partitions(all=False):
        if partition.mountpoint == _root():
            devices.add(partition.device)
        # Containers mount single files (/etc/hosts) from a device: those are no disks to a person.
        elif partition.device not in devices and Path(partition.mountpoint).is_dir():
            devices.add(partition.device)
            mounts.append(partition.mountpoint)
    found = []
    for mount in mounts[:MAX_DISKS]:
        try:
            usage = psutil.disk_usage(mount)
        except OSError:  # Not ours to look into, or gone.
            continue
        if usage.total:
            found.append(Disk(mount=mount, total=usage.total, free=usage.free, percent=usage.percent))
    return found


def top_processes() -> Sequence[Process]:
    """The busiest processes, by CPU, then by memory."""
    found = []
    for process in psutil.process_iter(["pid", "name", "cpu_percent", "memory_info"]):
        info = process.info
        if info["memory_info"] is None:  # Access denied.
            continue
        found.append(
            Process(
                pid=info["pid"],
                name=info["name"] or "?",
                cpu_percent=info["cpu_percent"] or 0.0,
                memory=info["memory_info"].rss,
            )
        )
    found.sort(key=lambda process: (process.cpu_percent, process.memory), reverse=True)
    return found[:MAX_PROCESSES]


def size(count: int) -> str:
    """Bytes for people: `size(1_500_000_000)` is "1.5 GB"."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if value >= 100 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _root() -> str:
    return Path.home().anchor or "/"
