"""Muon where the device has no bfloat16 instructions, held to torch's and to float64."""

import pytest
import torch
from conftest import needs_bf16
from torch import nn

from base import machine
from trainer import TrainerConfig
from training.optimizers import Together, build_optimizer, orthogonalized, shapes_together

SHAPES = [(7, 7), (13, 5), (5, 13), (7, 7)]  # (out, in) of the layers
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # Jordan et al.'s coefficients


def layers(dtype=torch.float32) -> nn.Module:
    torch.manual_seed(3)
    model = nn.Module()
    model.blocks = nn.ModuleList(nn.Linear(n, m, bias=False) for m, n in SHAPES)
    return model.to(dtype)


def stepped(model: nn.Module, optimizer, steps: int = 4) -> list[torch.Tensor]:
    """The weights after steps along fixed gradients."""
    generator = torch.Generator().manual_seed(11)
    for _ in range(steps):
        for p in model.parameters():
            p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p.dtype)
        optimizer.step()
    return [p.detach().clone() for p in model.parameters()]


def without_bf16(monkeypatch, dtype=torch.float32) -> list[torch.Tensor]:
    monkeypatch.setattr(machine, "multiplies_bf16", lambda device: False)
    model = layers(dtype)
    settings = TrainerConfig(optimizer="muon", muon_learning_rate=0.3, weight_decay=0.1)
    return stepped(model, build_optimizer(model, settings))


def by_definition(p: torch.Tensor, gradients: list[torch.Tensor]) -> torch.Tensor:
    """Muon's rule in float64, through the singular values: the iteration maps each by the quintic
    a s + b s^3 + c s^5, five times, and leaves the singular vectors."""
    p, momentum = p.double(), torch.zeros_like(p, dtype=torch.float64)
    a, b, c = NEWTON_SCHULZ
    for gradient in gradients:
        momentum = 0.95 * momentum + 0.05 * gradient
        U, s, V = torch.linalg.svd(0.95 * momentum + 0.05 * gradient, full_matrices=False)
        s = s / s.norm()
        for _ in range(5):
            s = a * s + b * s**3 + c * s**5
        ratio = max(1, p.shape[0] / p.shape[1]) ** 0.5
        p = (1 - 0.3 * 0.1) * p - 0.3 * ratio * (U * s) @ V
    return p


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 2e-5), (torch.float64, 1e-11)])
def test_without_bf16_muon_is_its_definition(monkeypatch, dtype, tolerance):
    ours = without_bf16(monkeypatch, dtype)
    generator = torch.Generator().manual_seed(11)
    gradients = [
        [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in SHAPES]
        for _ in range(4)
    ]
    for i, (p, start) in enumerate(zip(ours, layers(dtype).parameters(), strict=True)):
        expected = by_definition(start.detach(), [step[i] for step in gradients])
        torch.testing.assert_close(p.double(), expected, rtol=0, atol=tolerance)


@needs_bf16
def test_without_bf16_muon_is_torchs_up_to_its_rounding(monkeypatch):
    model = layers()
    muon = torch.optim.Muon(model.parameters(), lr=0.3, weight_decay=0.1)
    for theirs, ours in zip(stepped(model, muon), without_bf16(monkeypatch), strict=True):
        moved = 4 * 0.3  # the most that a singular value moves, about
        assert (theirs - ours).abs().max() < 0.03 * moved


@needs_bf16
def test_with_bf16_muon_is_torchs_own():
    model = layers()
    muon = torch.optim.Muon(model.parameters(), lr=0.3, weight_decay=0.1)
    theirs, model = stepped(model, muon), layers()
    settings = TrainerConfig(optimizer="muon", muon_learning_rate=0.3, weight_decay=0.1)
    ours = stepped(model, build_optimizer(model, settings))
    assert all(map(torch.equal, theirs, ours))


@pytest.mark.parametrize("native, tolerance", [(False, 2e-6), (True, 0.03 * 4 * 0.3)])
def test_matrices_of_one_shape_step_together_as_alone(monkeypatch, native, tolerance):
    """As on a GPU; in bfloat16 up to its rounding."""
    monkeypatch.setattr(machine, "multiplies_bf16", lambda device: native)
    settings = TrainerConfig(optimizer="muon", muon_learning_rate=0.3, weight_decay=0.1)
    alone, model = without_bf16(monkeypatch), layers()
    monkeypatch.setattr(machine, "multiplies_bf16", lambda device: native)
    single = build_optimizer(model, settings).optimizers
    stacks = shapes_together(list(single[1:]))
    assert [len(stack) for stack in stacks] == [2, 1, 1]
    for one, other in zip(stepped(model, Together(*single, stacks=stacks)), alone, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=tolerance)


def test_a_stack_steps_where_a_matrix_has_no_gradient():
    model = layers()
    settings = TrainerConfig(optimizer="muon", muon_learning_rate=0.3)
    single = build_optimizer(model, settings).optimizers
    before = [p.detach().clone() for p in model.parameters()]
    model.blocks[0].weight.grad = torch.ones(7, 7)
    Together(*single, stacks=shapes_together(list(single[1:]))).step()
    moved = [not torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True)]
    assert moved == [True, False, False, False]


def test_a_zero_gradient_stays_zero():
    assert not orthogonalized(torch.zeros(3, 5), NEWTON_SCHULZ, 5, 1e-7).any()
