"""The optimizers that a run may choose, with their parameter groups."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from base import machine
from base.errors import UserError


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
    matrices = [m.weight for m in layers if isinstance(m, nn.Linear) and m.weight.requires_grad]
    if not matrices:
        raise UserError("the model has no `blocks` with linear layers for Muon; use adamw")
    return matrices


def build_optimizer(model: nn.Module, config) -> "Together":
    """AdamW of all parameters, or Muon of the hidden matrices and AdamW of the others.

    Muon: Jordan et al., 2024 (kellerjordan.github.io/posts/muon), as torch.optim has it, in
    float32 where the device has no bfloat16 instructions. `config` is a TrainerConfig:
    learning_rate, betas, weight_decay, optimizer, muon_learning_rate.
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
    native = machine.multiplies_bf16(matrices[0].device)
    Muon = torch.optim.Muon if native else float32_muon()
    muons = [  # one for each matrix, so that they can step side by side
        Muon([p], lr=config.muon_learning_rate, weight_decay=config.weight_decay) for p in matrices
    ]
    stacks = shapes_together(muons) if matrices[0].device.type == "cuda" else []
    optimizer = Together(adamw(groups, config), *muons, stacks=stacks)
    held = sorted(id(p) for group in optimizer.param_groups for p in group["params"])
    assert held == sorted(id(p) for p in model.parameters() if p.requires_grad)
    return optimizer


def adamw(groups: list[dict], config) -> torch.optim.AdamW:
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas, fused=True)


def float32_muon() -> type[torch.optim.Optimizer]:
    """torch.optim.Muon with its iteration in the parameters' own dtype; torch's rounds to bfloat16.

    A function, because torch before 2.9 has no Muon to derive from.
    """

    class Float32Muon(torch.optim.Muon):
        @torch.no_grad()
        def step(self, closure=None) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        muon_step(p, self.state[p], group)

    return Float32Muon


def muon_step(p: Tensor, state: dict, group: dict) -> None:
    """One update of the matrix p (m, n), by the rule and settings of torch.optim.Muon:
    the momentum M <- 0.95 M + 0.05 G; p <- (1 - lr decay) p - lr sqrt(max(1, m / n)) O, where O is
    0.95 M + 0.05 G made orthogonal."""
    if not state:
        state["momentum_buffer"] = torch.zeros_like(p)
    state["momentum_buffer"].lerp_(p.grad, 1 - group["momentum"])
    update = p.grad.lerp(state["momentum_buffer"], group["momentum"])
    update = orthogonalized(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
    p.mul_(1 - group["lr"] * group["weight_decay"])
    p.sub_(update, alpha=group["lr"] * max(1, p.shape[0] / p.shape[1]) ** 0.5)


def orthogonalized(
    matrix: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float
) -> Tensor:
    """U V^T, nearly, of a matrix (m, n) = U S V^T, or of each of (K, m, n): Newton-Schulz
    iterations in its own dtype.

    X <- a X + (b X X^T + c (X X^T)^2) X, `steps` times, from the matrix divided by its norm.
    """
    a, b, c = coefficients
    add = torch.addmm if matrix.ndim == 2 else torch.baddbmm
    tall = matrix.shape[-2] > matrix.shape[-1]
    X = matrix.mT if tall else matrix
    X = X / X.norm(dim=(-2, -1), keepdim=True).clamp(min=eps)
    if matrix.ndim == 2 and 2 * X.shape[0] <= X.shape[1]:
        X = gram_factor(X @ X.T, coefficients, steps) @ X
    else:
        for _ in range(steps):
            gram = X @ X.mT
            X = add(X, add(gram, gram, gram, beta=b, alpha=c), X, beta=a)
    return X.mT if tall else X


def gram_factor(gram: Tensor, coefficients: tuple[float, float, float], steps: int) -> Tensor:
    """The Q for which Q X is what the iterations make of a wide X: they need X only at the ends.

    With P = a + b G + c G^2 of the Gram matrix G = X X^T, an iteration is X <- P X, so Q <- P Q and
    G <- P G P: products on the short side, about half the arithmetic where X is four times as wide.
    """
    a, b, c = coefficients
    Q = None
    for step in range(steps):
        P = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        P.diagonal().add_(a)
        Q = P if Q is None else P @ Q
        if step < steps - 1:
            gram = P @ gram @ P
    return Q


Stack = list[torch.optim.Optimizer]  # Muons, each with one matrix, all of one shape


def shapes_together(muons: list[torch.optim.Optimizer]) -> list[Stack]:
    """Muons with one matrix each, by its shape."""
    stacks: dict[torch.Size, Stack] = {}
    for muon in muons:
        stacks.setdefault(muon.param_groups[0]["params"][0].shape, []).append(muon)
    return list(stacks.values())


@torch.no_grad()
def step_stack(muons: Stack) -> None:
    """What `step()` of each does, in a few large kernels instead of many small ones."""
    groups = [muon.param_groups[0] for muon in muons]
    matrices = [group["params"][0] for group in groups]
    if any(p.grad is None for p in matrices):
        for muon in muons:
            muon.step()
        return
    gradients = [p.grad for p in matrices]
    for muon, p in zip(muons, matrices, strict=True):
        if not muon.state[p]:
            muon.state[p]["momentum_buffer"] = torch.zeros_like(p)
    momenta = [muon.state[p]["momentum_buffer"] for muon, p in zip(muons, matrices, strict=True)]
    group, (m, n) = groups[0], matrices[0].shape
    torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
    updates = torch.stack(torch._foreach_lerp(gradients, momenta, group["momentum"]))
    if machine.multiplies_bf16(updates.device):
        updates = updates.bfloat16()
    updates = orthogonalized(updates, group["ns_coefficients"], group["ns_steps"], group["eps"])
    torch._foreach_mul_(matrices, 1 - group["lr"] * group["weight_decay"])
    rate = group["lr"] * max(1, m / n) ** 0.5
    torch._foreach_sub_(matrices, list((updates.to(matrices[0].dtype) * rate).unbind()))


class Together:
    """One or more optimizers that step as one; those in `stacks` by step_stack."""

    def __init__(self, *optimizers: torch.optim.Optimizer, stacks: Sequence[Stack] = ()):
        self.optimizers, self.stacks = optimizers, stacks
        stacked = {id(muon) for stack in stacks for muon in stack}
        self.single = [one for one in optimizers if id(one) not in stacked]

    @property
    def param_groups(self) -> list[dict]:
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]

    def step(self, map: Callable = map) -> None:
        """One step of each; `map` may be that of a thread pool."""
        list(map(lambda optimizer: optimizer.step(), self.single))
        for stack in self.stacks:
            step_stack(stack)

    def zero_grad(self, set_to_none: bool = True) -> None:
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=set_to_none)

    def state_dict(self) -> dict:
        return {"optimizers": [optimizer.state_dict() for optimizer in self.optimizers]}

    def load_state_dict(self, state: dict) -> None:
        for optimizer, own in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(own)
