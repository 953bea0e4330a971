"""``python -m autograder.kernel FD FOLDER NEED …`` is the root of all zygotes; it ends with its standard input."""

import os
import signal
import socket
import sys
import traceback
from pathlib import Path

from . import wire
from .deaths import FAILED
from .ending import end_with_owner, leave


def main() -> None:
    control, scratch = socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the worker's to handle
    needs, sys.argv[:] = sys.argv[3:], [""]
    try:
        end_with_owner(control, scratch)
        from .fork_server import Root  # half a second in which the owner may go

        Root(control, scratch).serve(needs)
    except wire.Closed:
        leave(scratch)
        os._exit(0)
    except BaseException:
        os.write(2, traceback.format_exc().encode("utf-8", "replace"))  # sys.stderr is a cell's
        os._exit(FAILED)


if __name__ == "__main__":
    main()
