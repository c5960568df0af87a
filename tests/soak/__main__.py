"""`python3 dev.py soak`: the program under faults and messages for a while, and a report.

The exit status is 1 where a message was lost or doubled without a cause, an account did not come
back, or memory, descriptors, threads or logs grew.
"""

import argparse
import secrets
import sys
from pathlib import Path

from tests.soak.report import journal, page, verdict
from tests.soak.run import soak


def main() -> int:
    """Run a soak and return the exit status."""
    parser = argparse.ArgumentParser(prog="dev.py soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (default: 10)")
    parser.add_argument("--seed", type=int, help="deal the faults of an earlier run again")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report there too")
    parser.add_argument("--journal", type=Path, metavar="FILE", help="every fault, and the log")
    chosen = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if chosen.seed is None else chosen.seed
    print(f"soak: {chosen.minutes:g} minutes, seed {seed}", flush=True)
    record = soak(chosen.minutes, seed)
    text = page(record)
    print(text)
    if chosen.report is not None:
        chosen.report.write_text(text, encoding="utf-8")
    if chosen.journal is not None:
        chosen.journal.write_text(journal(record), encoding="utf-8")
    return 1 if verdict(record) else 0


if __name__ == "__main__":
    sys.exit(main())
