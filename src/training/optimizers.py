"""The optimizers that a run may choose, with their parameter groups."""

from collections.abc import Callable

import torch
from torch import nn

from base.errors import UserError

OPTIMIZERS = ("adamw", "muon")


def optimizer_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """The course's two groups: names with "bias" do not decay, all else does."""
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    return [
        {"params": [p for name, p in trained if "bias" not in name], "weight_decay": weight_decay},
        {"params": [p for name, p in trained if "bias" in name], "weight_decay": 0.0},
    ]


def hidden_matrices(model: nn.Module) -> list[nn.Parameter]:
    """The weights of the linear layers between a model's embedding and its head: of its `blocks`.

    Raises UserError for a model that has none.
    """
    layers = getattr(model, "blocks", nn.Module()).modules()
    found = [m.weight for m in layers if isinstance(m, nn.Linear) and m.weight.requires_grad]
    if not found:
        raise UserError("the model has no `blocks` with linear layers for Muon; use adamw")
    return found


def build_optimizer(model: nn.Module, config) -> "Together":
    """AdamW of all parameters, or Muon of the hidden matrices and AdamW of the others.

    Muon: Jordan et al., 2024 (kellerjordan.github.io/posts/muon), as torch.optim has it. `config`
    is a TrainerConfig: learning_rate, betas, weight_decay, optimizer, muon_learning_rate.
    """
    groups = optimizer_groups(model, config.weight_decay)
    if config.optimizer == "adamw":
        return Together(adamw(groups, config))
    if not hasattr(torch.optim, "Muon"):
        raise UserError(
            f"torch {torch.__version__} has no Muon; install 2.9 or later, or use adamw"
        )
    matrices = hidden_matrices(model)
    taken = {id(p) for p in matrices}
    for group in groups:
        group["params"] = [p for p in group["params"] if id(p) not in taken]
    muons = [  # one each, so that they can step side by side
        torch.optim.Muon([p], lr=config.muon_learning_rate, weight_decay=config.weight_decay)
        for p in matrices
    ]
    optimizer = Together(adamw(groups, config), *muons)
    held = sorted(id(p) for group in optimizer.param_groups for p in group["params"])
    assert held == sorted(id(p) for p in model.parameters() if p.requires_grad)
    return optimizer


def adamw(groups: list[dict], config) -> torch.optim.AdamW:
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas, fused=True)


class Together:
    """One or more optimizers that step as one."""

    def __init__(self, *optimizers: torch.optim.Optimizer):
        self.optimizers = optimizers

    @property
    def param_groups(self) -> list[dict]:
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]

    def step(self, map: Callable = map) -> None:
        """One step of each; `map` may be that of a pool of threads."""
        list(map(lambda optimizer: optimizer.step(), self.optimizers))

    def zero_grad(self, set_to_none: bool = True) -> None:
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=set_to_none)

    def state_dict(self) -> dict:
        return {"optimizers": [optimizer.state_dict() for optimizer in self.optimizers]}

    def load_state_dict(self, state: dict) -> None:
        for optimizer, own in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(own)
