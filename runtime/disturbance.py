"""Whether a machine was busy with other things while something was timed, from the times themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

LEAST_CPU, MOST_SPREAD, MOST_APART, MOST_OF_PEAK = 0.9, 1.5, 0.2, 1.1
"""A quiet machine stays well within these: a run computes all the time, and runs take as long as one another."""


def disturbances(walls: Sequence[int], cpus: Sequence[int], parts: float, of_peak: float = 0) -> Iterator[str]:
    """What speaks for a busy machine, in words; nothing on a quiet one.

    Args:
        walls: how long each run took, in ns.
        cpus: how long the process computed meanwhile, in ns; more than that with several threads.
        parts: the sum of the median times of the parts of a run, in ns.
        of_peak: what the fastest part reached, as a share of what the peak was measured to be; 0 if it says nothing.
    """
    share, spread = cpu_share(walls, cpus), median(walls) / max(min(walls), 1)
    if share < LEAST_CPU:
        yield f"the process had a processor for {share:.0%} of the time"
    if spread > MOST_SPREAD:
        yield f"half of the steps took {spread:.1f} times the fastest one or more"
    apart = parts / max(median(walls), 1)
    if abs(apart - 1) > MOST_APART:
        yield f"the medians of the parts add up to {apart:.0%} of that of the whole"
    if of_peak > MOST_OF_PEAK:
        yield f"a part was {of_peak:.1f} times as fast as the matrix product that was to show the peak"


def cpu_share(walls: Sequence[int], cpus: Sequence[int]) -> float:
    """The share of the time in which the process computed; above 1 with several threads."""
    return sum(cpus) / max(sum(walls), 1)
