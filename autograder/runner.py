"""Probes that run the submission's scripts: run.py up to its first training step, run.py evaluate,
the baseline. Like all probes they report data and judge nothing."""

import contextlib
import gc
import hashlib
import os
import runpy
import sys

import numpy as np
import torch
from probes import PROBES, asked, inputs, load_on_cpu, student
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.optim.optimizer import register_optimizer_step_pre_hook
from torch.utils.data import DataLoader, Dataset
from weights import clean

STATE = "model.state"  # the file into which the model that would be trained goes


def script(path: str, argv: list[str]) -> None:
    """Run a script of the submission as `python path argv` would; sys.exit() ends it quietly."""
    load_on_cpu()
    asked(f"python {path} {' '.join(argv)}"[:300])
    sys.argv = [path, *argv]
    sys.path.insert(0, os.path.abspath(os.path.dirname(path) or "."))
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as end:
        if end.code not in (None, 0):
            raise


# -- run.py up to the first step ----------------------------------------------------------------


class Recorded(BaseException):
    """Ends run.py at the moment when training would begin. (No Exception: nobody catches it.)"""


class Watch:
    """Waits for the first sign of training and keeps what would be trained.

    The signs: `Trainer.train` is called; a DataLoader is iterated; a module is called in training
    mode; a gradient is computed; an optimizer steps. So training is met whatever its method is
    called and wherever its class is defined.
    """

    def __init__(self):
        self.trainers: list = []
        self.stopped: dict | None = None

    def install(self, trainer_module: str | None) -> None:
        self.watch_trainer(trainer_module)
        register_module_forward_pre_hook(self.on_forward)
        register_optimizer_step_pre_hook(lambda *_: self.stop())
        torch.Tensor.backward = lambda *_, **__: self.stop()
        iterate = DataLoader.__iter__

        def on_iteration(loader):
            self.stop(dataset=loader.dataset)
            return iterate(loader)

        DataLoader.__iter__ = on_iteration

    def watch_trainer(self, name: str | None) -> None:
        """Note every Trainer of the course's module, and stop when its `train` is called."""
        kind = getattr(student(name), "Trainer", None) if name else None
        if not isinstance(kind, type):
            return
        begin = kind.__init__

        def noted(trainer, *args, **kwargs):
            begin(trainer, *args, **kwargs)
            self.trainers.append(trainer)

        kind.__init__ = noted
        if hasattr(kind, "train"):
            kind.train = lambda trainer, *_, **__: self.stop(trainer)

    def on_forward(self, module, _) -> None:
        if module.training and torch.is_grad_enabled():
            self.stop(model=module)

    def stop(self, trainer=None, model=None, dataset=None) -> None:
        if self.stopped is None:
            self.stopped = {}  # whatever is called from here on is not training
            trainer = trainer or (
                self.trainers[-1] if self.trainers else found_in_frames(looks_like_trainer)
            )
            config = getattr(trainer, "config", None) or found_in_frames(looks_like_config)
            config = config or found_among_objects()
            model = getattr(trainer, "model", None) or model
            dataset = getattr(trainer, "train_dataset", None) or dataset
            dataset = dataset or found_in_frames(lambda thing: isinstance(thing, Dataset))
            self.stopped = {"config": config, "model": model, "dataset": dataset}
        raise Recorded


def looks_like_trainer(thing) -> bool:
    with contextlib.suppress(Exception):
        return isinstance(thing.model, torch.nn.Module) and looks_like_config(thing.config)
    return False


def looks_like_config(thing) -> bool:
    with contextlib.suppress(Exception):
        numbers = (thing.max_epochs, thing.batch_size, thing.learning_rate)
        return all(isinstance(number, (int, float)) for number in numbers)
    return False


def found_in_frames(is_it):
    """The first object for which `is_it` holds among the variables of the functions that run now,
    innermost first: a training method's `self`, a training function's dataset."""
    frame = sys._getframe()
    while frame is not None:
        for thing in list(frame.f_locals.values()):
            if not isinstance(thing, type) and is_it(thing):
                return thing
        frame = frame.f_back
    return None


def found_among_objects():
    """The newest object that looks like a training config."""
    kinds = (torch.Tensor, torch.nn.Module, type)
    return next((x for x in reversed(gc.get_objects()) if hasattr(type(x), "__dict__")
                 and not isinstance(x, kinds) and looks_like_config(x)), None)  # fmt: skip


def training(args: dict):
    """What run.py would train: config, model and dataset, and the model's logits for the grader's
    `idx` where that is given. Nothing is trained; the model's weights go to the file STATE."""
    watch = Watch()
    watch.install(args["trainer"])
    with contextlib.suppress(Recorded):
        script(args["script"], args["argv"])
    if not watch.stopped:
        return {"seen": []}, {}
    config, net, data = (watch.stopped[name] for name in ("config", "model", "dataset"))
    if net is None:
        return {"seen": []}, {}
    state = {clean(name): value.detach().cpu() for name, value in net.state_dict().items()}
    torch.save(state, STATE)
    seen = {
        "settings": {name: plain(getattr(config, name, None)) for name in args["settings"]},
        "shapes": {clean(n): list(p.shape) for n, p in net.named_parameters()},
        "digest": {name: digest(value) for name, value in state.items()},
        "dataset": [kind.__name__ for kind in type(data).__mro__],
        "examples": len(data) if hasattr(data, "__len__") else -1,
    }
    arrays = {"logits": logits_of(net)} if args["logits"] else {}
    return {"seen": [seen]}, arrays


def logits_of(net: torch.nn.Module) -> np.ndarray:
    asked("the model of run.py on a few characters")
    with torch.no_grad():
        return net.eval()(inputs()["idx"])[0].float().numpy()


def digest(value: torch.Tensor) -> str:
    return hashlib.sha256(value.contiguous().numpy().tobytes()).hexdigest()


def plain(value):
    """Numbers as numbers, anything else as text."""
    return value if isinstance(value, (bool, int, float, type(None))) else repr(value)[:100]


# -- run.py evaluate, and the baseline -----------------------------------------------------------


def evaluate(args: dict):
    """The rows that `run.py evaluate` writes for the questions in `questions.tsv`."""
    script(args["script"], args["argv"])
    asked("reading the predictions that it wrote")
    with open(args["outputs"], encoding="utf-8") as file:
        return {"rows": file.read().split("\n")[: args["rows"] + 2]}, {}


def london(args: dict):
    """Run the baseline; what it prints is read from its output. The files that it may write."""
    script(args["script"], args["argv"])
    written = {}
    for name in args["writes"]:
        for place in (name, os.path.join(os.path.dirname(args["script"]), name)):
            with contextlib.suppress(OSError), open(place, encoding="utf-8") as file:
                written[name] = file.read(2000)
    return {"written": written}, {}


PROBES |= {probe.__name__: probe for probe in (training, evaluate, london)}
