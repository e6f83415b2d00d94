"""Dropout's masks: their rate, scale, independence, and that torch's seed fixes them."""

import torch
from conftest import needs_bf16

from base.dropout import Dropout, keep_mask


def test_rate_and_independence():
    """1.1 million draws: five standard errors of the rate are 0.0015, of a correlation 0.005."""
    torch.manual_seed(3)
    for p in (0.1, 0.5, 0.03):
        masks = [keep_mask(torch.empty(1009, 1093), p).double() for _ in range(2)]
        for mask in masks:
            assert set(mask.unique().tolist()) == {0.0, 1.0}
            assert abs(mask.mean().item() - (1 - p)) < 0.0025
        one, other = (mask.flatten() for mask in masks)
        flat = torch.stack([one[1:], one[:-1], other[1:]])
        correlation = torch.corrcoef(flat)
        assert correlation[0, 1].abs() < 0.005 and correlation[0, 2].abs() < 0.005


def test_scale_and_gradient():
    torch.manual_seed(5)
    x = torch.full((997, 101), 3.0, requires_grad=True)
    y = Dropout(0.25)(x)
    kept = y != 0
    torch.testing.assert_close(y[kept], torch.full_like(y[kept], 4.0))
    y.sum().backward()
    torch.testing.assert_close(x.grad, kept * (1 / 0.75))


@needs_bf16
def test_bfloat16_keeps_the_mean():
    torch.manual_seed(7)
    x = torch.randn(2003, 211).bfloat16().abs()
    y = Dropout(0.1)(x)
    assert y.dtype == torch.bfloat16
    assert abs(y.double().mean() / x.double().mean() - 1) < 0.005


def test_seeds_fix_masks():
    layer, x = Dropout(0.5), torch.ones(13, 17)
    torch.manual_seed(1)
    first, second = layer(x), layer(x)
    torch.manual_seed(1)
    assert torch.equal(layer(x), first) and not torch.equal(first, second)


def test_nothing_is_dropped_in_evaluation_or_at_zero():
    x = torch.randn(5, 7)
    assert Dropout(0.5).eval()(x) is x and Dropout(0.0)(x) is x
