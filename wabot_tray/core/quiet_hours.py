"""The hours of the day in which nobody wants to be told anything."""

import re
from dataclasses import dataclass
from datetime import time
from typing import Final, Self

_FORM: Final = re.compile(r"\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `begin` up to but not at `end`, over midnight where `end` is the earlier one."""

    begin: time
    end: time

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the hours in a text like "22:00-07:00", or None for an empty text.

        Raises:
            ValueError: It is no two times of day, or twice the same.
        """
        if not text.strip():
            return None
        if (found := _FORM.fullmatch(text)) is None:
            raise ValueError("not like 22:00-07:00")
        hours = [int(part) for part in found.groups()]
        begin, end = time(hours[0], hours[1]), time(hours[2], hours[3])
        if begin == end:
            raise ValueError("begins when it ends")
        return cls(begin, end)

    def cover(self, moment: time) -> bool:
        """Whether `moment`, a local time of day, is quiet."""
        if self.begin < self.end:
            return self.begin <= moment < self.end
        return moment >= self.begin or moment < self.end

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"
