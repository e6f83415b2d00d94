"""Intermediate results by name, and a pass with some of them replaced."""

import pytest
import torch

from activations import run_with_cache, run_with_patches
from attention import VARIANTS
from model import GPT, GPTConfig

IDX = torch.tensor([[2, 3, 5, 7], [11, 5, 3, 2]])


def model_of(variant):
    torch.manual_seed(7)
    return GPT(GPTConfig(13, 7, n_layer=3, n_head=2, n_embd=20, variant=variant)).eval()


@pytest.mark.parametrize("variant", VARIANTS)
def test_watching_changes_nothing(variant):
    model = model_of(variant)
    with torch.no_grad():
        wanted, _ = model(IDX)
    logits, cache = run_with_cache(model, IDX)
    assert torch.equal(logits, wanted) and torch.equal(cache["head"], wanted)
    assert torch.equal(run_with_cache(model, IDX, ["head"])[0], wanted)


def test_the_parts_add_up_to_the_stream():
    model = model_of("vanilla")
    _, cache = run_with_cache(model, IDX)
    stream = cache["drop"]
    for layer in range(3):
        stream = stream + cache[f"blocks.{layer}.attn"] + cache[f"blocks.{layer}.mlp"]
        torch.testing.assert_close(cache[f"blocks.{layer}"], stream)
    torch.testing.assert_close(cache["head"], model.head(model.ln_f(stream)))


def test_a_patched_stream_decides_what_follows():
    """With another text's stream after block 1, at every position, the logits are that text's; at
    the last position alone, only there."""
    model = model_of("rope")
    logits, cache = run_with_cache(model, IDX)
    swapped = cache["blocks.1"].flip(0)
    patched = run_with_patches(model, IDX, {"blocks.1": lambda stream: swapped})
    torch.testing.assert_close(patched, logits.flip(0))

    def last(stream):
        return torch.cat((stream[:, :-1], swapped[:, -1:]), 1)

    patched = run_with_patches(model, IDX, {"blocks.1": last})
    torch.testing.assert_close(patched[:, :-1], logits[:, :-1])
    assert not torch.allclose(patched[:, -1], logits[:, -1])


def test_nothing_is_left_behind():
    model = model_of("vanilla")
    before, _ = model(IDX)
    run_with_patches(model, IDX, {"blocks.0.mlp": torch.zeros_like})
    with pytest.raises(ZeroDivisionError):
        run_with_patches(model, IDX, {"blocks.0.mlp": lambda output: 1 / 0})
    assert torch.equal(model(IDX)[0], before)


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="no 'block.0'; its parts are tok_emb"):
        run_with_cache(model_of("vanilla"), IDX, ["block.0"])
