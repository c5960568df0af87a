"""The errors of this program.

    WabotError
    +-- IllegalTransitionError   a state machine was asked for a move its table has not
    +-- WireError                a line between two of our processes cannot be read
    +-- SettingsError            a value in a file or a form is refused
    +-- AccountError             an account's id is refused, taken or unknown
    +-- NumberError              a phone number cannot be one
    +-- KeyUnavailableError      the key that opens the vaults cannot be had
    +-- VaultError               a vault cannot be opened or written
    +-- ControlError             the running program cannot do what it was asked
    +-- BotFileError             the bot's rules have a mistake
    +-- NotSentError             a message certainly did not go out
    +-- BackupError              a backup cannot be made, read or restored

Each carries a key of the catalogues and the values for its placeholders, so that whoever shows it
says it in the person's language.
"""

from wabot_tray.core.reasons import Reason


class WabotError(Exception):
    """Something a person may have to be told.

    Args:
        message_key: Overrides the class's own key in the catalogues.
        **params: Values for the placeholders of the sentence.
    """

    message_key = "error.unexpected"

    def __init__(self, message_key: str | None = None, /, **params: object) -> None:
        if message_key is not None:
            self.message_key = message_key
        self.params = params
        super().__init__(self.message_key, params)

    def __str__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.message_key} ({values})" if values else self.message_key


class IllegalTransitionError(WabotError):
    """The table of states has no row for this state and event."""

    message_key = "error.illegal_transition"


class WireError(WabotError):
    """A line between two of our processes cannot be read."""

    message_key = "error.wire"


class SettingsError(WabotError):
    """A setting is refused."""

    message_key = "error.settings"


class AccountError(WabotError):
    """An account's id is refused, taken or unknown."""

    message_key = "error.account"


class NumberError(WabotError):
    """A phone number cannot be one."""

    message_key = "error.number_short"


class ReasonedError(WabotError):
    """An error that puts a session into a state for a reason.

    Args:
        reason: The stable code; its sentence is `reason.<code>`.
        detail: Words for the log, never shown alone.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"reason.{reason}", detail=detail)


class KeyUnavailableError(ReasonedError):
    """The key that opens the vaults cannot be had."""


class VaultError(ReasonedError):
    """A vault cannot be opened or written."""


class ControlError(WabotError):
    """The running program cannot do what it was asked."""

    message_key = "error.control"


class BotFileError(WabotError):
    """The bot's rules have a mistake.

    Args:
        message_key: Which mistake.
        line: Where, counted from 1; 0 where the whole file is meant.
        **params: Values for the placeholders of the sentence.
    """

    message_key = "error.bot_file"

    def __init__(self, message_key: str, /, *, line: int = 0, **params: object) -> None:
        self.line = line
        super().__init__(message_key, line=line, **params)


class NotSentError(WabotError):
    """A message certainly did not go out, so that sending it again cannot double it."""

    message_key = "error.not_sent"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail=detail)


class BackupError(WabotError):
    """A backup cannot be made, read or restored; nothing was changed."""

    message_key = "error.backup_damaged"
