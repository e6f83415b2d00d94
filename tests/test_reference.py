"""The course's program and ours, number by number (tests/reference: made with its code)."""

import torch

import utils
from model import GPT, GPTConfig
from runlog import RunLog
from trainer import Trainer, TrainerConfig


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
