"""The list of accounts: kept apart from their credentials, so that it survives a logout."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from wabot_tray.core.accounts import checked_id
from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.errors import AccountError, SettingsError
from wabot_tray.core.proxies import AS_SET, checked_proxy
from wabot_tray.storage.documents import Document

_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account as the person knows it. Times are aware UTC."""

    id: str
    label: str = ""
    phone: str | None = None  # digits, international form; None before the first pairing
    enabled: bool = True
    paired: bool = False
    created: datetime
    last_connected: datetime | None = None
    proxy: str = AS_SET  # its own way to WhatsApp; see core/proxies.py
    phone_seen: datetime | None = None  # its last sign of life
    phone_owes: datetime | None = None  # a reply it has not confirmed since then
    codes: tuple[datetime, ...] = ()  # when the newest codes to type were given (core/codes.py)
    extra: Mapping[str, Any] = field(default_factory=dict)  # fields we do not know, kept


class Registry:
    """The accounts of one data folder, in the order they were added.

    Every change is on the disk when its call returns; where that fails, nothing has changed.
    """

    def __init__(self, path: Path, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._document = Document(path, _VERSION, _parse, clock=clock)
        self._clock = clock
        self._accounts: dict[str, Account] = {}
        self._extra: dict[str, Any] = {}

    def load(self) -> tuple[Account, ...]:
        """Read the file and return the accounts; a missing file is an empty list.

        A broken file is set aside and its copy used (see Document).

        Raises:
            BrokenFileError: The file and its copy cannot be read.
            NewerFileError: A newer version of this program wrote it.
            VaultError: The disk refuses.
        """
        found = self._document.load()
        self._accounts, self._extra = found if found is not None else ({}, {})
        return self.all()

    def all(self) -> tuple[Account, ...]:
        """Return every account, oldest first."""
        return tuple(self._accounts.values())

    def get(self, account_id: str) -> Account:
        """Return one account.

        Raises:
            AccountError: There is none with this id.
        """
        try:
            return self._accounts[account_id]
        except KeyError:
            raise AccountError("error.account_unknown", id=account_id[:80]) from None

    def add(self, account_id: str, *, label: str = "", enabled: bool = True) -> Account:
        """Add an account and return it.

        Raises:
            AccountError: The id is refused or taken.
            VaultError: It could not be saved.
        """
        if checked_id(account_id) in self._accounts:
            raise AccountError("error.account_taken", id=account_id)
        account = Account(id=account_id, label=label, enabled=enabled, created=self._clock.now())
        self._save(self._accounts | {account_id: account})
        return account

    def update(self, account_id: str, **changes: Any) -> Account:
        """Change fields of an account and return it; no change writes nothing.

        Raises:
            AccountError: There is none with this id.
            TypeError: A field does not exist or cannot be changed (`id`).
            VaultError: It could not be saved.
        """
        if "id" in changes:
            raise TypeError("an account keeps its id")
        before = self.get(account_id)
        account = dataclasses.replace(before, **changes)
        if account != before:
            self._save(self._accounts | {account_id: account})
        return account

    def put(self, accounts: Iterable[Account]) -> None:
        """Add accounts, or replace those of the same ids where they stand. One write for all.

        Raises:
            VaultError: It could not be saved.
        """
        self._save(self._accounts | {account.id: account for account in accounts})

    def remove(self, account_id: str) -> None:
        """Take an account off the list; its files are somebody else's business.

        Raises:
            AccountError: There is none with this id.
            VaultError: It could not be saved.
        """
        self.get(account_id)
        self._save({key: value for key, value in self._accounts.items() if key != account_id})

    def __contains__(self, account_id: object) -> bool:
        return account_id in self._accounts

    def __iter__(self) -> Iterator[Account]:
        return iter(self.all())

    def __len__(self) -> int:
        return len(self._accounts)

    def _save(self, accounts: dict[str, Account]) -> None:
        listed = [account_values(account) for account in accounts.values()]
        self._document.save(self._extra | {"accounts": listed})
        self._accounts = accounts


def account_values(account: Account) -> dict[str, Any]:
    """Return an account as JSON knows it."""
    moments = {
        "last_connected": account.last_connected,
        "phone_seen": account.phone_seen,
        "phone_owes": account.phone_owes,
    }
    codes = {"codes": [moment.isoformat() for moment in account.codes]} if account.codes else {}
    return {
        **account.extra,
        **codes,
        "id": account.id,
        "label": account.label,
        "phone": account.phone,
        "enabled": account.enabled,
        "paired": account.paired,
        "created": account.created.isoformat(),
        **({"proxy": account.proxy} if account.proxy else {}),
        **{name: moment and moment.isoformat() for name, moment in moments.items()},
    }


def _parse(values: dict[str, Any]) -> tuple[dict[str, Account], dict[str, Any]]:
    accounts = [account_from(dict(entry)) for entry in values["accounts"]]
    by_id = {account.id: account for account in accounts}
    if len(by_id) != len(accounts):
        raise ValueError("two accounts with one id")
    extra = {key: value for key, value in values.items() if key not in ("version", "accounts")}
    return by_id, extra


def account_from(entry: dict[str, Any]) -> Account:
    """Return the account in `entry`, which is used up.

    Raises:
        ValueError: It is none (or KeyError, TypeError).
    """
    try:
        account_id = checked_id(entry.pop("id"))
    except AccountError as error:
        raise ValueError(str(error)) from error
    proxy = _proxy(entry)
    names = ("last_connected", "phone_seen", "phone_owes")
    moments = {name: entry.pop(name, None) for name in names}
    codes = _of(list, entry.pop("codes", []))
    return Account(
        id=account_id,
        label=_of(str, entry.pop("label", "")),
        phone=_phone(entry.pop("phone", None)),
        enabled=_of(bool, entry.pop("enabled", True)),
        paired=_of(bool, entry.pop("paired", False)),
        created=_time(entry.pop("created")),
        proxy=proxy,
        **{name: None if text is None else _time(text) for name, text in moments.items()},
        codes=tuple(_time(moment) for moment in codes),
        extra=entry,
    )


def _of(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _proxy(entry: dict[str, Any]) -> str:
    """Take the account's way out of `entry`; one that we do not know stays there, unused."""
    try:
        proxy = checked_proxy(entry.get("proxy", AS_SET), of_account=True)
    except SettingsError:
        return AS_SET
    entry.pop("proxy", None)
    return proxy


def _phone(value: Any) -> str | None:
    return None if value is None else str(_of(str, value))


def _time(value: Any) -> datetime:
    moment = datetime.fromisoformat(_of(str, value))
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment.astimezone(UTC)
