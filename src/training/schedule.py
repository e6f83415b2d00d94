"""How the learning rate changes over a run."""

import math
from collections.abc import Callable

SCHEDULES = ("course", "cosine", "linear")


def lr_multiplier(config, tokens: float, run_tokens: float) -> float:
    """What the highest learning rate is multiplied by after `tokens` positions of `run_tokens`.

    "course": a cosine that comes back up after final_tokens; "cosine": one that reaches 10 % at the
    end of the run; "linear": a rise over warmup_tokens (at most a twentieth of the run), constant,
    then a fall to zero over the last half of the run. `config` is a TrainerConfig.
    """
    if not config.lr_decay:
        return 1.0
    if config.schedule == "linear":
        rise = max(1, min(config.warmup_tokens, run_tokens / 20))
        return min(1.0, tokens / rise, 2 * (1 - tokens / run_tokens))
    if tokens < config.warmup_tokens:
        return tokens / max(1, config.warmup_tokens)
    final = config.final_tokens if config.schedule == "course" else run_tokens
    progress = (tokens - config.warmup_tokens) / max(1, final - config.warmup_tokens)
    if config.schedule == "course":
        return max(0.1, 0.5 * (1.0 + math.cos(math.pi * progress)))
    return 0.1 + 0.45 * (1.0 + math.cos(math.pi * min(1.0, progress)))


def lr_multiplier_at_step(
    config, step: int, total_steps: int, planned_steps: int, positions: Callable[[int], int]
) -> float:
    """What the highest learning rate is multiplied by at `step` of `total_steps`.

    positions(n): the positions, padding included, of the first n steps. As in the course's program,
    the first step uses the whole rate, and each later one the rate of the positions before it;
    "linear" counts to the middle of the step. `planned_steps` are those of max_epochs: with
    max_steps or max_minutes, the course's schedules are stretched or shrunk to the run's length.
    """
    before, run = positions(step), positions(total_steps)
    if config.schedule == "linear":
        return lr_multiplier(config, (before + positions(step + 1)) / 2, run)
    if step == 0:
        return 1.0
    own_length = config.max_minutes is not None or config.max_steps is not None
    stretch = total_steps / planned_steps if own_length else 1.0
    return lr_multiplier(config, before / stretch, run / stretch)
