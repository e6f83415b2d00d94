"""Two well-kept implementations of the same model, as strong as their settings make them.

`transformers`' GPT-2 and `x-transformers`' decoder, at our sizes and dropouts, trained with fused
AdamW, in bfloat16 autocast where the device multiplies it, on batches trimmed to their longest row.
Which attention and whether to compile is found by trying (`best_setting`).
"""

import argparse
import contextlib
import importlib.util
from dataclasses import dataclass
from functools import partial
from statistics import median

import torch
import torch.nn.functional as F
from measure import WholeBatches, timed
from torch import Tensor, nn

from dataset import PAD
from training.device import pick_device, pick_precision, should_compile
from training.optimizers import optimizer_groups

WIDTHS = 16  # compiled peers see widths that are multiples of this: few graphs, little padding


@dataclass(frozen=True)
class Setting:
    """How a peer runs: "eager" or "sdpa" attention; compile "off" or a mode of torch.compile."""

    attention: str
    compile: str

    def __str__(self) -> str:
        compiled = {"off": "not compiled", "default": "compiled"}
        return f"{self.attention}, {compiled.get(self.compile, 'compiled ' + self.compile)}"


class Logits(nn.Module):
    """A model of transformers that returns its logits alone."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(input_ids=x, use_cache=False).logits


def build_transformers(args: argparse.Namespace, vocab_size: int, attention: str) -> nn.Module:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=vocab_size,
        n_positions=args.block_size,
        n_embd=args.n_embd,
        n_layer=args.n_layer,
        n_head=args.n_head,
        activation_function="gelu",
        resid_pdrop=0.1,
        embd_pdrop=0.1,
        attn_pdrop=0.1,
        bos_token_id=0,
        eos_token_id=0,
        use_cache=False,
        tie_word_embeddings=False,
        attn_implementation=attention,
    )
    return Logits(GPT2LMHeadModel(config))


def build_x_transformers(args: argparse.Namespace, vocab_size: int, attention: str) -> nn.Module:
    from x_transformers import Decoder, TransformerWrapper

    layers = Decoder(
        dim=args.n_embd,
        depth=args.n_layer,
        heads=args.n_head,
        attn_dim_head=args.n_embd // args.n_head,
        attn_flash=attention == "sdpa",
        attn_dropout=0.1,
        attn_sublayer_dropout=0.1,
        ff_mult=4,
        ff_sublayer_dropout=0.1,
    )
    return TransformerWrapper(
        num_tokens=vocab_size, max_seq_len=args.block_size, emb_dropout=0.1, attn_layers=layers
    )


BUILDERS = {"transformers": build_transformers, "x-transformers": build_x_transformers}


def installed(name: str) -> bool:
    """Whether the package of a peer is there; if not, says what to do."""
    with contextlib.suppress(ImportError):
        if importlib.util.find_spec(name.replace("-", "_")):
            importlib.import_module(name.replace("-", "_"))
            return True
    print(f"{name}: skipped, it or what it needs is missing: pip install -r bench/requirements.txt")
    return False


class Peer:
    """A peer in one setting; `step(i)` trains on the rows of step i."""

    def __init__(self, name: str, args: argparse.Namespace, data: WholeBatches, setting: Setting):
        torch.manual_seed(7)
        self.device = pick_device(args.device)
        self.dtype = pick_precision("auto", self.device)
        self.compiled = setting.compile != "off"
        self.batch_size, self.data = args.batch_size, data
        model = BUILDERS[name](args, data.vocab_size, setting.attention)
        self.model = model.to(self.device).train()
        self.parameters = sum(p.numel() for p in self.model.parameters())
        groups = optimizer_groups(self.model, 0.1)
        self.optimizer = torch.optim.AdamW(groups, lr=6e-4, betas=(0.9, 0.95), fused=True)
        self.forward = self.loss
        if self.compiled:
            self.forward = torch.compile(self.loss, dynamic=False, mode=setting.compile)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        low = self.dtype != torch.float32
        with torch.autocast(self.device.type, self.dtype, enabled=low):
            logits = self.model(x)
            return F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=PAD)

    def rows(self, i: int) -> list[tuple[Tensor, Tensor]]:
        """The batch of step i, trimmed to its longest row (and little more, where compiled)."""
        x, y = padded_rows(self.data, i, self.batch_size, self.device)
        if self.compiled:
            width = min(-(-x.shape[1] // WIDTHS) * WIDTHS, self.data.longest + 1)
            return [(pad(x, width), pad(y, width))]
        return [(x, y)]

    def step(self, i: int) -> None:
        ((x, y),) = self.rows(i)
        self.forward(x, y).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


def padded_rows(data: WholeBatches, i: int, batch_size: int, device: torch.device):
    """x, y of step i of a run without shuffling, in one piece."""
    epoch, first = divmod(i * batch_size, len(data))
    return data.batch(torch.arange(first, first + batch_size), epoch, device)[0]


def pad(z: Tensor, width: int) -> Tensor:
    """(B, T) -> (B, width), the new positions PAD."""
    return F.pad(z, (0, width - z.shape[1]), value=PAD)


def warm_up(contender, steps: int) -> None:
    """Two steps; where the contender compiles, one for each new shape among the first `steps`."""
    seen = set()
    for i in range(steps):
        shapes = {tuple(x.shape) for x, _ in contender.rows(i)}
        if i < 2 or (contender.compiled and shapes - seen):
            contender.step(i)
        seen |= shapes


def step_seconds(contender, steps: int) -> list[float]:
    """Seconds of each of the first `steps` steps."""
    return [timed(partial(contender.step, i), contender.device) for i in range(steps)]


def settings(device: torch.device, compile: bool) -> list[Setting]:
    modes = ["off"]
    if compile and should_compile("auto" if device.type == "cuda" else "on", device):
        modes += ["default", "reduce-overhead"] if device.type == "cuda" else ["default"]
    return [Setting(attention, mode) for mode in modes for attention in ("eager", "sdpa")]


def best_setting(name: str, args: argparse.Namespace, data: WholeBatches) -> Setting | None:
    """The setting in which the peer `name` is fastest over a few steps; what was tried is printed.

    None where none works.
    """
    found = {}
    for setting in settings(pick_device(args.device), not args.no_compile):
        try:
            peer = Peer(name, args, data, setting)
            warm_up(peer, args.trial_steps)
            found[setting] = median(step_seconds(peer, args.trial_steps))
        except Exception as error:  # a compiler's failures have no common class
            first_line = (str(error).splitlines() or [type(error).__name__])[0]
            print(f"{name}, {setting}: fails ({first_line[:100]})", flush=True)
            continue
        print(f"{name}, {setting}: {found[setting]:.3f} s a step", flush=True)
    return min(found, key=found.get) if found else None
