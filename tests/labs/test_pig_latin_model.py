"""labs/pig_latin: attention and the encoder-decoder beside float64 references."""

import math

import numpy as np
import pytest
import torch

from labs.pig_latin.data import EOS, SOS, Batch, padded_batch
from labs.pig_latin.model import (
    CausalScaledDotAttention,
    EncoderDecoder,
    ScaledDotAttention,
    Sizes,
    attention_map,
    translate,
)

B, K, S, H = 2, 3, 5, 7


def numbers(*shape, seed=0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def linear(layer, x: np.ndarray) -> np.ndarray:
    weight, bias = (p.detach().double().numpy() for p in (layer.weight, layer.bias))
    return x @ weight.T + bias


def attend(layer, q, k, v, causal=False) -> tuple[np.ndarray, np.ndarray]:
    """Equation 1 of Attention Is All You Need, in loops, for one row: (k, H) and (S, k)."""
    q, k, v = linear(layer.Q, q), linear(layer.K, k), linear(layer.V, v)
    weights = np.zeros((len(k), len(q)))
    for t in range(len(q)):
        seen = t + 1 if causal else len(k)
        scores = [math.exp(q[t] @ k[s] / math.sqrt(q.shape[1])) for s in range(seen)]
        weights[:seen, t] = np.array(scores) / sum(scores)
    return weights.T @ v, weights


def close(x: torch.Tensor, reference: np.ndarray) -> None:
    np.testing.assert_allclose(x.detach().numpy(), reference, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("shape", [(B, H), (B, K, H)])
def test_scaled_dot_attention(shape):
    layer, q, k, v = ScaledDotAttention(H), numbers(*shape), numbers(B, S, H), numbers(B, S, H)
    context, weights = layer(q, k, v)
    assert weights.sum(1).allclose(torch.ones(1))
    q = q if q.dim() == 3 else q[:, None]
    for row in range(B):
        expected = attend(layer, *(x[row].double().numpy() for x in (q, k, v)))
        close(context[row], expected[0])
        close(weights[row], expected[1])


def test_causal_scaled_dot_attention():
    layer, x = CausalScaledDotAttention(H), numbers(B, S, H)
    context, weights = layer(x, x, x)
    for row in range(B):
        x64 = x[row].double().numpy()
        expected = attend(layer, x64, x64, x64, causal=True)
        close(context[row], expected[0])
        close(weights[row], expected[1])
    one = layer(x[:, 0], x, x)  # a query (B, H) is the first: it sees the first key alone
    close(one[1][:, :, 0], np.eye(S)[:1].repeat(B, 0))


def test_keys_that_are_not_real_get_no_weight():
    layer, q, k = ScaledDotAttention(H), numbers(B, K, H), numbers(B, S, H)
    real = torch.tensor([[True] * 3 + [False] * 2, [True] * 5])
    context, weights = layer(q, k, k, real)
    assert (weights[0, 3:] == 0).all()
    assert context[0].allclose(layer(q[:1], k[:1, :3], k[:1, :3])[0][0], atol=1e-6)


@pytest.mark.parametrize("kind", [ScaledDotAttention, CausalScaledDotAttention])
def test_contexts_are_those_of_a_call(kind):
    layer, x, source = kind(H), numbers(B, S, H), numbers(B, S, H, seed=1)
    assert layer.contexts(x, x).allclose(layer(x, x, x)[0], atol=1e-6)
    assert layer.contexts(x, source).allclose(layer(x, source, source)[0], atol=1e-6)


def test_contexts_leave_out_keys_that_are_not_real():
    layer, x = ScaledDotAttention(H), numbers(B, S, H)
    real = torch.tensor([[True] * 3 + [False] * 2, [True] * 5])
    assert layer.contexts(x, x, real).allclose(layer(x, x, x, real)[0], atol=1e-6)


def positions(length: int, hidden: int) -> np.ndarray:
    table = np.zeros((length, hidden))
    for t in range(length):
        for c in range(hidden):
            angle = t / 10000 ** ((c - c % 2) / hidden)
            table[t, c] = math.cos(angle) if c % 2 else math.sin(angle)
    return table


def logits_of_one(model, source: list[int], target: list[int]) -> np.ndarray:
    """The whole network in float64, for one pair."""

    def dense(layer, x):
        return x + np.maximum(linear(layer.mlp[0], x), 0)

    def embedded(embedding, symbols):
        table = embedding.weight.detach().double().numpy()
        return table[symbols] + positions(len(symbols), table.shape[1])

    x = embedded(model.source_embedding, source)
    for layer in model.encoder:
        x = dense(layer, x + attend(layer.attention, x, x, x)[0])
    y = embedded(model.target_embedding, target)
    for layer in model.decoder:
        y = y + attend(layer.attention, y, y, y, causal=True)[0]
        y = dense(layer, y + attend(layer.cross, y, x, x)[0])
    return linear(model.out, y)


def test_the_whole_network():
    torch.manual_seed(0)
    model = EncoderDecoder(Sizes(6, layers=2))
    source, target = [3, 1, 26, EOS], [1, 2, 0, 24, EOS]
    logits = model(Batch(torch.tensor([source]), torch.tensor([target])))
    close(logits[0], logits_of_one(model, source, [SOS] + target[:-1]))


PAIRS = [("a", "away"), ("plan", "anplay"), ("well-known", "ellway-ownknay"), ("i", "iway")]


def test_padding_changes_no_loss():
    model = EncoderDecoder(Sizes(H - 1, layers=2))
    together = model.losses(padded_batch(PAIRS)).sum(1)
    alone = torch.cat([model.losses(padded_batch([pair])).sum(1) for pair in PAIRS])
    assert together.allclose(alone, rtol=1e-5)


def test_no_symbol_sees_a_later_one():
    model, batch = EncoderDecoder(Sizes(8)), padded_batch(PAIRS[1:2])
    other = batch.target.clone()
    other[:, 4] = 11
    same = model(batch)[:, :5], model(Batch(batch.source, other))[:, :5]
    assert torch.equal(*same)
    assert not torch.equal(model(batch)[:, 5:], model(Batch(batch.source, other))[:, 5:])


def test_translations_are_the_likeliest_symbols_one_after_the_other():
    torch.manual_seed(3)
    model = EncoderDecoder(Sizes(8))
    words = ["a", "quick", "well-known"]
    for word, translation in zip(words, translate(model, words), strict=True):
        assert translate(model, [word]) == [translation]
        batch = padded_batch([(word, translation)])
        following = model(batch)[0].argmax(-1).tolist()
        letters = batch.target[0].tolist()[:-1]
        assert following[: len(letters)] == letters
    translation, maps = attention_map(model, "quick")
    assert [tuple(m.shape) for m in maps] == [(6, len(translation) + 1)] * 3
