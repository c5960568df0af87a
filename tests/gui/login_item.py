"""Starting at login, without a system that does it."""


class FakeLoginItem:
    """Remembers what was chosen; `problem` is raised instead where there is one."""

    def __init__(self, *, enabled: bool = False) -> None:
        self.enabled = enabled
        self.problem: OSError | None = None

    def is_enabled(self) -> bool:
        return self.enabled

    def enable(self) -> None:
        self._set(wanted=True)

    def disable(self) -> None:
        self._set(wanted=False)

    def _set(self, *, wanted: bool) -> None:
        if self.problem is not None:
            raise self.problem
        self.enabled = wanted
