"""TrainerConfig: every setting of a training run, written down once.

The flags of the commands, the checks of values, what a checkpoint must share with the run that
resumes it, the params' description and the log are all made from the fields of TrainerConfig.
"""

import argparse
import difflib
import math
import typing
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields

from base.cli import MOST, shown
from base.errors import UserError
from training.schedule import SCHEDULES

if typing.TYPE_CHECKING:  # torch takes seconds to import, and `--help` needs none of it
    from training.runlog import RunLog

OPTIMIZERS = ("adamw", "muon")
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16")
COMPILE = ("auto", "on", "off")
YEAR = 525_600.0  # minutes


def setting(
    default,
    help: str = "",
    *,
    same: bool = False,
    by_recipe: bool = False,
    logged: bool = True,
    choices: tuple[str, ...] = (),
    limits: tuple[float, float] | None = None,
):
    """A field of TrainerConfig. `help` is its flag's.

    same: a resumed run must have the value that the checkpoint was made with.
    by_recipe: without its flag, the recipe decides. logged: the log and the params' description
    can show it. limits: the least and the most; a float must be above its least.
    """
    about = {"help": help, "same": same, "by_recipe": by_recipe, "logged": logged}
    return field(default=default, metadata=about | {"choices": choices, "limits": limits})


@dataclass(init=False)
class TrainerConfig:
    """Settings of a run. The first block carries the course's names.

    As in the original, any keyword is kept as an attribute; one that looks like a misspelt setting
    raises UserError. A subclass may give settings other defaults.

    Other tasks than the course's bring their own
    collate(rows) -> a batch: any tree of tensors (a pair, a dict, lists of these);
    loss(model, batch) -> (sum of the losses, their number), tensors of one element;
    optimizer: a torch optimizer, or a function of the model that makes one;
    evaluate(model) -> {name: figure}, every eval_every steps and at the end, for bar and log.
    """

    max_epochs: int = setting(
        10, "passes over the training data", same=True, by_recipe=True, limits=(1, MOST)
    )
    batch_size: int = setting(64, "rows of a step", same=True, by_recipe=True, limits=(1, MOST))
    learning_rate: float = setting(3e-4, same=True, limits=(0, 1e6))
    betas: tuple[float, float] = setting((0.9, 0.95), same=True)
    grad_norm_clip: float = setting(1.0, same=True)
    weight_decay: float = setting(0.1, same=True)  # not of parameters with "bias" in their name
    lr_decay: bool = setting(False, same=True)
    warmup_tokens: float = setting(375e6, same=True)  # positions over which the rate rises
    final_tokens: float = setting(260e9, same=True)  # where the course's schedule is lowest
    num_workers: int = setting(0)  # processes that load rows, if the dataset makes no batches

    schedule: str = setting(
        "course", "how the learning rate changes", same=True, by_recipe=True, choices=SCHEDULES
    )
    optimizer: typing.Any = setting(  # or a torch optimizer, or a function that makes one
        "adamw", "muon is for the hidden matrices, with AdamW for the rest",
        same=True, by_recipe=True, choices=OPTIMIZERS,
    )  # fmt: skip
    muon_learning_rate: float = setting(0.02, same=True, limits=(0, 1e9))
    max_steps: int | None = setting(
        None, "instead of --max_epochs; the schedule is fitted to it", same=True, limits=(1, MOST)
    )
    max_minutes: float | None = setting(
        None, "as many steps as fit into this time; the schedule is fitted to them",
        same=True, limits=(0, YEAR),
    )  # fmt: skip
    began: float | None = setting(None, logged=False)  # time.monotonic() when max_minutes started
    shuffle: bool = setting(False, "a new order every epoch", same=True, by_recipe=True)
    seed: int = setting(0, "0 to 2^32 - 1", same=True, limits=(0, 2**32 - 1))
    collate: Callable | None = setting(None, logged=False)  # makes a batch of a list of rows
    loss: Callable | None = setting(None, logged=False)  # (model, batch) -> sum and count of losses
    snapshots: int = setting(
        0, "also write the params this often during the run, as <writing_params_path>.<steps>",
        limits=(0, MOST),
    )  # fmt: skip
    on_snapshot: Callable | None = setting(None, logged=False)  # called with the steps done
    eval_every: int | None = setting(None, limits=(1, MOST))  # steps between calls of `evaluate`
    evaluate: Callable | None = setting(None, logged=False)  # model -> {name: figure} for the log

    device: str = setting("auto", "where the model is trained", choices=DEVICES)
    precision: str = setting("auto", "the number format of activations", choices=PRECISIONS)
    compile: str = setting(
        "auto",
        "on: torch.compile; auto and on: CUDA graphs on a GPU; off: neither",
        choices=COMPILE,
    )
    parts: int | None = setting(None, same=True, limits=(1, MOST))  # micro-batches, at most
    checkpoint_path: str | None = setting(None)
    checkpoint_minutes: float = setting(10.0, "minutes between checkpoints", limits=(0, YEAR))
    resume: bool = setting(False, "continue from the last checkpoint", logged=False)
    log: "RunLog | None" = setting(None, logged=False)
    identity: dict | None = setting(None, logged=False)  # what else a checkpoint must share

    ckpt_path = None  # the original's: save_checkpoint() writes the state_dict there
    writer = None  # later editions': a TensorBoard SummaryWriter

    def __init__(self, **settings):
        known = [each.name for each in fields(self)]
        for name in known:
            setattr(self, name, getattr(type(self), name))
        for name, value in settings.items():
            near = difflib.get_close_matches(name, known, 1, cutoff=0.85)
            if near and not hasattr(type(self), name):
                raise UserError(f"unknown setting {name!r}: did you mean {near[0]!r}?")
            setattr(self, name, value)


SETTINGS: dict[str, Field] = {each.name: each for each in fields(TrainerConfig)}


def check_settings(config: TrainerConfig) -> None:
    """Raise UserError for a value that is out of range, or none of a setting's choices."""
    for name, about in SETTINGS.items():
        value = getattr(config, name)
        choices, limits = about.metadata["choices"], about.metadata["limits"]
        if choices and isinstance(value, str) and value not in choices:
            raise UserError(f"unknown {name} {value!r}; choose from {', '.join(choices)}")
        if limits and value is not None and not in_range(about, value):
            raise UserError(f"{name} {value!r}: give {range_in_words(about)}")


def in_range(about: Field, value: float) -> bool:
    """Whether a setting may have this value. The least of a float is not allowed itself."""
    least, most = about.metadata["limits"]
    above = value > least if number_type(about) is float else value >= least
    return above and value <= most and value != math.inf


def number_type(about: Field) -> type:
    """int or float: the type of a setting that is a number."""
    types = typing.get_args(about.type) or (about.type,)
    return float if float in types else int


def range_in_words(about: Field) -> str:
    least, most = about.metadata["limits"]
    if number_type(about) is int:
        return f"a whole number from {least} to {most}"
    return f"a number above {least}" + (f" and up to {most:.0f}" if most != math.inf else "")


def settings_to_share(config: TrainerConfig) -> dict:
    """The settings that decide what is learnt: those that a resumed run must have in common."""
    shared = {n: getattr(config, n) for n, about in SETTINGS.items() if about.metadata["same"]}
    return shared | {"betas": list(config.betas), "optimizer": name_of(config.optimizer)}


def settings_to_log(config: TrainerConfig) -> dict:
    """All settings that can be written down."""
    shown = {n: getattr(config, n) for n, about in SETTINGS.items() if about.metadata["logged"]}
    return shown | {"optimizer": name_of(config.optimizer)}


def name_of(optimizer) -> str:
    """A name for an optimizer: itself where it is one, else its class or function."""
    if isinstance(optimizer, str):
        return optimizer
    return getattr(optimizer, "__name__", type(optimizer).__name__)


# ---------------------------------------------------------------------------------------------
# Flags
# ---------------------------------------------------------------------------------------------


def add_flags(group, *names: str) -> None:
    """Add `--name` for each of the settings `names` to a parser or a group of its arguments.

    A flag that is not given has the setting's default, or None where the recipe decides.
    """
    for name in names:
        about = SETTINGS[name]
        default = None if about.metadata["by_recipe"] else about.default
        words = dict(default=default, help=about.metadata["help"])
        if about.type is bool:
            group.add_argument(f"--{name}", action="store_true", **words)
        elif about.metadata["choices"]:
            group.add_argument(f"--{name}", choices=about.metadata["choices"], **words)
        else:
            shown = "N" if number_type(about) is int else "X"
            group.add_argument(f"--{name}", type=number_in_range(name), metavar=shown, **words)


def number_in_range(name: str) -> Callable[[str], float]:
    """An argparse type: a number that the setting `name` may have."""
    about = SETTINGS[name]

    def parse(text: str) -> float:
        try:
            value = number_type(about)(text)
        except ValueError:
            value = math.nan
        if not in_range(about, value):
            raise argparse.ArgumentTypeError(f"{shown(text)} is not {range_in_words(about)}")
        return value

    return parse
