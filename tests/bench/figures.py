"""Figures with the measurements behind them, and the tables they make."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True, kw_only=True)
class Figure:
    """One thing that was measured, ours and perhaps a bare counterpart.

    Args:
        name: What.
        unit: Of both.
        ours: Our measurements.
        bare: Those of the counterpart, taken in turns with ours; empty where there is none.
        beside: What the counterpart is.
        goal: What we want, in words; empty where nothing was promised.
        limit: What keeps it from being less, in a sentence.
        digits: After the point.
    """

    name: str
    unit: str
    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    beside: str = ""
    goal: str = ""
    limit: str = ""
    digits: int = 2

    @property
    def ratio(self) -> float | None:
        """Our median over the other's; None where there is no other, or it is lost in the noise."""
        if not self.ours or not self.bare or (other := statistics.median(self.bare)) <= 0:
            return None
        return statistics.median(self.ours) / other

    def row(self) -> list[str]:
        """Return the line of the table."""
        ratio = self.ratio
        return [
            f"{self.name}, {self.unit}",
            self._told(self.ours),
            f"{self._told(self.bare)} ({self.beside})" if self.bare else "-",
            f"{ratio:.2f}" if ratio is not None else "-",
            self.goal or "-",
        ]

    def as_json(self) -> dict[str, Any]:
        """Return everything, with the medians worked out."""
        medians = {
            f"{side}_median": statistics.median(values) if values else None
            for side, values in (("ours", self.ours), ("bare", self.bare))
        }
        return {**asdict(self), **medians, "ratio": self.ratio}

    def _told(self, values: Sequence[float]) -> str:
        if not values:
            return "-"
        middle = f"{statistics.median(values):.{self.digits}f}"
        if len(values) == 1:
            return middle
        return f"{middle} ({min(values):.{self.digits}f} to {max(values):.{self.digits}f})"


def quantile(values: Sequence[float], part: float) -> float:
    """Return the value that `part` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
