"""How many steps fit into the minutes that a run has."""

import time

import torch

from training import distributed

UNTIMED_STEPS, TIMED_STEPS = 5, 20  # the first steps are slow; the next ones give an estimate
TIME_SHARE = 0.97  # of the time left is filled with steps
LONG_SHARE = 0.05  # of all the time: after as much, there is a new estimate, however few the steps


class TimeBudget:
    """Re-estimates how many steps of a run fit into `minutes` from `began` (time.monotonic()) on.

    A machine may slow down or speed up, so the estimate is renewed all along the run.
    """

    def __init__(self, minutes: float, began: float, device: torch.device):
        self.seconds = 60 * minutes
        self.deadline = began + self.seconds
        self.device = device
        self.timed_from, self.timed_at = began, 0  # the last time taken, and after how many steps
        self.next_estimate = UNTIMED_STEPS + TIMED_STEPS

    def agreed_steps(self, done: int, first_step: int, total_steps: int) -> int | None:
        """As `estimate`, by the main process, which tells the others."""
        steps = self.estimate(done, first_step, total_steps) if distributed.is_main() else None
        return int(distributed.total(torch.tensor(steps or 0))) or None

    def estimate(self, done: int, first_step: int, total_steps: int) -> int | None:
        """How many steps the run has in all, after `done` steps of this process, which started at
        `first_step`; None where the last estimate, `total_steps`, holds.

        The first few steps are slow and do not count, unless they take long. No step starts after
        the end of the time.
        """
        step, now = first_step + done, time.monotonic()
        if now >= self.deadline:
            return step
        if done == 1 or (done == UNTIMED_STEPS and self.timed_at == 1):
            self.timed_from, self.timed_at = read_clock(self.device), done
            return None
        long = LONG_SHARE * self.seconds
        faster = step == total_steps and self.deadline - now > long  # there is time left over
        if done < self.next_estimate and now - self.timed_from < long and not faster:
            return None
        now = read_clock(self.device)
        left = max(0.0, self.deadline - now)
        more = left * TIME_SHARE * (done - self.timed_at) / (now - self.timed_from)
        self.timed_from, self.timed_at = now, done
        pause = max(TIMED_STEPS, total_steps // 20 if done > TIMED_STEPS else 0)
        self.next_estimate = done + pause
        return step + int(more)


def read_clock(device: torch.device) -> float:
    """The time at which the device has done all that it was asked to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    if device.type == "mps":
        torch.mps.synchronize()
    return time.monotonic()
