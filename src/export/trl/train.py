"""Trains: TRL's own script for GRPO, with an end that does not hang.

When TRL has destroyed the process group, the last to hold it may be the reducer of DistributedDataParallel. Its destructor joins gloo's
threads while it has the interpreter's lock, which these may be waiting for (torch 2.13). So the group is kept until the process
ends, and that ends without destroying anything.
"""

import atexit
import os
import sys
import threading

import torch.distributed
from trl.scripts.grpo import main, make_parser


def leave(code):
    """Ends the process as Python would, but for the destructors."""
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    arguments = make_parser().parse_args_and_config(fail_with_unknown_args=False)
    group = torch.distributed.group.WORLD
    try:
        main(*arguments)
    except Exception:
        sys.excepthook(*sys.exc_info())
        leave(1)
    leave(0)
