"""Signals that ask a run to stop: Ctrl-C, `kill`, a closed terminal."""

import signal
import threading

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # Windows has no SIGHUP; only it has SIGBREAK
STOP_SIGNALS = tuple(getattr(signal, name) for name in NAMES if hasattr(signal, name))


class Stopped(KeyboardInterrupt):
    """A run was stopped by a signal, after its checkpoint was written; `status` is the exit
    status that a shell expects then: 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP."""

    def __init__(self, words: str, number: int | None = None):
        super().__init__(words)
        self.status = 128 + (signal.SIGINT if number is None else number)


class StopSignals:
    """Inside `with`, a signal is remembered in `number` instead of ending the program.

    What is ignored from outside (by nohup, say) stays ignored. `once`: a second signal of the same
    number does what it would do without us.
    """

    def __init__(self, once: bool):
        self.once = once
        self.number: int | None = None
        self.before: dict[int, object] = {}

    def __enter__(self) -> "StopSignals":
        self.number = None
        if threading.current_thread() is threading.main_thread():
            handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
            ignored = (None, signal.SIG_IGN)
            self.before = {n: old for n, old in handlers.items() if old not in ignored}
        for number in self.before:
            signal.signal(number, self.remember)
        return self

    def remember(self, number: int, frame) -> None:
        self.number = number
        if self.once:
            signal.signal(number, self.before[number])

    def __exit__(self, *error) -> None:
        for number, old in self.before.items():
            signal.signal(number, old)
        self.before = {}
