"""What runs beside the student's code, inside the sandbox: it asks the code and reports data.

A probe never judges: what it returns is compared in the grader's own process, since code that runs
here could change anything here. Each probe takes the request's `args` and gives (data, arrays).
"""

import contextlib
import importlib
import os
import pickletools
import random
import sys
import traceback
import zipfile
from types import ModuleType, SimpleNamespace

import numpy as np
import torch
import wire
from weights import clean, pair_names

HOME = os.getcwd  # the submission's copy, wherever the sandbox shows it
TRACEBACK_LONGEST = 1500
OWN = ("jail", "wire", "weights", "probes", "runner")  # a submission may use these names itself
WRAPPERS = ("model_state_dict", "state_dict", "model")  # keys under which people save weights
where = ["while importing"]  # what the student's code was asked last, for error messages


def run(request: dict, channel: int) -> None:
    """Run one probe and write its answer to the file descriptor `channel`."""
    sys.path[:0] = [os.path.join(HOME(), name) for name in ("src", "submission")] + [HOME()]
    for name in OWN:
        sys.modules.pop(name, None)
    try:
        random.seed(request["seed"])
        np.random.seed(request["seed"])
        torch.manual_seed(request["seed"])
        data, arrays = PROBES[request["probe"]](request["args"])
    except BaseException as error:  # SystemExit too: the code under test may raise anything
        data, arrays = {"error": describe(error)}, {}
        if isinstance(error, ModuleNotFoundError):
            data["missing"] = str(error.name)
    answer = wire.pack(request["nonce"], data, arrays)
    with contextlib.suppress(OSError, ValueError):  # where the code has closed its own channels
        sys.stdout.flush()
        while answer:
            answer = answer[os.write(channel, answer) :]


def describe(error: BaseException) -> str:
    """The error in the student's own frames, and what they were asked to do."""
    frames = traceback.extract_tb(error.__traceback__)
    places = (HOME(), "src/", "submission/", "run.py", "london")
    own = [f for f in frames if f.filename.startswith(places)]
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
    load_on_cpu()
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
    """Names, shapes and finiteness of what `path` holds, and what was unwrapped. No student code
    runs in this probe."""
    asked(f"reading {args['path']}")
    state, notes = read_state(args["path"])
    numbers = {n: v for n, v in state.items() if v.is_floating_point()}
    return {
        "shapes": {name: list(value.shape) for name, value in state.items()},
        "infinite": [name for name, value in numbers.items() if not value.isfinite().all()],
        "notes": notes,
    }, {}


def read_state(path: str) -> tuple[dict[str, torch.Tensor], list[str]]:
    """The weights in a file under their own names, and what had to be unwrapped for it. Raises
    ValueError with one sentence for a file that holds something else."""
    notes = []
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(unreadable(path, error)) from None
    for key in WRAPPERS:
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
            notes.append(f"the weights were taken from its entry {key!r}")
            break
    if not isinstance(state, dict) or not all(torch.is_tensor(v) for v in state.values()):
        raise ValueError("it is no state_dict; save model.state_dict() with torch.save")
    if any(clean(str(name)) != name for name in state):
        notes.append("'module.' or '_orig_mod.' was taken off its names")
    return {clean(str(name)): value for name, value in state.items()}, notes


def unreadable(path: str, error: Exception) -> str:
    """Why torch cannot read a params file, and the mend, without torch's advice to trust it."""
    again = "save model.state_dict() with torch.save and hand that in"
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(n for n in archive.namelist() if n.endswith("data.pkl"))
            words = {op[1] for op in pickletools.genops(archive.read(name)) if op[1] is not None}
    except Exception:
        return f"it is damaged, cut off or no file of torch.save; {again}"
    if any("torch.nn.modules" in str(word) for word in words):
        return f"it holds a whole pickled model, whose code would have to be run; {again}"
    if "PytorchStreamReader" in str(error):
        return f"it is damaged or cut off; {again}"
    return f"it holds more than tensors (nothing in it was run); {again}"


# -- what students' machines have and this one does not ------------------------------------------


def load_on_cpu() -> None:
    """Let torch.load put tensors of a GPU that is not here on the CPU, and read what older versions
    of torch read (only the submission's own code and files are in reach)."""

    def place(storage, location: str):
        kind = location.split(":")[0]
        present = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
        return storage if kind in present and not present[kind]() else None

    if "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD" not in os.environ:  # once is enough
        torch.serialization.register_package(0, lambda storage: None, place)
        os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"


class SummaryWriter:
    """Stands in for TensorBoard's: takes everything, writes nothing."""

    def __init__(self, *args, **kwargs):
        self.log_dir = kwargs.get("log_dir", "runs")

    def __getattr__(self, name: str):
        return lambda *args, **kwargs: None

    def __enter__(self):
        return self

    def __exit__(self, *args):
        return None


def stand_in_for_tensorboard() -> None:
    """What the kits of 2023 and 2024 import of TensorBoard."""
    for name in ("torch.utils.tensorboard", "tensorboardX"):
        module = ModuleType(name, "A stand-in of the grader: it writes nothing.")
        module.SummaryWriter = SummaryWriter
        sys.modules[name] = module
    torch.utils.tensorboard = sys.modules["torch.utils.tensorboard"]


# -- part e: span corruption --------------------------------------------------------------------


def corruption(args: dict):
    """x and y of `count` examples, padded with -1: those of all that the dataset says it has, again
    and again, or of `indices`. The types and shapes that occurred."""
    module = student(args["module"])
    asked("building CharCorruptionDataset")
    dataset = module.CharCorruptionDataset(args["text"], args["block_size"])
    asked("len(dataset)")
    length = len(dataset)
    indices = args.get("indices") or [i % max(1, length) for i in range(args["count"])]
    rows, kinds, shapes = [], set(), set()
    for index in indices:
        asked(f"dataset[{index}] of {length}")
        pair = dataset[index]
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"dataset[{index}] gives {type(pair).__name__}, not a pair x, y")
        for part in pair:
            kinds.add(str(part.dtype) if torch.is_tensor(part) else type(part).__name__)
            shapes.add(str(list(np.shape(part))))
        rows.append([np.asarray(part).reshape(-1).astype(np.int64) for part in pair])
    return {"kinds": sorted(kinds), "shapes": sorted(shapes), "length": length}, {
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
    module = student(args["module"])
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


def load_weights(module: torch.nn.Module, tensors: dict, renames: list = ()) -> dict[str, str]:
    """Load by name or, under foreign names, by shape: {our name: the module's}. Raises KeyError
    naming a weight that the module does not have."""
    own = {name: list(value.shape) for name, value in module.named_parameters()}
    pairs = pair_names({n: list(v.shape) for n, v in tensors.items()}, own, renames)
    for name, value in tensors.items():
        if name not in pairs:
            shape = f"no {name} of shape {list(value.shape)}"
            shown = ", ".join(f"{n} {size}" for n, size in own.items())
            raise KeyError(f"{type(module).__name__} has {shape}; it has {shown}")
    module.load_state_dict({pairs[n]: value for n, value in tensors.items()}, strict=False)
    return pairs


def layer(args: dict):
    """Outputs for x, for x with later positions changed, and the gradients of sum(out * g)."""
    module = student(args["module"])
    tensors = inputs()
    asked(f"building attention.{args['class']}")
    config = SimpleNamespace(**args["config"])
    built = getattr(module, args["class"])(config)
    pairs = load_weights(built, weights(tensors))
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
    parameters = dict(built.named_parameters())
    for name, own in pairs.items():
        parameter = parameters[own]
        gradient = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
        arrays[f"grad.{name}"] = gradient.numpy()
    return {}, arrays


def model(args: dict):
    """Logits of the whole model, built with the variant's flag."""
    module = student(args["module"])
    tensors = inputs()
    asked(f"building GPT, mconf.{args['flag']} = True" if args["flag"] else "building GPT")
    config = module.GPTConfig(args["vocab_size"], args["block_size"], **args["sizes"])
    for name, value in args["settings"].items():
        setattr(config, name, value)
    built = module.GPT(config)
    load_weights(built, weights(tensors), args["renames"])
    built.eval()
    asked("GPT.forward")
    with torch.no_grad():
        logits = built(tensors["idx"])[0]
    return {}, {"logits": logits.numpy()}


# -- the reference's own code (in the same sandbox, with this project's src/ and no student code) --


def reference(args: dict):
    """Everything that the checks compare with."""
    return importlib.import_module("reference_answers").compute(args)


def fresh_params(args: dict):
    """Random params to finetune from."""
    state = read_state(args["from"])[0] if args["from"] else None
    return importlib.import_module("reference_answers").fresh_params(args, state)


def reference_predictions(args: dict):
    """What the reference model with the submitted params answers."""
    asked(f"loading {args['path']} into the course's model")
    state, _ = read_state(args["path"])
    return importlib.import_module("reference_answers").predict(args, state), {}


PROBES = {
    probe.__name__: probe
    for probe in (
        imports, params, corruption, untouched, layer, model, reference, fresh_params,
        reference_predictions,
    )
}  # fmt: skip  (runner.py adds those that run scripts)
