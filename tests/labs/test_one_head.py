"""CS224N's question 1 (b to e), against hand arithmetic."""

import math

import numpy as np
import pytest

from labs.attention_exploration import one_head as h
from labs.attention_exploration.playground import attend, weights

EYE = np.eye(7)


def test_the_extractor_keeps_one_part():
    basis = np.linalg.qr(np.random.default_rng(3).normal(size=(7, 7)))[0].T
    v_a, v_b = 2 * basis[0] - 3 * basis[1], 5 * basis[2] + basis[6]
    np.testing.assert_allclose(h.extractor(basis[:2]) @ (v_a + v_b), v_a, atol=1e-12)


@pytest.mark.parametrize("c", [1, 3, 11])
def test_two_values_are_averaged_up_to_the_stated_weight(c):
    w = weights(h.averaging_query(EYE[0], EYE[1], c), EYE[:5])
    assert w[2:].sum() == pytest.approx(3 / (3 + 2 * math.exp(c)))
    assert w[0] == pytest.approx(w[1])


def test_the_single_head_swings_with_the_length_of_a_key_and_two_heads_do_not():
    rng, c = np.random.default_rng(5), 100
    single, double = [], []
    for _ in range(400):
        keys = h.sample_keys(EYE, 1e-8, 0.5, rng)
        w = weights(c * (EYE[0] + EYE[1]), keys)[0]
        assert w == pytest.approx(h.share_of_first(keys[0, 0], c), abs=0.02)
        single.append(attend(c * (EYE[0] + EYE[1]), keys, EYE)[0])
        double.append(h.two_heads(keys, EYE, EYE, c)[0])
    assert np.quantile(single, 0.25) < 0.01 and np.quantile(single, 0.75) > 0.99
    assert np.median(double) == pytest.approx(0.5, abs=0.02)
    assert np.std(double) < np.std(single) / 2


@pytest.mark.parametrize("beta", [2, 3, 5])
def test_projections_send_each_output_where_the_question_wants_it(beta):
    u_a, u_b, u_c, u_d = beta * EYE[:4]
    x = np.stack([u_d + u_b, u_a, u_c + u_b])
    one = np.eye(7)
    lost = 2 / (2 + math.exp(beta**2))
    plain = h.self_attention(x, one, one, one)[1]
    assert plain @ u_a / beta**2 == pytest.approx(1 - lost)  # c_2 is near u_a, not u_b
    c = h.self_attention(x, *h.projections(u_a, u_b, u_c, u_d))
    assert np.abs(c[1] - u_b).max() == pytest.approx(beta * lost / 2)
    assert np.abs(c[0] - (u_b - u_c)).max() == pytest.approx(beta * lost)
