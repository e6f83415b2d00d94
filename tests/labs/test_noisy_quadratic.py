"""labs/scaling/noisy_quadratic.py and labs/common/critical.py."""

import numpy as np
import pytest

from base.errors import UserError
from labs.common.critical import critical_batch
from labs.scaling import noisy_quadratic as nqm


@pytest.mark.parametrize("rate, batch", [(0.1, 3), (1.0, 5), (1.7, 11)])
def test_the_closed_form_is_what_is_simulated(rate, batch):
    h, c = np.array([1.0, 0.5, 0.2]), np.array([1.0, 2.0, 0.3])
    runs = 20_000
    for steps in (1, 7, 23):
        squares = nqm.simulated(h, c, rate, batch, steps, runs) ** 2
        error = squares.std(0) / runs**0.5
        exact = nqm.second_moment(h, c, rate, batch, steps)
        assert (abs(squares.mean(0) - exact) < 4 * error + 1e-12).all()


def test_one_step_after_the_other_by_hand():
    moment = 1.0
    for step in range(1, 6):
        moment = (1 - 0.3 * 2.0) ** 2 * moment + 0.3**2 * 5.0 / 7
        assert nqm.second_moment(2.0, 5.0, 0.3, 7, step) == pytest.approx(moment)
    assert nqm.second_moment(2.0, 5.0, 1.0, 7, 3) == pytest.approx(1 + 3 * 5 / 7)  # r = 1


def test_steps_to_a_target_are_the_first_that_reach_it():
    h = nqm.diagonal(7)
    steps = nqm.steps_to(0.1, h, 0.3, 50)
    assert nqm.loss(h, 0.3, 50, steps) <= 0.1 < nqm.loss(h, 0.3, 50, steps - 1)
    assert nqm.steps_to(0.1, h, 1.5, 1) == nqm.NEVER  # the noise alone is above the target


def test_small_batches_want_small_rates_and_many_steps():
    h = nqm.diagonal(20)
    found = [nqm.best_rate(0.1, h, batch) for batch in (1, 2, 64, 4096, 8192)]
    rates, steps = zip(*found, strict=True)
    assert list(rates) == sorted(rates) and list(steps) == sorted(steps, reverse=True)
    assert steps[0] / steps[1] == pytest.approx(2, rel=0.1)  # noise decides
    assert steps[3] / steps[4] == pytest.approx(1, rel=0.05)  # curvature decides


def test_the_critical_batch_size_of_a_made_up_law():
    batches = [2.0**n for n in range(12)]
    found = critical_batch([*batches, 3.0], [*(30 * (1 + 77 / b) for b in batches), np.inf])
    assert found == pytest.approx((30, 77), rel=0.01)
    with pytest.raises(UserError, match="2 batch sizes reach the target"):
        critical_batch([1, 2, 3], [5, 4, np.inf])
