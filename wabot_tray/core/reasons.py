"""Why a session stands where it stands: stable codes, one translated sentence each."""

from enum import StrEnum


class Reason(StrEnum):
    """A stable code; the sentences are in the catalogues as `reason.<code>` and `advice.<code>`."""

    # A person's wish.
    STOPPED_BY_PERSON = "stopped-by-person"
    STARTED_BY_PERSON = "started-by-person"
    RECONNECT_BY_PERSON = "reconnect-by-person"
    PROGRAM_STARTED = "program-started"
    # On the way to a login.
    STARTING = "starting"
    PAIRING_STARTED = "pairing-started"
    WAITING_FOR_SCAN = "waiting-for-scan"
    SCANNED = "scanned"
    LOGGED_IN = "logged-in"
    LINK_PROVED = "link-proved"
    RETRYING = "retrying"
    # A link in trouble.
    LINK_LOST = "link-lost"
    KEEPALIVE_TIMEOUT = "keepalive-timeout"
    PROBE_UNANSWERED = "probe-unanswered"
    DIAL_FAILED = "dial-failed"
    PROXY_UNREACHABLE = "proxy-unreachable"
    PROXY_REFUSED = "proxy-refused"
    PROXY_CLOSED = "proxy-closed"
    LOGIN_UNANSWERED = "login-unanswered"
    RECONNECT_TOO_SLOW = "reconnect-too-slow"
    SERVER_BUSY = "server-busy"
    SERVER_REFUSED = "server-refused"
    # A worker in trouble.
    WORKER_CRASHED = "worker-crashed"
    WORKER_SILENT = "worker-silent"
    WORKER_TOO_LARGE = "worker-too-large"
    CRASH_LOOP = "crash-loop"
    # Pairing that did not work.
    NOT_PAIRED = "not-paired"
    QR_EXPIRED = "qr-expired"
    QR_REJECTED = "qr-rejected"
    PAIRING_CANCELLED = "pairing-cancelled"
    PAIRING_NO_NETWORK = "pairing-no-network"
    MULTIDEVICE_MISSING = "multidevice-missing"
    PASSKEY_REQUIRED = "passkey-required"
    PAIRING_ERROR = "pairing-error"
    WRONG_PHONE = "wrong-phone"
    # WhatsApp's own decisions.
    PHONE_UNLINKED = "phone-unlinked"
    LOGIN_REFUSED = "login-refused"
    REPLACED = "replaced"
    TEMPORARY_BAN = "temporary-ban"
    CLIENT_OUTDATED = "client-outdated"
    # Keys and storage.
    KEYRING_LOCKED = "keyring-locked"
    KEYRING_ABSENT = "keyring-absent"
    KEYRING_SLOW = "keyring-slow"
    KEY_MISSING = "key-missing"
    KEY_WRONG = "key-wrong"
    VAULT_DAMAGED = "vault-damaged"
    VAULT_RECOVERED = "vault-recovered"
    VAULT_TOO_NEW = "vault-too-new"
    DISK_FULL = "disk-full"
    STORAGE_UNWRITABLE = "storage-unwritable"
    LIVE_FULL = "live-full"
    IN_USE_ELSEWHERE = "in-use-elsewhere"
    # The bot.
    BOT_FILE_BROKEN = "bot-file-broken"
    BOT_RULE_SLOW = "bot-rule-slow"
    INBOX_DAMAGED = "inbox-damaged"
