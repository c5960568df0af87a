"""A simulated WhatsApp Web server, see README.md."""

from tests.simulator.companion import Companion
from tests.simulator.faults import Failure, Mute, RedialFault, temporary_ban
from tests.simulator.linkcode import CodeError
from tests.simulator.messages import Received
from tests.simulator.people import Customer
from tests.simulator.phone import Phone, ScanError
from tests.simulator.running import RunningSimulator
from tests.simulator.server import Simulator

__all__ = [
    "CodeError",
    "Companion",
    "Customer",
    "Failure",
    "Mute",
    "Phone",
    "Received",
    "RedialFault",
    "RunningSimulator",
    "ScanError",
    "Simulator",
    "temporary_ban",
]
