"""Training without padding in the blocks: the same loss and gradients, dropout's masks included."""

import pytest
import torch

from attention import VARIANTS
from model import GPT, GPTConfig

B, T, V = 5, 19, 23


def batch():
    """Rows of 3, 19, 7, 0 and 11 positions; some begin with targets or inputs that are PAD."""
    generator = torch.Generator().manual_seed(2)
    x, y = torch.randint(1, V, (2, B, T), generator=generator)
    for row, length in enumerate((3, 19, 7, 0, 11)):
        x[row, length:] = y[row, length:] = 0
    y[1, :4] = x[2, :2] = y[2, :2] = 0
    return x, y


def model_of(variant):
    torch.manual_seed(1)
    return GPT(GPTConfig(V, 32, n_layer=3, n_head=2, n_embd=12, variant=variant)).double()


def loss_and_gradients(model, x, y):
    torch.manual_seed(4)
    loss = model.loss_sum(x, y)
    parameters = [p for p in model.parameters() if p.requires_grad]
    return loss, torch.autograd.grad(loss, parameters, allow_unused=True)


@pytest.mark.parametrize("variant", VARIANTS)
def test_leaving_padding_out_changes_nothing(variant, monkeypatch):
    model, (x, y) = model_of(variant), batch()
    packs = variant not in ("perceiver", "zero-after-softmax")  # its own stack; sees the padding
    assert model.can_pack(x) is packs
    loss, gradients = loss_and_gradients(model, x, y)
    monkeypatch.setattr(model, "can_pack", lambda idx: False)
    expected, plain = loss_and_gradients(model, x, y)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    for one, other in zip(gradients, plain, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_the_blocks_see_little_padding():
    """Of 95 positions, the 40 that count, and others up to a multiple of 64."""
    model, (x, y) = model_of("vanilla"), batch()
    seen = []
    model.blocks[0].mlp.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape))
    model.loss_sum(x, y)
    assert seen == [(64, 12)]
    with torch.autocast("cpu", torch.bfloat16, enabled=True):
        assert not model.can_pack(x)


def test_rows_without_any_target_have_no_loss():
    model, (x, y) = model_of("vanilla"), batch()
    loss, gradients = loss_and_gradients(model, x, torch.zeros_like(y))
    assert loss.item() == 0 and not any(g.any() for g in gradients if g is not None)
