"""The product's worker, unchanged, but talking to a simulator.

`python -m tests.simulator.worker_entry PORT ROOTKEYHEX [arguments of the worker ...]`
"""

import sys

from tests.simulator.redirect import library_path, locate, redirect


def main() -> int:
    """Run the worker; it calls back when the library is loaded."""
    port, root_key, *arguments = sys.argv[1:]
    locate(library_path())

    from wabot_tray.worker import main as worker  # noqa: PLC0415  # nothing may load it earlier

    return worker.main(arguments, prepare=lambda: redirect(int(port), bytes.fromhex(root_key)))


if __name__ == "__main__":
    sys.exit(main())
