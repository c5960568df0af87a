"""Why the running program could not be asked.

ControlError
+-- NotRunningError   no program runs on this data folder, or it ended while it was asked
+-- TimedOutError     it did not answer in time
"""

from wabot_tray.core.errors import ControlError


class NotRunningError(ControlError):
    """No program runs on this data folder, or it ended while it was asked."""

    message_key = "error.not_running"


class TimedOutError(ControlError):
    """The program did not answer in time."""

    message_key = "error.control_timeout"
