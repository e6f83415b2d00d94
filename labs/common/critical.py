"""The critical batch size: steps to a target are about S (1 + B* / B).

McCandlish et al. 2018, arXiv 1812.06162. Below B* twice the batch halves the steps (the gradient's
noise decides), above it the steps hardly fall (the curvature decides).
"""

from collections.abc import Sequence

import numpy as np

from base.errors import UserError


def critical_batch(batches: Sequence[float], steps: Sequence[float]) -> tuple[float, float]:
    """The fewest steps S and the critical batch size B*, by least squares of log steps.

    Batch sizes that never reach the target (infinite steps) are left out. Raises UserError where
    fewer than three are left.
    """
    kept = [(b, s) for b, s in zip(batches, steps, strict=True) if np.isfinite(s)]
    if len(kept) < 3:
        raise UserError(f"{len(kept)} batch sizes reach the target; three are needed")
    b, s = np.array(kept, dtype=float).T
    candidates = np.geomspace(b.min() / 30, b.max() * 30, 4001)
    shapes = np.log1p(candidates[:, None] / b)
    offsets = (np.log(s) - shapes).mean(1)
    errors = ((np.log(s) - shapes - offsets[:, None]) ** 2).sum(1)
    best = int(errors.argmin())
    return float(np.exp(offsets[best])), float(candidates[best])
