"""A process of its own that takes all of a CUDA device but some, as another program would.

    python tests/helpers/balloon.py DEVICE

Reads how many bytes to hold, line by line, and answers each with what is free then; ends when its input does.
"""

import subprocess
import sys
from types import TracebackType

import torch

ROUND_BYTES = 2 * 2**20
"""What a driver hands out at least."""


class Balloon:
    """Of the current device. `room_bytes`: what this process may take, all that it has beyond its CUDA context counted.

    Entered once this process has a context and before it takes anything.
    """

    def __enter__(self) -> "Balloon":
        device = torch.cuda.current_device()
        command = [sys.executable, __file__, str(device)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._read()  # its own context is there
        torch.zeros(1, device="cuda")
        self._own = torch.cuda.mem_get_info()[0]
        return self

    def leave(self, room_bytes: int | None) -> None:
        """Have this process find `room_bytes` in all, what it holds by now among them; None: the whole device.

        Raises `MemoryError` where it holds more than that already.
        """
        self._ask(0)
        if room_bytes is None:
            return
        taken = self._own - torch.cuda.mem_get_info()[0]
        if taken > room_bytes:
            raise MemoryError(f"this process holds {taken / 2**30:.2f} GiB, more than {room_bytes / 2**30:.2f}")
        self._ask(self._own - room_bytes)

    def __exit__(self, kind: type | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._process.communicate()

    def _ask(self, hold_bytes: int) -> None:
        assert self._process.stdin is not None, "it is a pipe"
        self._process.stdin.write(f"{hold_bytes}\n")
        self._process.stdin.flush()
        self._read()

    def _read(self) -> None:
        assert self._process.stdout is not None, "it is a pipe"
        if not self._process.stdout.readline():
            raise MemoryError("the balloon has burst: something else takes the device's memory")


def hold(device: int) -> None:
    """The balloon's side."""
    torch.cuda.set_device(device)
    air = [torch.zeros(1, device="cuda")]
    say("ready")
    for line in sys.stdin:
        air.clear()
        torch.cuda.empty_cache()
        air.append(torch.empty(int(line) // ROUND_BYTES * ROUND_BYTES, dtype=torch.uint8, device="cuda"))
        say(f"{torch.cuda.mem_get_info()[0]}")


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    hold(int(sys.argv[1]))
