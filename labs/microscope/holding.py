"""One run of the capacity study: a small model reads a uniform world; how many bits does it hold?

R = (N log2(N0 / e^p1) + N log2(S0 / e^p2)) / P bits a parameter (arXiv 2404.05405, section 2), each
term at least 0: N people; N0 names and S0 places to draw from; p1 and p2 the mean summed loss, in
nats, of a name and of a place; P parameters. log2(N0 / e^p) is what the model spares of the log2 N0
bits that a name costs without it.
"""

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from world_uniform import NAMES, PLACES, uniform_people

from dataset import MASK, PAD
from model import GPT, GPTConfig
from trainer import Trainer, TrainerConfig
from training.runlog import machine

SHAPES = {"20k": (2, 28), "60k": (2, 48), "200k": (4, 64)}  # layers, channels
HEADS = 4
RATES = {"adamw": 3e-3, "muon": 0.02}  # the project's own, of recipes.KNOWLEDGE
ROWS = 500  # measured at once


@dataclass(frozen=True)
class Settings:
    """What a run is made of; equal settings give the same run."""

    size: str
    people: int
    exposures: int
    optimizer: str
    rate: float  # of AdamW or of Muon; what Muon does not train has AdamW's of RATES
    seed: int
    batch: int = 64  # rows of a step
    device: str = "cpu"


class Documents(torch.utils.data.Dataset):
    """A row a person: MASK, name, full stop, " Born in ", place, full stop. Every row is as long.

    `x`, `y` (N, T); `names`, `places` (N, T): True where y is of the name (with its full stop) or
    of the place (with its own).
    """

    def __init__(self, people: list[tuple[str, str]]):
        texts = [(f"{name}.", " Born in ", f"{place}.") for name, place in people]
        letters = sorted(set("".join(map("".join, texts))))
        index = {letter: i for i, letter in enumerate(letters, start=2)}
        self.vocab_size = len(letters) + 2
        width = max(sum(map(len, parts)) for parts in texts)
        rows = [[MASK, *(index[c] for c in "".join(parts))] for parts in texts]
        data = torch.tensor([row + [PAD] * (width + 1 - len(row)) for row in rows])
        self.x, self.y = data[:, :-1], data[:, 1:]
        at = torch.arange(width)
        first, middle, last = (torch.tensor([len(parts[i]) for parts in texts])[:, None]
                               for i in range(3))  # fmt: skip
        self.names = at < first
        self.places = (at >= first + middle) & (at < first + middle + last)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        return self.x[i], self.y[i]

    def batch(self, indices: Tensor, epoch: int, device, parts: int = 1):
        """Rows, the same in every epoch: one pair (x, y)."""
        return [(self.x[indices].to(device), self.y[indices].to(device))]


@torch.no_grad()
def nats(model: nn.Module, data: Documents, device="cpu") -> tuple[float, float]:
    """p1 and p2: the mean summed loss, in nats, of a name and of a place."""
    model.eval()
    sums = torch.zeros(2, dtype=torch.float64)
    for rows in torch.arange(len(data)).split(ROWS):
        logits = model(data.x[rows].to(device))[0].float().cpu()
        y = data.y[rows]
        losses = -logits.log_softmax(-1).gather(-1, y[..., None])[..., 0].double()
        sums += torch.stack([(losses * data.names[rows]).sum(), (losses * data.places[rows]).sum()])
    name, place = (sums / len(data)).tolist()
    return name, place


def bits(people: int, name: float, place: float) -> tuple[float, float]:
    """Bits held of all names and of all places, of p1 and p2 in nats."""
    return tuple(
        people * max(0.0, math.log2(choices) - loss / math.log(2))
        for choices, loss in ((NAMES, name), (PLACES, place))
    )


@torch.no_grad()
def round_to_int8(model: nn.Module) -> None:
    """Every matrix rounded to 8 bits: 255 steps between -max and max of each row."""
    for parameter in model.parameters():
        if parameter.dim() >= 2:
            step = parameter.abs().amax(-1, keepdim=True).clamp_min(1e-12) / 127
            parameter.copy_((parameter / step).round() * step)


def run(settings: Settings, folder: Path) -> dict:
    """Train one model, and what it holds with weights of 32 and of 8 bits. A checkpoint in `folder`
    lets a run that was stopped go on."""
    data = Documents(uniform_people(settings.people, settings.seed))
    layers, channels = SHAPES[settings.size]
    torch.manual_seed(settings.seed)
    model = GPT(GPTConfig(data.vocab_size, data.x.shape[1], n_layer=layers, n_head=HEADS,
                          n_embd=channels, embd_pdrop=0.0, resid_pdrop=0.0,
                          attn_pdrop=0.0))  # fmt: skip
    rates = RATES | {settings.optimizer: settings.rate}
    config = TrainerConfig(
        max_epochs=settings.exposures, batch_size=settings.batch, learning_rate=rates["adamw"],
        muon_learning_rate=rates["muon"], lr_decay=True, schedule="linear", shuffle=True,
        optimizer=settings.optimizer, seed=settings.seed, device=settings.device,
        weight_decay=0.01, warmup_tokens=20 * settings.batch * data.x.shape[1],
        precision="fp32", parts=1,
        checkpoint_path=str(folder / "checkpoint"), resume=(folder / "checkpoint").exists(),
        checkpoint_minutes=2.0,
    )  # fmt: skip
    started = time.perf_counter()
    trainer = Trainer(model, data, None, config)
    trainer.train()
    (folder / "checkpoint").unlink()
    result = asdict(settings) | {"parameters": sum(p.numel() for p in model.parameters())}
    result |= {"steps": trainer.total_steps, "seconds": round(time.perf_counter() - started, 1)}
    for width in ("float32", "int8"):
        if width == "int8":
            round_to_int8(model)
        name, place = nats(model, data, trainer.device)
        held = bits(settings.people, name, place)
        result[width] = {"p1": name, "p2": place, "bits": sum(held), "of places": held[1],
                         "per parameter": sum(held) / result["parameters"]}  # fmt: skip
    wanted = settings.people * (math.log2(NAMES) + math.log2(PLACES))
    result["demand"] = wanted / result["parameters"]  # bits a parameter that the world would take
    return result | {"machine": machine(trainer.device)}
