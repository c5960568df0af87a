"""The product's program, unchanged, with workers that talk to a simulator.

`python -m tests.simulator.program_entry PORT ROOTKEYHEX [arguments of wabot-tray ...]`
"""

import sys

from wabot_tray.__main__ import main as program
from wabot_tray.control.wiring import Wiring


def main() -> int:
    """Run the program with its workers replaced and the simulator's door to watch."""
    port, root_key, *arguments = sys.argv[1:]
    worker = (sys.executable, "-m", "tests.simulator.worker_entry", port, root_key)
    return program(arguments, wiring=Wiring(worker_command=worker, door=("127.0.0.1", int(port))))


if __name__ == "__main__":
    sys.exit(main())
