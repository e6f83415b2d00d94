"""Seeds, sampling and the score, by hand."""

import random

import numpy as np
import pytest
import torch

import utils
from base.errors import UserError


class Counting(torch.nn.Module):
    """Prefers the character after the last, then the one after that."""

    max_length = 5

    def get_block_size(self):
        return 6

    def forward(self, x):
        assert x.shape[1] <= self.max_length
        logits = torch.zeros(*x.shape, 7)
        following = (x + 1) % 7
        logits.scatter_(2, following[..., None], 9.0)
        logits.scatter_(2, ((x + 2) % 7)[..., None], 8.0)
        return logits, None


def test_greedy_sampling_goes_beyond_the_block():
    out = utils.sample(Counting(), torch.tensor([[3], [5]]), steps=9)
    assert out.tolist() == [[(3 + i) % 7 for i in range(10)], [(5 + i) % 7 for i in range(10)]]


def test_drawn_characters_follow_the_probabilities():
    torch.manual_seed(0)
    x = torch.zeros(4001, 1, dtype=torch.long)
    after = utils.sample(Counting(), x, 1, temperature=2.0, sample=True, top_k=2)[:, 1]
    share = (after == 1).double().mean().item()
    assert set(after.tolist()) == {1, 2}
    assert share == pytest.approx(1 / (1 + np.exp(-0.5)), abs=0.04)


def test_top_k():
    logits = torch.tensor([[1.0, 5.0, 3.0], [0.0, -1.0, 2.0]])
    kept = utils.top_k_logits(logits, 2)
    assert kept.tolist() == [[float("-inf"), 5.0, 3.0], [0.0, float("-inf"), 2.0]]


def test_set_seed_sets_all_three():
    draws = []
    for _ in range(2):
        utils.set_seed(11)
        draws.append((random.random(), np.random.rand(), torch.rand(()).item()))
    assert draws[0] == draws[1]


def test_score_by_hand(tmp_path, capsys):
    path = tmp_path / "q.tsv"
    path.write_text("a\tRome\nb\x85c\tOslo\n\nd\tLima", encoding="utf-8")
    assert utils.evaluate_places(path, ["Rome", "Lima", "Lima"]) == (3.0, 2.0)
    with pytest.raises(UserError, match="3 questions, but 2 predictions"):
        utils.evaluate_places(path, ["Rome", "Oslo"])
    path.write_text("a\nb\n", encoding="utf-8")
    assert utils.evaluate_places(path, ["Rome", "Oslo"]) == (0.0, 0.0)
    path.write_text("a\tb\n\n\nc\td\te\n", encoding="utf-8")
    with pytest.raises(UserError, match="row 4"):
        utils.evaluate_places(path, ["b", "d"])


@pytest.mark.parametrize("place", ["", " ", "\u3000"])
def test_empty_places_are_no_right_answers(tmp_path, place):
    path = tmp_path / "q.tsv"
    path.write_text(f"a\tRome\nb\t{place}\n", encoding="utf-8")
    with pytest.raises(UserError, match="row 2: there is a tab, but no place after it"):
        utils.evaluate_places(str(path), ["", ""])
