"""What the model does on a GPU, as far as it shows without one: fused attention equals the plain
one, and a step asks the device for no value (tensors on torch's meta device have none)."""

import copy

import pytest
import torch
import torch.nn.functional as F

from attention import VARIANTS, core
from attention.linear import PerformerAttention
from model import GPT, GPTConfig

SIZES = {"vocab_size": 13, "block_size": 17, "n_layer": 2, "n_head": 3, "n_embd": 42}
NO_DROPOUT = {"embd_pdrop": 0.0, "resid_pdrop": 0.0, "attn_pdrop": 0.0}
FUSED = ("vanilla", "rope", "shared-qk", "shared-kv", "shared-qkv", "mlp-qkv")


def layer_of(variant, **settings):
    torch.manual_seed(3)
    layer = VARIANTS[variant].layer(GPTConfig(**SIZES | settings))
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return layer


def out_and_gradients(layer, x, attend):
    out = attend(x)
    return out, *torch.autograd.grad(out.square().mean(), [x, *layer.parameters()])


@pytest.mark.parametrize("variant", FUSED)
def test_fused_attention_equals_the_plain_one(variant):
    layer = layer_of(variant, **NO_DROPOUT)
    x = torch.randn(5, 11, SIZES["n_embd"], requires_grad=True)
    plain = out_and_gradients(layer, x, layer)
    fused = out_and_gradients(layer, x, lambda x: layer.fused(*layer.project(x, 0)))
    torch.testing.assert_close(fused[0], plain[0], rtol=0, atol=1e-5)
    for one, other in zip(fused[1:], plain[1:], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_fused_attention_drops_weights_in_training_alone():
    layer = layer_of("vanilla", attn_pdrop=0.5, resid_pdrop=0.0)
    x = torch.randn(5, 11, SIZES["n_embd"])
    once, again = (layer.fused(*layer.project(x, 0)) for _ in range(2))
    assert not torch.equal(once, again)
    layer.eval()
    torch.testing.assert_close(layer.fused(*layer.project(x, 0)), layer(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("positions", [None, "alibi"])
def test_only_layers_with_plain_weights_are_fused(variant, positions, monkeypatch):
    """As on a GPU, where FUSED_ON names this device; as on a CPU, where it does not."""
    calls = []

    def counting(*args, **kwargs):
        calls.append(kwargs)
        return attention(*args, **kwargs)

    attention = F.scaled_dot_product_attention
    monkeypatch.setattr(F, "scaled_dot_product_attention", counting)
    torch.manual_seed(3)
    try:
        model = GPT(GPTConfig(**SIZES, variant=variant, positions=positions, **NO_DROPOUT))
    except ValueError:
        pytest.skip("this variant has no ALiBi positions")
    x = torch.arange(2 * 11).view(2, 11) % 12 + 1
    plain = model(x, x)[1]
    assert not calls
    monkeypatch.setattr(core, "FUSED_ON", ("cpu",))
    torch.testing.assert_close(model(x, x)[1], plain, rtol=0, atol=1e-5)
    assert len(calls) == (2 if variant in FUSED and positions is None else 0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_step_of_the_model_reads_no_value_from_the_device(variant):
    with torch.device("meta"):
        model = GPT(GPTConfig(**SIZES, variant=variant)).train()
        x = torch.ones(5, 11, dtype=torch.long)
    for _ in range(2):
        model.loss_sum(x, x).backward()
    with pytest.raises(RuntimeError, match="meta"):
        x.sum().item()  # what would have been noticed


def reads(monkeypatch) -> list:
    """The values that are read from now on."""
    read = []
    for name in ("item", "__int__", "__bool__", "tolist"):
        asked = getattr(torch.Tensor, name)

        def counting(tensor, asked=asked):
            read.append(tensor)
            return asked(tensor)

        monkeypatch.setattr(torch.Tensor, name, counting)
    return read


def redraws(layer: PerformerAttention, passes: int) -> list[bool]:
    changed = []
    for _ in range(passes):
        before = layer.omega.clone()
        layer.count_pass()
        changed.append(not torch.equal(layer.omega, before))
    return changed


def test_passes_are_counted_without_reading_them(monkeypatch):
    layer = layer_of("performer", performer_redraw=3)
    read = reads(monkeypatch)
    for _ in range(5):
        layer.count_pass()
    assert not read
    assert layer.passes.item() == 5 and layer.state_dict()["passes"].dtype == torch.long


@pytest.mark.parametrize("change", ["load", "assign", "copy", "float64"])
def test_passes_that_others_set_count(change):
    """A layer that goes on from another's two passes draws anew in the next, the third."""
    layer, other = (layer_of("performer", performer_redraw=3) for _ in range(2))
    assert redraws(other, 2) == [False, False]
    if change == "copy":
        layer.load_state_dict(other.state_dict())
        layer = copy.deepcopy(layer)
    elif change == "float64":
        layer = other.double()
    else:
        layer.load_state_dict(other.state_dict(), assign=change == "assign")
    assert redraws(layer, 5) == [True, False, False, True, False]
    assert layer.passes == 7
