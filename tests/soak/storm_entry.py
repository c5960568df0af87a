"""The product's program against a simulator, which is not kept from logging in often.

What it normally refuses, more than fifteen logins in a short time, is what shows a leak soonest.

`python -m tests.soak.storm_entry PORT ROOTKEYHEX [arguments of wabot-tray ...]`
"""

import sys
from functools import partial

from tests.simulator.program_entry import main
from wabot_tray.core.backoff import Allowance
from wabot_tray.sessions import session

if __name__ == "__main__":
    vars(session)["Allowance"] = partial(Allowance, most=1e9)
    sys.exit(main())
