"""The course's program and ours, number by number (tests/reference: made with its code)."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F

import utils
from attention import VARIANTS
from model import GPT, GPTConfig
from trainer import Trainer, TrainerConfig
from training.runlog import RunLog


def build(reference, seed=7):
    torch.manual_seed(seed)
    return GPT(
        GPTConfig(
            **reference["config"],
            variant=reference["variant"],
            embd_pdrop=0.0,
            resid_pdrop=0.0,
            attn_pdrop=0.0,
        )
    )


class Fixed(torch.utils.data.Dataset):
    """The reference's batches, row by row: a dataset that makes no batches of its own."""

    def __init__(self, reference):
        self.x, self.y = reference["x"].flatten(0, 1), reference["y"].flatten(0, 1)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class Kept(RunLog):
    """A log that keeps its rows."""

    def __init__(self):
        super().__init__()
        self.rows = []

    def show(self, row):
        self.rows.append(row)


def test_initial_weights_are_the_courses_bit_for_bit(reference):
    model = build(reference)
    assert list(model.state_dict()) == list(reference["initial"])
    for name, weights in reference["initial"].items():
        assert torch.equal(model.state_dict()[name], weights), name


def test_first_logits(reference):
    model = build(reference).eval()
    logits, _ = model(reference["x"][0])
    torch.testing.assert_close(logits, reference["logits_first_batch"], rtol=0, atol=1e-6)


def test_twenty_losses_and_rates_through_the_trainer(reference):
    model, log = build(reference), Kept()
    settings = {name: value for name, value in reference["trainer"].items() if name != "betas"}
    config = TrainerConfig(
        max_epochs=1, batch_size=5, lr_decay=True, device="cpu", precision="fp32", log=log,
        betas=tuple(reference["trainer"]["betas"]), **settings,
    )  # fmt: skip
    Trainer(model, Fixed(reference), None, config).train()
    losses = torch.tensor([row["loss"] for row in log.rows], dtype=torch.float64)
    rates = torch.tensor([row["rate"] for row in log.rows], dtype=torch.float64)
    torch.testing.assert_close(losses, reference["losses"], rtol=0, atol=1e-5)
    torch.testing.assert_close(rates, reference["rates"], rtol=1e-5, atol=0)
    for name, weights in reference["final"].items():
        torch.testing.assert_close(model.state_dict()[name], weights, rtol=0, atol=1e-4)


def test_greedy_continuation_of_the_trained_weights(reference):
    model = build(reference, seed=11)
    model.load_state_dict(reference["final"], strict=True)
    out = utils.sample(model, reference["prompt"], steps=8, sample=False)
    assert torch.equal(out, reference["greedy"])


# -- the layers as a grader compares them: (11, 7, 6) inputs, 3 heads ---------------------------


def course_attention(layer, x, variant):
    """The course's order of operations, written out, in the precision of x."""
    (B, T, C), H = x.shape, 3

    def heads(linear):
        return linear(x).view(B, T, H, C // H).transpose(1, 2)

    if variant == "vanilla":
        k, q = heads(layer.key), heads(layer.query)
        scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(C // H))
    else:
        scores = F.relu(heads(layer.w1)) @ layer.w2[:, :T] + layer.b2[:T]
    scores = scores.masked_fill(layer.mask[:, :, :T, :T] == 0, float("-inf"))
    y = F.softmax(scores, dim=-1) @ heads(layer.value)
    return layer.proj(y.transpose(1, 2).contiguous().view(B, T, C))


@pytest.mark.parametrize("variant", ["vanilla", "synthesizer"])
def test_layers_equal_the_courses_in_float32_and_float64_closely(variant):
    torch.manual_seed(13)
    config = GPTConfig(31, 8, n_embd=6, n_head=3, n_layer=1, variant=variant)
    layer = VARIANTS[variant].layer(config).eval()
    for p in layer.parameters():
        torch.nn.init.normal_(p, std=0.5)
    x = torch.randn(11, 7, 6)
    with torch.no_grad():
        found = layer(x)
        assert (found - course_attention(layer, x, variant)).norm() < 1e-8
        exact = course_attention(copy.deepcopy(layer).double(), x.double(), variant)
        assert (found - exact).norm() / exact.norm() < 1e-6
