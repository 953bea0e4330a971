"""Work for the tests of executors: what a body says is what happens."""

import json
import os
import signal
import subprocess
import sys
import time


def work(body: bytes) -> bytes:
    said = json.loads(body)
    mark = said.get("mark")
    if mark:  # one byte for each time that this order was begun
        with open(mark, "ab") as file:
            file.write(b"x")
    match said["do"]:
        case "echo":
            time.sleep(said.get("seconds", 0))
            return json.dumps({"said": said["word"], "pid": os.getpid()}).encode()
        case "die":
            os._exit(3)
        case "die once":
            if os.path.getsize(mark) == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            return b'{"said": "second time"}'
        case "raise":
            raise RuntimeError("a fault in the grader")
        case "hang":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            with open(said["pids"], "a") as file:
                file.write(f"{os.getpid()}\n{child.pid}\n")
            while True:
                time.sleep(1)
    raise ValueError(said["do"])
