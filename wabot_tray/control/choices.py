"""What may become of each account of a backup on this computer."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from wabot_tray.core.accounts import LONGEST_LABEL, suggested_id
from wabot_tray.storage.backup_file import Index
from wabot_tray.storage.registry import Account
from wabot_tray.storage.restore import Wish


class Choice(StrEnum):
    """What a person may decide for one account."""

    RESTORE = "restore"  # nothing here has its id
    REPLACE = "replace"  # what is here is put aside
    BESIDE = "beside"  # under another id; both stay
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One account of a backup, beside what is here.

    Args:
        account: As it was.
        is_linked: Whether it will connect without a new code.
        here: The account of the same id here, if there is one.
        options: What can be done, the best guess first.
    """

    account: Account
    is_linked: bool
    here: Account | None
    options: tuple[Choice, ...]


def candidates(index: Index, here: Iterable[Account]) -> tuple[Candidate, ...]:
    """Return what can be restored; an account here that has its phone stays by default."""
    known = {account.id: account for account in here}
    found = []
    for account in index.accounts:
        is_linked = account.paired and account.id in index.linked
        there = known.get(account.id)
        options: tuple[Choice, ...]
        if there is None:
            options = (Choice.RESTORE, Choice.SKIP)
        elif there.paired:
            options = (Choice.SKIP, Choice.REPLACE, Choice.BESIDE)
        else:
            options = (Choice.REPLACE, Choice.SKIP, Choice.BESIDE)
        found.append(Candidate(account, is_linked, there, options))
    return tuple(found)


def wish_for(
    candidate: Candidate,
    choice: Choice,
    here: Collection[Account],
    *,
    target: str = "",
    taken: Collection[str] = (),
) -> Wish | None:
    """Return what a choice comes to; None for an account that is left out.

    One phone's link must not run twice, not even on one computer: what comes to stand beside an
    account of the same number begins switched off.

    Args:
        candidate: The account.
        choice: What was chosen.
        here: The accounts here.
        target: The id for `BESIDE`; "" finds one.
        taken: More ids that are not free.
    """
    account = candidate.account
    if choice is Choice.SKIP:
        return None
    ids = {one.id for one in here} | set(taken)
    label = ""
    if choice is Choice.BESIDE:
        target = target or suggested_id(account.id, ids)
        label = f"{account.label or account.id} ({target})"[:LONGEST_LABEL]
    else:
        target = account.id
    stays = [one for one in here if one.id != target and one.paired]
    is_double = account.phone is not None and any(one.phone == account.phone for one in stays)
    return Wish(source=account.id, target=target, label=label, enabled=False if is_double else None)
