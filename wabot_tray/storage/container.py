"""session.vault: an SQLite file whose rows are sealed pages of another SQLite database.

    pages(number, generation, sealed)   one row for each page of the live database
    manifest(id, key_check, sealed)     one row, which says what the pages must be

SQLite gives the one transaction that a seal is; AES-256-GCM says that every byte of a page is the
one that was sealed, for this account, this page and this generation; the manifest's digest, a XOR
of a keyed hash of every row, says that all rows are there and of that generation, and costs as
much to renew as rows have changed.
"""

import contextlib
import hashlib
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from wabot_tray.core.errors import VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.files import storage_errors, sync_file, sync_folder
from wabot_tray.storage.sealing import Seal, UnsealError, subkey

log = logging.getLogger(__name__)

FORMAT: Final = 1
_APPLICATION: Final = 0x57425654  # "WBVT"
_TABLES: Final = {
    "pages": "CREATE TABLE pages (number INTEGER PRIMARY KEY, "
    "generation INTEGER NOT NULL, sealed BLOB NOT NULL)",
    "manifest": "CREATE TABLE manifest (id INTEGER PRIMARY KEY, "
    "key_check BLOB NOT NULL, sealed BLOB NOT NULL)",
}
_PUT_PAGE: Final = "INSERT OR REPLACE INTO pages VALUES (?, ?, ?)"
_PUT_MANIFEST: Final = "INSERT OR REPLACE INTO manifest VALUES (1, ?, ?)"
_DIGEST_BYTES: Final = 32
# What SQLite says when the disk, not the file, is at fault.
_UNWRITABLE: Final = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
}
_UNREADABLE: Final = frozenset({sqlite3.SQLITE_IOERR})  # a bad sector: another copy may be sound


class DamagedContainerError(Exception):
    """The file is no container, or SQLite cannot make sense of it any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What the pages of a container are.

    Args:
        generation: Counts the seals of this account.
        page_size: Of the live database, in bytes.
        page_count: How many rows there are.
        digest: XOR of the mark of every row.
        live_id: The live database that was sealed.
        sealed_at: ISO time, UTC; for people.
    """

    generation: int
    page_size: int
    page_count: int
    digest: int
    live_id: str
    sealed_at: str


@dataclass(frozen=True, slots=True)
class Row:
    """One sealed page."""

    number: int
    generation: int
    sealed: bytes


@dataclass(slots=True)
class Contents:
    """What could be read of a container.

    Args:
        manifest: None where it is missing or does not unseal.
        rows: Every row that could be read, unsealed or not.
        faults: What is wrong with the file, for the log; empty for a sound one.
        is_too_new: A newer program wrote it.
        has_other_key: It was sealed under another key.
    """

    manifest: Manifest | None = None
    rows: dict[int, Row] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    is_too_new: bool = False
    has_other_key: bool = False


class PageSeal:
    """Seals pages and manifests of one account."""

    def __init__(self, account_id: str, data_key: bytes) -> None:
        self._seal = Seal(subkey(data_key, b"vault pages"))
        self._mark_key = subkey(data_key, b"vault digest")
        self._account = account_id.encode()
        self.key_check = subkey(data_key, b"vault key check", length_bytes=16)

    def seal_page(self, number: int, generation: int, page: bytes) -> Row:
        """Return `page` sealed."""
        return Row(number, generation, self._seal.seal(page, self._page_name(number, generation)))

    def unseal_page(self, row: Row) -> bytes:
        """Return the page in `row`.

        Raises:
            UnsealError: A bit of it is not what was sealed.
        """
        return self._seal.unseal(row.sealed, self._page_name(row.number, row.generation))

    def mark(self, row: Row) -> int:
        """Return a number that stands for this very row; nobody without the key can make one."""
        hashed = hashlib.blake2b(row.sealed, key=self._mark_key, digest_size=_DIGEST_BYTES)
        hashed.update(b"%d %d" % (row.number, row.generation))
        return int.from_bytes(hashed.digest(), "big")

    def seal_manifest(self, manifest: Manifest) -> bytes:
        """Return `manifest` sealed."""
        values = asdict(manifest) | {"digest": f"{manifest.digest:x}"}
        return self._seal.seal(json.dumps(values).encode(), self._manifest_name())

    def unseal_manifest(self, sealed: bytes) -> Manifest:
        """Return the manifest in `sealed`.

        Raises:
            UnsealError: A bit of it is not what was sealed.
        """
        values = json.loads(self._seal.unseal(sealed, self._manifest_name()))
        return Manifest(**values | {"digest": int(values["digest"], 16)})

    def _page_name(self, number: int, generation: int) -> bytes:
        return b"wabot-tray page %d %d %d " % (FORMAT, number, generation) + self._account

    def _manifest_name(self) -> bytes:
        return b"wabot-tray manifest %d " % FORMAT + self._account


class Container:
    """One container file, open for reading and for whole seals.

    Raises:
        VaultError: DISK_FULL or STORAGE_UNWRITABLE, from every method.
        DamagedContainerError: From `write` and `row`, which need a sound file.
    """

    def __init__(self, path: Path, pages: PageSeal, *, create: bool = False) -> None:
        self.path = path
        self._pages = pages
        with self._errors():
            if create:
                path.touch(mode=0o600, exist_ok=False)
            # Seals run in a thread of their own, one at a time.
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=5.0,
            )
        try:
            with self._errors():
                self._inode = path.stat().st_ino
                self._prepare(create=create)
        except DamagedContainerError as error:
            log.debug("%s: %s", path.name, error)  # `read` says so too
        except BaseException:
            self._db.close()
            raise

    @property
    def is_in_place(self) -> bool:
        """Whether the file still has its name: SQLite itself would write on into nowhere."""
        try:
            return self.path.stat().st_ino == self._inode
        except OSError:
            return False

    def read(self) -> Contents:
        """Return whatever can be read; never raises DamagedContainerError.

        All of it is of one moment, also while another process seals into the file.
        """
        contents = Contents()
        steps = (self._begin, self._read_structure, self._read_manifest, self._read_rows)
        try:
            for step in steps:
                try:
                    with self._errors(broken=_UNREADABLE):
                        step(contents)
                except DamagedContainerError as error:
                    contents.faults.append(str(error))
        finally:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
        return contents

    def read_manifest(self) -> Manifest | None:
        """Return the manifest alone, None where it cannot be read."""
        contents = Contents()
        try:
            with self._errors(broken=_UNREADABLE):
                self._read_manifest(contents)
        except DamagedContainerError:
            return None
        return contents.manifest

    def write(self, rows: list[Row], manifest: Manifest) -> None:
        """Put `rows` and `manifest` in and drop what lies behind the last page, all or nothing.

        On the disk when it returns, but for a container that is being made.
        """
        sealed = self._pages.seal_manifest(manifest)
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                values = ((row.number, row.generation, row.sealed) for row in rows)
                self._db.executemany(_PUT_PAGE, values)
                self._db.execute("DELETE FROM pages WHERE number > ?", (manifest.page_count,))
                self._db.execute(_PUT_MANIFEST, (self._pages.key_check, sealed))
                self._db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise

    def row(self, number: int) -> Row | None:
        """Return one row."""
        with self._errors():
            query = "SELECT number, generation, sealed FROM pages WHERE number = ?"
            found = self._db.execute(query, (number,)).fetchone()
            return None if found is None else _checked_row(found)

    def close(self) -> None:
        """Close the file. Closing twice is harmless."""
        self._db.close()

    def _prepare(self, *, create: bool) -> None:
        # EXTRA: the journal's deletion is synced too, or a power cut could undo the last seal.
        # A new file is synced once, by `write_anew`; before, it has not even its name.
        self._db.execute(f"PRAGMA synchronous = {'OFF' if create else 'EXTRA'}")
        self._db.execute("PRAGMA trusted_schema = OFF")
        self._db.execute("PRAGMA cell_size_check = ON")
        if create:
            self._db.execute("PRAGMA journal_mode = MEMORY")
            self._db.execute(f"PRAGMA application_id = {_APPLICATION}")
            self._db.execute(f"PRAGMA user_version = {FORMAT}")
            for sql in _TABLES.values():
                self._db.execute(sql)

    def _begin(self, _: Contents) -> None:
        # The first read takes SQLite's shared lock, and all that follow see what it saw.
        self._db.execute("BEGIN")

    def _read_structure(self, contents: Contents) -> None:
        application = self._db.execute("PRAGMA application_id").fetchone()[0]
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if application != _APPLICATION or version != FORMAT:
            contents.faults.append(f"application {application}, version {version}")
        contents.is_too_new = application == _APPLICATION and version > FORMAT
        if dict(self._db.execute("SELECT name, sql FROM sqlite_schema")) != _TABLES:
            contents.faults.append("other tables")
        (verdict,) = self._db.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            contents.faults.append(str(verdict))

    def _read_manifest(self, contents: Contents) -> None:
        found = self._db.execute("SELECT key_check, sealed FROM manifest WHERE id = 1").fetchone()
        if found is None or not all(isinstance(value, bytes) for value in found):
            raise DamagedContainerError("no manifest")
        key_check, sealed = found
        try:
            contents.manifest = self._pages.unseal_manifest(sealed)
        except UnsealError:
            contents.faults.append("the manifest does not unseal")
            contents.has_other_key = key_check != self._pages.key_check
        else:
            contents.is_too_new = False  # it opens as ours, so its version was damaged

    def _read_rows(self, contents: Contents) -> None:
        for found in self._db.execute("SELECT number, generation, sealed FROM pages"):
            row = _checked_row(found)
            contents.rows[row.number] = row

    @contextlib.contextmanager
    def _errors(self, broken: frozenset[int] = frozenset()) -> Iterator[None]:
        """Tell a disk at fault from a file at fault; codes in `broken` blame the file."""
        with storage_errors():
            try:
                yield
            except sqlite3.Error as error:
                code = getattr(error, "sqlite_errorcode", 0) & 0xFF
                if code == sqlite3.SQLITE_FULL:
                    raise VaultError(Reason.DISK_FULL, str(error)) from error
                if code in _UNWRITABLE - broken:
                    raise VaultError(Reason.STORAGE_UNWRITABLE, str(error)) from error
                raise DamagedContainerError(str(error)) from error
            except UnicodeDecodeError as error:  # SQLite quotes what it cannot parse
                raise DamagedContainerError("text that is none") from error


def _checked_row(found: Any) -> Row:
    number, generation, sealed = found
    if not (isinstance(number, int) and isinstance(generation, int) and isinstance(sealed, bytes)):
        raise DamagedContainerError("a row of other types")
    return Row(number, generation, sealed)


def write_anew(
    path: Path,
    pages: PageSeal,
    rows: list[Row],
    manifest: Manifest,
    make_way: Callable[[], None] = lambda: None,
) -> None:
    """Make a container under another name and give it its own once it is on the disk.

    Until then a crash leaves nothing that could be taken for a damaged container.

    Args:
        path: Where to.
        pages: The account's seal.
        rows: All of them.
        manifest: What they are.
        make_way: Called right before the file gets its name.

    Raises:
        VaultError: The disk is full or cannot be written.
        DamagedContainerError: SQLite cannot write even a new file.
    """
    draft = path.with_name(f"{path.name}.new")
    with storage_errors():
        for left in draft.parent.glob(f"{draft.name}*"):  # by a killed process
            left.unlink()
    container = Container(draft, pages, create=True)
    try:
        container.write(rows, manifest)
    finally:
        container.close()
    with storage_errors():
        sync_file(draft)
        make_way()
        draft.replace(path)
        sync_folder(path.parent)


def assemble(
    manifest: Manifest, sources: Sequence[Mapping[int, Row]], pages: PageSeal
) -> tuple[bytes, dict[int, int]] | None:
    """Return the database that `manifest` describes, and the mark of each of its rows.

    Args:
        manifest: What is wanted.
        sources: Rows of this container first, then of others that may fill its gaps.
        pages: The account's seal.

    Returns None where a page is missing from all of them, or is of another generation.
    """
    content: list[bytes] = []
    marks: dict[int, int] = {}
    digest = 0
    for number in range(1, manifest.page_count + 1):
        found = _first_sound(number, manifest.generation, sources, pages)
        if found is None or len(found[1]) != manifest.page_size:
            return None
        row, page = found
        marks[number] = pages.mark(row)
        digest ^= marks[number]
        content.append(page)
    return (b"".join(content), marks) if digest == manifest.digest else None


def _first_sound(
    number: int, newest: int, sources: Sequence[Mapping[int, Row]], pages: PageSeal
) -> tuple[Row, bytes] | None:
    for source in sources:
        row = source.get(number)
        if row is not None and row.generation <= newest:
            with contextlib.suppress(UnsealError):
                return row, pages.unseal_page(row)
    return None
