"""What the library's words say about a message that could not be sent."""

from typing import Final

# Each means that nothing left, or that the server refused it. Words of neonize 0.5.2's native
# library; a test looks for them in it. Whatever else it says, nobody knows what became of the
# message ("timed out waiting for message send response", a link that broke meanwhile).
NEVER_SENT: Final = (
    "websocket not connected",
    "client is nil",
    "server returned error",
    "no LID found",
    "failed to get device list",
    "failed to encrypt",
    "failed to fetch prekeys",
)


def certainly_not_sent(error: str) -> bool:
    """Whether the message certainly did not go out, so that sending it again cannot double it."""
    return any(words in error for words in NEVER_SENT)
