"""What runs beside the student's code, inside the sandbox: it asks the code and reports data.

A probe never judges: what it returns is compared in the grader's own process, since code that runs
here could change anything here. Each probe takes the request's `args` and gives (data, arrays).
"""

import contextlib
import hashlib
import importlib
import os
import random
import runpy
import sys
import traceback
from types import SimpleNamespace

import numpy as np
import torch
import wire

HOME = os.getcwd  # the submission's copy, wherever the sandbox shows it
TRACEBACK_LONGEST = 1500
where = ["while importing"]  # what the student's code was asked last, for error messages


def run(request: dict, channel: int) -> None:
    """Run one probe and write its answer to the file descriptor `channel`."""
    sys.path[:0] = [os.path.join(HOME(), "src"), HOME()]
    try:
        random.seed(request["seed"])
        np.random.seed(request["seed"])
        torch.manual_seed(request["seed"])
        data, arrays = PROBES[request["probe"]](request["args"])
    except BaseException as error:  # SystemExit too: the code under test may raise anything
        data, arrays = {"error": describe(error)}, {}
    answer = wire.pack(request["nonce"], data, arrays)
    with contextlib.suppress(OSError, ValueError):  # where the code has closed its own channels
        sys.stdout.flush()
        while answer:
            answer = answer[os.write(channel, answer) :]


def describe(error: BaseException) -> str:
    """The error in the student's own frames, and what they were asked to do."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.filename.startswith((HOME(), "src/", "london"))]
    lines = [f"  {os.path.relpath(f.filename)}, line {f.lineno}: {f.line}" for f in own[-4:]]
    if isinstance(error, SystemExit):
        what = f"the code ended the program: sys.exit({error.code!r})"
    else:
        what = f"{type(error).__name__}: {error}"
    return "\n".join([f"{what} ({where[0]})", *lines])[:TRACEBACK_LONGEST]


def asked(what: str) -> None:
    where[0] = what


def student(name: str):
    """The submission's module of this name."""
    asked(f"importing {name}")
    return importlib.import_module(name)


def inputs() -> dict[str, torch.Tensor]:
    """The tensors that the grader put beside the submission."""
    with np.load("inputs.npz", allow_pickle=False) as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


def weights(tensors: dict) -> dict:
    return {name[7:]: value for name, value in tensors.items() if name.startswith("weight.")}


# -- the submission's files ---------------------------------------------------------------------


def imports(args: dict):
    """Import the module `name`."""
    student(args["name"])
    return {}, {}


def params(args: dict):
    """Names, shapes and finiteness of what `path` holds. No student code runs in this probe."""
    asked(f"reading {args['path']}")
    state = torch.load(args["path"], map_location="cpu", weights_only=True)
    if not isinstance(state, dict) or not all(torch.is_tensor(v) for v in state.values()):
        return {"error": "not a state_dict (a dictionary of tensors)"}, {}
    numbers = {n: v for n, v in state.items() if v.is_floating_point()}
    return {
        "shapes": {clean(name): list(value.shape) for name, value in state.items()},
        "infinite": [clean(name) for name, value in numbers.items() if not value.isfinite().all()],
    }, {}


def clean(name: str) -> str:
    """A parameter's name without what DataParallel and torch.compile put before it."""
    return name.replace("_orig_mod.", "").removeprefix("module.")


def digest(value: torch.Tensor) -> str:
    return hashlib.sha256(value.contiguous().numpy().tobytes()).hexdigest()


# -- part e: span corruption --------------------------------------------------------------------


def corruption(args: dict):
    """x and y of every index in `indices`, padded with -1; types and shapes that occurred."""
    module = student("dataset")
    asked("building CharCorruptionDataset")
    dataset = module.CharCorruptionDataset(args["text"], args["block_size"])
    documents = args["text"].split("\n")
    rows, kinds, shapes = [], set(), set()
    for index in args["indices"]:
        asked(f"dataset[{index}], the document {documents[index][:60]!r}")
        pair = dataset[index]
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"dataset[{index}] gives {type(pair).__name__}, not a pair x, y")
        for part in pair:
            kinds.add(str(part.dtype) if torch.is_tensor(part) else type(part).__name__)
            shapes.add(str(list(np.shape(part))))
        rows.append([np.asarray(part).reshape(-1).astype(np.int64) for part in pair])
    return {"kinds": sorted(kinds), "shapes": sorted(shapes)}, {
        name: padded([row[k] for row in rows]) for k, name in enumerate("xy")
    }


def padded(rows: list[np.ndarray]) -> np.ndarray:
    table = np.full((len(rows), max(map(len, rows))), -1, np.int32)
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table


def untouched(args: dict):
    """The documents before and after examples are drawn, and each example when it is drawn and
    when all are."""
    module = student("dataset")
    dataset = module.CharCorruptionDataset(args["text"], args["block_size"])
    before = [str(document) for document in dataset.data]
    pairs, drawn = [], []
    for index in args["indices"]:
        asked(f"dataset[{index}]")
        pairs.append(dataset[index])
        drawn.append(snapshot(pairs[-1]))
    after = [str(document) for document in dataset.data]
    later = [snapshot(pair) for pair in pairs]
    return {"before": before, "after": after}, {"drawn": padded(drawn), "later": padded(later)}


def snapshot(pair) -> np.ndarray:
    return np.concatenate([np.asarray(part).reshape(-1).astype(np.int64) for part in pair])


# -- part g: layers and models ------------------------------------------------------------------


def load_weights(module: torch.nn.Module, tensors: dict) -> None:
    """Load by name. Raises KeyError naming a weight that the module does not have."""
    own = module.state_dict()
    for name, value in tensors.items():
        if name not in own:
            raise KeyError(f"{type(module).__name__} has no {name}; it has {', '.join(own)}")
        if own[name].shape != value.shape:
            shapes = f"{list(own[name].shape)}, not {list(value.shape)}"
            raise ValueError(f"{name} of {type(module).__name__} has the shape {shapes}")
    module.load_state_dict(tensors, strict=False)


def layer(args: dict):
    """Outputs for x, for x with later positions changed, and the gradients of sum(out * g)."""
    module = student("attention")
    tensors = inputs()
    asked(f"building attention.{args['class']}")
    config = SimpleNamespace(**args["config"])
    built = getattr(module, args["class"])(config)
    load_weights(built, weights(tensors))
    built.eval()
    arrays = {}
    for name in ("x", "changed"):
        asked(f"{args['class']}.forward on an input of shape {list(tensors[name].shape)}")
        out = built(tensors[name])
        out = out[0] if isinstance(out, tuple) else out
        arrays[f"out.{name}"] = out.detach().numpy()
        if name == "x":
            asked("the backward pass")
            (out * tensors["g"]).sum().backward()
    for name, parameter in built.named_parameters():
        gradient = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
        arrays[f"grad.{name}"] = gradient.numpy()
    return {}, arrays


def model(args: dict):
    """Logits of the whole model, built with the variant's flag, and its attention layers' names."""
    module = student("model")
    tensors = inputs()
    asked(f"building GPT, mconf.{args['flag']} = True" if args["flag"] else "building GPT")
    config = module.GPTConfig(args["vocab_size"], args["block_size"], **args["sizes"])
    for name, value in args["settings"].items():
        setattr(config, name, value)
    built = module.GPT(config)
    load_weights(built, weights(tensors))
    built.eval()
    asked("GPT.forward")
    with torch.no_grad():
        logits = built(tensors["idx"])[0]
    return {}, {"logits": logits.numpy()}


# -- run.py -------------------------------------------------------------------------------------


def script(path: str, argv: list[str]) -> None:
    """Run a script of the submission as `python path argv` would; sys.exit() ends it quietly."""
    asked(f"python {path} {' '.join(argv)}"[:300])
    sys.argv = [path, *argv]
    sys.path.insert(0, os.path.abspath(os.path.dirname(path) or "."))
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as end:
        if end.code not in (None, 0):
            raise


class Recorded(BaseException):
    """Ends run.py at the moment when training would begin. (No Exception: nobody catches it.)"""


def training(args: dict):
    """What `run.py` would train: the Trainer's config, model and dataset. Nothing is trained."""
    trainer = student("trainer")
    seen = []

    def record(self, *_, **__):
        config, net = self.config, self.model
        settings = {name: getattr(config, name, None) for name in args["settings"]}
        seen.append({
            "settings": {name: plain(value) for name, value in settings.items()},
            "shapes": {clean(n): list(v.shape) for n, v in net.state_dict().items()},
            "digest": {clean(n): digest(v) for n, v in net.state_dict().items()},
            "dataset": [kind.__name__ for kind in type(self.train_dataset).__mro__],
            "examples": len(self.train_dataset),
        })  # fmt: skip
        raise Recorded

    trainer.Trainer.train = record
    try:
        script("src/run.py", args["argv"])
    except Recorded:
        pass
    return {"seen": seen}, {}


def plain(value):
    """Numbers as numbers, anything else as text."""
    return value if isinstance(value, (bool, int, float, type(None))) else repr(value)[:100]


def evaluate(args: dict):
    """The rows that `run.py evaluate` writes for the questions in `questions.tsv`."""
    script("src/run.py", args["argv"])
    asked("reading the predictions that it wrote")
    with open(args["outputs"], encoding="utf-8") as file:
        return {"rows": file.read().split("\n")[: args["rows"] + 2]}, {}


def london(args: dict):
    """Run london_baseline.py; its prints are the answer."""
    script("london_baseline.py", [])
    return {}, {}


# -- the reference's own code (in the same sandbox, with this project's src/ and no student code) --


def reference(args: dict):
    """Everything that the checks compare with."""
    return importlib.import_module("reference_answers").compute(args)


def fresh_params(args: dict):
    """Random params to finetune from."""
    return importlib.import_module("reference_answers").fresh_params(args)


def reference_predictions(args: dict):
    """What the reference model with the submitted params answers."""
    asked(f"loading {args['path']} into the course's model")
    return importlib.import_module("reference_answers").predict(args), {}


PROBES = {
    probe.__name__: probe
    for probe in (
        imports, params, corruption, untouched, layer, model, training, evaluate, london,
        reference, fresh_params,
        reference_predictions,
    )
}  # fmt: skip
