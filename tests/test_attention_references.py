"""Every variant against its equation, written again in numpy with loops; limits known of them."""

import math

import numpy as np
import pytest
import torch
from test_attention import NAMES, B, D, H, T, inputs, layer_of

REFERENCES = {}


def reference(*names):
    """Register a function (layer, x) -> joined heads (B, T, C), before the output projection."""

    def register(function):
        REFERENCES.update(dict.fromkeys(names, function))
        return function

    return register


def array(tensor):
    return tensor.detach().numpy()


def linear(module, x):
    return x @ array(module.weight).T + array(module.bias)


def heads(x):
    """(B, T, C) -> (B, T, H, D)."""
    return x.reshape(*x.shape[:2], H, D)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def attention(score, value):
    """softmax over s <= t of score(b, h, t, s), times value (B, T, H, D): (B, T, C)."""
    y = np.zeros_like(value)
    for b, t, h in np.ndindex(B, T, H):
        weights = np.exp([score(b, h, t, s) for s in range(t + 1)])
        y[b, t, h] = sum(w * value[b, s, h] for s, w in enumerate(weights / weights.sum()))
    return y.reshape(B, T, H * D)


def dot_product(q, k):
    return lambda b, h, t, s: q[b, t, h] @ k[b, s, h] / math.sqrt(D)


def qkv(layer, x):
    return [heads(linear(part, x)) for part in (layer.query, layer.key, layer.value)]


@reference("vanilla")
def vanilla(layer, x):
    q, k, v = qkv(layer, x)
    return attention(dot_product(q, k), v)


@reference("rope")
def rope(layer, x):
    q, k, v = qkv(layer, x)

    def turned(row, t):  # pairs of channels as complex numbers
        i = np.arange(1, D // 2 + 1)
        angle = t * 10000.0 ** (-2 * (i - 1) / D)
        z = (row[0::2] + 1j * row[1::2]) * np.exp(1j * angle)
        return np.stack((z.real, z.imag), axis=-1).ravel()

    def score(b, h, t, s):
        return turned(q[b, t, h], t) @ turned(k[b, s, h], s) / math.sqrt(D)

    return attention(score, v)


@reference("shared-qk")
def shared_qk(layer, x):
    k, v = heads(linear(layer.key, x)), heads(linear(layer.value, x))
    return attention(dot_product(k, k), v)


@reference("shared-kv")
def shared_kv(layer, x):
    q, k = heads(linear(layer.query, x)), heads(linear(layer.key, x))
    return attention(dot_product(q, k), k)


@reference("shared-qkv")
def shared_qkv(layer, x):
    k = heads(linear(layer.key, x))
    return attention(dot_product(k, k), k)


@reference("mlp-qkv")
def mlp_qkv(layer, x):
    q, k, v = (
        heads(linear(part[2], gelu(linear(part[0], x))))
        for part in (layer.query, layer.key, layer.value)
    )
    return attention(dot_product(q, k), v)


@reference("cosine")
def cosine(layer, x):
    (q, k, v), tau = qkv(layer, x), array(layer.tau).ravel()

    def score(b, h, t, s):
        a, c = q[b, t, h], k[b, s, h]
        return tau[h] * (a @ c) / (np.linalg.norm(a) * np.linalg.norm(c))

    return attention(score, v)


@reference("euclidean")
def euclidean(layer, x):
    q, k, v = qkv(layer, x)
    return attention(lambda b, h, t, s: -np.sum((q[b, t, h] - k[b, s, h]) ** 2) / math.sqrt(D), v)


@reference("additive")
def additive(layer, x):
    (q, k, v), wide, out = qkv(layer, x), array(layer.wide), array(layer.v)

    def score(b, h, t, s):
        return out @ np.tanh(wide @ np.concatenate((q[b, t, h], k[b, s, h])))

    return attention(score, v)


@reference("zero-after-softmax")
def zero_after_softmax(layer, x):
    q, k, v = qkv(layer, x)
    y = np.zeros_like(v)
    for b, t, h in np.ndindex(B, T, H):
        weights = np.exp([q[b, t, h] @ k[b, s, h] / math.sqrt(D) for s in range(T)])
        y[b, t, h] = sum(weights[s] / weights.sum() * v[b, s, h] for s in range(t + 1))
    return y.reshape(B, T, H * D)


def dense(layer, x):
    hidden = np.maximum(0, heads(linear(layer.w1, x)))
    w2, b2 = array(layer.w2), array(layer.b2)
    return lambda b, h, t, s: hidden[b, t, h] @ w2[:, s] + b2[s]


@reference("synthesizer")
def synthesizer(layer, x):
    return attention(dense(layer, x), heads(linear(layer.value, x)))


@reference("synthesizer-random", "synthesizer-random-fixed")
def synthesizer_random(layer, x):
    r = array(layer.r)
    return attention(lambda b, h, t, s: r[h, t, s], heads(linear(layer.value, x)))


@reference("synthesizer-factorized-random")
def synthesizer_factorized_random(layer, x):
    r1, r2 = array(layer.r1), array(layer.r2)
    return attention(lambda b, h, t, s: r1[h, t] @ r2[h, s], heads(linear(layer.value, x)))


@reference("synthesizer-factorized-dense")
def synthesizer_factorized_dense(layer, x):
    hidden = np.maximum(0, heads(linear(layer.w1, x)))
    f = hidden @ array(layer.wf) + array(layer.bf)
    g = hidden @ array(layer.wg) + array(layer.bg)
    a, b_ = f.shape[-1], g.shape[-1]

    def score(b, h, t, s):
        tiled_f, tiled_g = np.repeat(f[b, t, h], b_), np.tile(g[b, t, h], a)
        return (tiled_f * tiled_g)[s]

    return attention(score, heads(linear(layer.value, x)))


@reference("synthesizer-mixture")
def synthesizer_mixture(layer, x):
    (q, k, v), first = qkv(layer, x), dense(layer, x)
    mix = np.exp(array(layer.mix))
    mix, second = mix / mix.sum(), dot_product(q, k)
    return attention(lambda *i: mix[0] * first(*i) + mix[1] * second(*i), v)


def aft(layer, x, bias):
    """bias(c, t, s) is w_{t,s} of channel c."""
    q, k, v = (linear(part, x) for part in (layer.query, layer.key, layer.value))
    y = np.zeros_like(v)
    for b, t, c in np.ndindex(*v.shape):
        weights = np.exp([k[b, s, c] + bias(c, t, s) for s in range(t + 1)])
        y[b, t, c] = sigmoid(q[b, t, c]) * (weights @ v[b, : t + 1, c]) / weights.sum()
    return y


@reference("aft-full")
def aft_full(layer, x):
    w = array(layer.w)
    return aft(layer, x, lambda c, t, s: w[t, s])


@reference("aft-simple")
def aft_simple(layer, x):
    return aft(layer, x, lambda c, t, s: 0.0)


@reference("aft-local")
def aft_local(layer, x):
    w = array(layer.w)
    return aft(layer, x, lambda c, t, s: w[t, t - s] if t - s < w.shape[1] else 0.0)


@reference("aft-conv")
def aft_conv(layer, x):
    w = array(layer.w)
    return aft(layer, x, lambda c, t, s: w[c // D, t - s] if t - s < w.shape[1] else 0.0)


def kernel_attention(phi, q, k, v):
    """The sums of the numerator and denominator, position by position."""
    y = np.zeros_like(v)
    for b, t, h in np.ndindex(B, T, H):
        weights = [phi(q[b, t, h]) @ phi(k[b, s, h]) for s in range(t + 1)]
        y[b, t, h] = sum(w * v[b, s, h] for s, w in enumerate(weights)) / sum(weights)
    return y.reshape(B, T, H * D)


@reference("linear")
def linear_attention(layer, x):
    return kernel_attention(lambda a: np.where(a > 0, a, np.expm1(a)) + 1, *qkv(layer, x))


@reference("performer")
def performer(layer, x):
    omega = array(layer.omega)

    def phi(a):
        a = a / D**0.25
        return np.exp(omega @ a - a @ a / 2) / math.sqrt(len(omega))

    return kernel_attention(phi, *qkv(layer, x))


@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_layer_equals_its_equation(name):
    layer, x = layer_of(name), inputs()
    expected = linear(layer.proj, REFERENCES[name](layer, array(x)))
    np.testing.assert_allclose(array(layer(x)), expected, rtol=0, atol=1e-6)  # tables: float32


def test_fastformer_equals_its_equations():
    layer, x = layer_of("fastformer"), inputs()
    (q, k, v), wq, wk = qkv(layer, array(x)), array(layer.wq), array(layer.wk)
    y, pairs = np.zeros_like(v), np.zeros_like(v)
    for b, h in np.ndindex(B, H):
        for t in range(T):
            a = np.exp([wq[h] @ q[b, s, h] / math.sqrt(D) for s in range(t + 1)])
            pairs[b, t, h] = (a / a.sum()) @ q[b, : t + 1, h] * k[b, t, h]
            c = np.exp([wk[h] @ pairs[b, s, h] / math.sqrt(D) for s in range(t + 1)])
            y[b, t, h] = (c / c.sum()) @ pairs[b, : t + 1, h] * v[b, t, h]
    expected = linear(layer.proj, y.reshape(B, T, H * D)) + linear(layer.query, array(x))
    np.testing.assert_allclose(array(layer(x)), expected, rtol=0, atol=1e-10)


def norm(module, x):
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return x * array(module.weight) + array(module.bias)


def cross(attn, x_kv, x_q):
    """Query i over keys s <= i (all of them, where there are fewer)."""
    q, k, v = (
        heads(linear(part, x))
        for part, x in ((attn.query, x_q), (attn.key, x_kv), (attn.value, x_kv))
    )
    y = np.zeros_like(q)
    for b, t, h in np.ndindex(*q.shape[:3]):
        seen = slice(0, min(t + 1, k.shape[1]))
        weights = np.exp(k[b, seen, h] @ q[b, t, h] / math.sqrt(D))
        y[b, t, h] = weights / weights.sum() @ v[b, seen, h]
    return linear(attn.proj, y.reshape(*q.shape[:2], H * D))


def mlp(module, x):
    return linear(module[2], gelu(linear(module[0], x)))


def test_perceiver_equals_its_equations():
    layer, x = layer_of("perceiver"), array(inputs())
    down, middle, up = layer.down_block, layer.blocks[0], layer.up_block
    y = np.repeat(array(down.C), B, axis=0)
    y = y + cross(down.attn, x, norm(down.ln1, y))
    y = y + mlp(down.mlp, norm(down.ln2, y))
    inner = norm(middle.ln1, y)
    y = y + cross(middle.attn, inner, inner)
    y = y + mlp(middle.mlp, norm(middle.ln2, y))
    z = x + cross(up.attn, norm(up.ln1, y), x)
    z = z + mlp(up.mlp, norm(up.ln2, z))
    np.testing.assert_allclose(array(layer(inputs())), z, rtol=0, atol=1e-10)


def test_every_variant_has_a_reference():
    assert set(REFERENCES) | {"fastformer", "perceiver"} == set(NAMES)


def test_alibi_adds_its_slope_times_the_distance():
    layer, x = layer_of("vanilla", positions="alibi"), inputs()
    q, k, v = qkv(layer, array(x))
    slopes = [2**-4, 2**-8, 2**-2]  # of 2 heads, then the first of those that 4 have besides

    def score(b, h, t, s):
        return q[b, t, h] @ k[b, s, h] / math.sqrt(D) - slopes[h] * (t - s)

    expected = linear(layer.proj, attention(score, v))
    np.testing.assert_allclose(array(layer(x)), expected, rtol=0, atol=1e-10)


# -- known limits ------------------------------------------------------------------------------


def test_rope_scores_depend_on_differences_only():
    layer, x = layer_of("rope"), inputs(1)
    query, (key, _) = layer.project(x.expand(-1, T, -1), 0)
    scores = layer.scores(query, (key,))
    for shift in range(1, T):
        torch.testing.assert_close(
            scores[..., shift:, shift:], scores[..., :-shift, :-shift], rtol=0, atol=1e-6
        )
    assert (scores[..., -1, 0] - scores[..., 0, 0]).abs().min() > 1e-3


def test_rope_at_position_zero_is_vanilla():
    rope_layer, vanilla_layer = layer_of("rope"), layer_of("vanilla")
    vanilla_layer.load_state_dict(rope_layer.state_dict(), strict=False)
    x = inputs()
    assert torch.equal(rope_layer(x[:, :1]), vanilla_layer(x[:, :1]))
    query, (key, _) = rope_layer.project(x, 0)
    plain_query, (plain_key, _) = vanilla_layer.project(x, 0)
    assert torch.equal(query[:, :, 0], plain_query[:, :, 0])
    assert torch.equal(key[:, :, 0], plain_key[:, :, 0])
    assert not torch.allclose(query[:, :, 1], plain_query[:, :, 1])


def test_vanilla_with_rotary_positions_is_rope():
    layer, other = layer_of("rope"), layer_of("vanilla", positions="rope")
    other.load_state_dict(layer.state_dict(), strict=True)
    assert torch.equal(layer(inputs()), other(inputs()))


def test_rotary_table_is_the_2024_editions():
    table = layer_of("rope").rope_cache
    assert table.shape == (11, D // 2, 2)
    angle = 7 * 10000 ** (-2 * 3 / D)
    expected = torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)
    torch.testing.assert_close(table[7, 3].double(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("synthesizer-")])
def test_random_synthesizers_ignore_their_input(name):
    layer = layer_of(name)
    shares = []
    for seed in (1, 2):
        query, past = layer.project(inputs(seed=seed), 0)
        shares.append(layer.weights(layer.scores(query, past), 0))
    assert torch.equal(*shares) == ("random" in name)


def test_only_the_learned_random_synthesizer_learns_its_scores():
    assert "r" in dict(layer_of("synthesizer-random").named_parameters())
    fixed = layer_of("synthesizer-random-fixed")
    assert "r" in fixed.state_dict() and "r" not in dict(fixed.named_parameters())


def test_factorized_dense_tiles_8_by_16_for_127():
    layer = layer_of("synthesizer-factorized-dense", block_size=128)
    assert (layer.wf.shape, layer.wg.shape) == ((D, 8), (D, 16))
    assert layer(inputs(127)).shape == (B, 127, H * D)


def same_weights(source, target):
    """Copy all tensors that both have."""
    target.load_state_dict({k: v for k, v in source.state_dict().items() if k != "w"}, strict=False)


def test_aft_local_with_a_full_window_is_aft_full():
    local, full = layer_of("aft-local", aft_window=11), layer_of("aft-full")
    same_weights(local, full)
    t, s = torch.tril_indices(11, 11)
    with torch.no_grad():
        full.w[t, s] = local.w[t, t - s]
    x = inputs(11)
    torch.testing.assert_close(local(x), full(x), rtol=0, atol=1e-12)
    assert (layer_of("aft-local", aft_window=3)(x) - local(x)).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["aft-full", "aft-local", "aft-conv"])
def test_aft_without_biases_is_aft_simple(name):
    layer, simple = layer_of(name), layer_of("aft-simple")
    same_weights(layer, simple)
    x = inputs()
    assert (layer(x) - simple(x)).abs().max() > 1e-3
    torch.nn.init.zeros_(layer.w)
    torch.testing.assert_close(layer(x), simple(x), rtol=0, atol=1e-12)


def test_performer_nears_softmax_as_features_grow():
    x, errors = inputs() / 4, []  # small scores: the estimate's variance grows as their exponential
    for count in (10, 100, 1000, 10000):
        drawn = []
        for seed in range(5):
            layer = layer_of("performer", seed=seed, performer_features=count)
            softmax = layer_of("vanilla", seed=seed)
            softmax.load_state_dict(layer.state_dict(), strict=False)
            drawn.append(((layer(x) - softmax(x)).norm() / softmax(x).norm()).item())
        errors.append(np.mean(drawn))
    assert all(fewer > 1.7 * more for fewer, more in zip(errors, errors[1:], strict=False))
    assert errors[3] < 0.015


def test_performer_features_are_orthogonal_and_gaussian_in_length():
    omega = layer_of("performer", performer_features=4 * D).omega
    gram = omega[:D] @ omega[:D].T
    torch.testing.assert_close(gram, torch.diag(gram.diag()), rtol=0, atol=1e-5)
    many = layer_of("performer", performer_features=5000).omega
    assert many.square().sum(1).mean().item() == pytest.approx(D, rel=0.05)


def test_performer_draws_anew_on_its_schedule():
    layer = layer_of("performer", performer_redraw=3)
    first, x = layer.omega.clone(), inputs()
    for _ in range(10):
        layer(x)
    assert torch.equal(layer.omega, first)  # evaluation does not count
    layer.train()
    changed = []
    for _ in range(7):
        before = layer.omega.clone()
        layer(x)
        changed.append(not torch.equal(layer.omega, before))
    assert changed == [False, False, True, False, False, True, False]
    assert layer.state_dict()["passes"] == 7


@pytest.mark.parametrize("name", ["linear", "performer"])
def test_chunks_of_prefix_sums_equal_one_triangle(name, monkeypatch):
    layer, x = layer_of(name, block_size=31), inputs(31)
    whole = layer(x)
    monkeypatch.setattr("attention.linear.CHUNK", 4)
    torch.testing.assert_close(layer(x), whole, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["aft-full", "aft-simple", "linear", "performer", "fastformer"])
def test_huge_inputs_stay_finite(name):
    layer = layer_of(name).float()
    x = 1000 * inputs().float()
    x.requires_grad_()
    y = layer(x)
    y.sum().backward()
    assert y.isfinite().all() and x.grad.isfinite().all()


def test_additive_recomputes_the_same_gradient():
    layer, x = layer_of("additive"), inputs()
    gradients = []
    for mode in (True, False):  # training recomputes, evaluation keeps the hidden layer
        layer.train(mode).zero_grad()
        layer(x).square().sum().backward()
        gradients.append([p.grad.clone() for p in layer.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)
