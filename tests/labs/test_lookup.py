"""The task by content: its rows, its figures, its command; and what the synthesizer cannot see."""

import pytest
import torch
from conftest import run_module

from labs.attention_exploration import lookup


def test_a_row_holds_keys_once_and_the_targets_are_what_followed_them():
    data = lookup.Lookups(57, seed=3)
    for x, y in data:
        pairs = (x[: lookup.PAIRS] - lookup.FIRST_PAIR).tolist()
        follows = dict(divmod(pair, lookup.VALUES) for pair in pairs)
        assert len(follows) == lookup.PAIRS  # no key twice
        assert (y[: lookup.PAIRS] == 0).all()
        asked = (x[lookup.PAIRS :] - lookup.FIRST_QUERY).tolist()
        assert [follows[key] + 1 for key in asked] == y[lookup.PAIRS :].tolist()
        assert x.max() < lookup.VOCABULARY and len(x) == lookup.LENGTH


def test_other_seeds_give_other_rows():
    assert not torch.equal(lookup.Lookups(5, 0).x, lookup.Lookups(5, 1).x)
    assert torch.equal(lookup.Lookups(5, 1).x, lookup.Lookups(5, 1).x)


class Knowing(torch.nn.Module):
    """Answers rightly where the key asked about stood among the first `span` pairs."""

    def __init__(self, span):
        super().__init__()
        self.span = span

    def forward(self, x):
        logits = torch.zeros(*x.shape, lookup.VOCABULARY)
        for row, symbols in enumerate(x):
            pairs = (symbols[: self.span] - lookup.FIRST_PAIR).tolist()
            follows = dict(divmod(pair, lookup.VALUES) for pair in pairs)
            for t in range(lookup.PAIRS, lookup.LENGTH):
                key = int(symbols[t]) - lookup.FIRST_QUERY
                logits[row, t, follows.get(key, -1) + 1] = 1
        return logits, None


def test_right_answers_are_counted():
    data = lookup.Lookups(200, seed=5)
    assert lookup.right_answers(Knowing(lookup.PAIRS), data) == 200 * lookup.QUERIES
    half = lookup.right_answers(Knowing(lookup.PAIRS // 2), data) / (200 * lookup.QUERIES)
    assert half == pytest.approx(0.5, abs=0.06)


def test_saying_the_commonest_value_beats_guessing_a_little():
    found = lookup.commonest(lookup.Lookups(2000, seed=7)) / (2000 * lookup.QUERIES)
    assert 1 / lookup.VALUES < found < 0.25


def test_a_synthesizers_weights_do_not_change_with_the_pairs_and_vanillas_do():
    from model import GPT, GPTConfig

    x = lookup.Lookups(2, seed=11).x
    x[1, lookup.PAIRS :] = x[0, lookup.PAIRS :]  # the same question about other pairs
    change = {}
    for variant in ("vanilla", "synthesizer"):
        torch.manual_seed(5)
        sizes = {"n_layer": 1, "n_head": 2, "n_embd": 14, "variant": variant}
        model = GPT(GPTConfig(lookup.VOCABULARY, lookup.LENGTH + 1, **sizes)).eval()
        for parameter in model.parameters():
            parameter.data *= 3
        block = model.blocks[0]
        maps = block.attn.attention_map(block.ln1(model.embed(x)))[:, :, lookup.PAIRS :]
        change[variant] = (maps[0] - maps[1]).abs().max().item()
    assert change["synthesizer"] == 0 < change["vanilla"]


@pytest.mark.slow
def test_the_command_trains_and_tells(tmp_path):
    args = ("--only", "vanilla-1x32", "--seeds", "0", "--steps", "3", "--out", tmp_path)
    done = run_module("labs.attention_exploration.lookup", *args)
    assert done.returncode == 0, done.stderr
    assert "| vanilla | 1 | 32 |" in (tmp_path / "lookup.md").read_text()


def test_an_unknown_arm_ends_in_a_sentence():
    done = run_module("labs.attention_exploration.lookup", "--only", "vanilla-1x33")
    assert done.returncode == 2 and "did you mean vanilla-1x32" in done.stderr
