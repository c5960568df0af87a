"""Why the running program could not be asked, and why something for the person was not saved.

ControlError
+-- NotRunningError   no program runs on this data folder, or it ended while it was asked
+-- TimedOutError     it did not answer in time
+-- BundleError       a bundle of diagnostics cannot be saved
"""

from wabot_tray.core.errors import ControlError


class NotRunningError(ControlError):
    """No program runs on this data folder, or it ended while it was asked."""

    message_key = "error.not_running"


class TimedOutError(ControlError):
    """The program did not answer in time."""

    message_key = "error.control_timeout"


class BundleError(ControlError):
    """A bundle of diagnostics cannot be saved; the sentence names the place."""

    message_key = "error.bundle_unwritable"
