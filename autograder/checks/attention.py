"""Part g: layers against the reference's float64 results for the same weights."""

import numpy as np
from grading import Grading
from verdicts import Failed, NotRun, check

TOLERANCE = 1e-6  # relative; float32 in another order of operations stays near 2e-7
GRADIENT_TOLERANCE = 1e-5


def difference(seen: np.ndarray | None, wanted: np.ndarray, what: str) -> float:
    """|seen - wanted| / |wanted| in the 2-norm. Raises Failed for another shape."""
    if seen is None or seen.shape != wanted.shape:
        shape = "nothing" if seen is None else list(seen.shape)
        raise Failed(f"{what} of shape {list(wanted.shape)}", f"{shape}")
    gap = np.linalg.norm(seen.astype(np.float64) - wanted)
    return float(gap / max(np.linalg.norm(wanted), 1e-12))


def example(seen: np.ndarray, wanted: np.ndarray) -> str:
    """The place of the largest difference, with both values."""
    gaps = np.nan_to_num(np.abs(seen.astype(np.float64) - wanted), nan=np.inf)
    place = np.unravel_index(np.argmax(gaps), wanted.shape)
    where = ", ".join(map(str, place))
    return f"element [{where}]: {wanted[place]:.6f} expected, {seen[place]:.6f} seen"


def ask_layer(grading: Grading, variant: str):
    """The reference's arrays for the variant's layer, and what the submission's layer gives."""
    if variant not in grading.reference.data["layers"]:
        raise NotRun(f"the reference has no attention layer for {variant}")
    wanted = grading.reference.group(f"layer.{variant}.")
    name = grading.reference.data["layers"][variant]["class"]
    config = grading.reference.data["layer_config"]
    config = config | {other: False for other in grading.settings["variants"]}
    config |= grading.settings["variants"][variant]["config"]
    given = {n: a for n, a in wanted.items() if n in ("x", "changed", "g") or "weight." in n}
    outcome = grading.once(
        ("layer", variant),
        lambda: grading.ask(
            "layer", {"class": name, "config": config}, about="attention", arrays=given
        ),
    )
    return name, wanted, outcome.arrays


@check
def attention_equation(grading: Grading, variant: str) -> str:
    """The layer computes what its equation says, with loaded weights, in evaluation mode.

    Why: a slip in an axis, a slice or a scale often still trains, only worse.
    """
    name, wanted, seen = ask_layer(grading, variant)
    gap = difference(seen.get("out.x"), wanted["out.x"], f"the output of {name}")
    if not gap <= TOLERANCE:
        config = grading.reference.data["layer_config"]
        raise Failed(
            f"the output of {name} within {TOLERANCE} (relative) of its equation",
            f"a difference of {gap:.1e}; {example(seen['out.x'], wanted['out.x'])}",
            on=f"input (B, T, C) = {list(wanted['x'].shape)}, n_head {config['n_head']}, "
               f"block_size {config['block_size']}, weights loaded",
        )  # fmt: skip
    return f"{name} agrees with its equation to {gap:.0e}"


@check
def attention_causal(grading: Grading, variant: str) -> str:
    """Changing later positions leaves earlier outputs as they were.

    Why: a layer that sees the next character learns to copy it, and can predict nothing.
    """
    name, wanted, seen = ask_layer(grading, variant)
    first = grading.reference.data["changed_from"]
    outputs = [seen.get(key) for key in ("out.x", "out.changed")]
    for output in outputs:
        if output is None or output.ndim != 3 or output.shape[1] <= first:
            raise Failed(f"outputs of {name} of shape {list(wanted['x'].shape)}", "another shape")
    before, after = (output[:, :first] for output in outputs)
    gap = difference(after, before, "outputs")
    if not gap <= TOLERANCE:
        raise Failed(
            f"outputs at positions 0 ... {first - 1} do not depend on positions from {first} on",
            f"they change by {gap:.1e} (relative): the causal mask is missing or wrong",
            on=f"{name}, two inputs that agree in the first {first} positions",
        )
    if np.allclose(outputs[0][:, first:], outputs[1][:, first:]):
        raise Failed("outputs depend on the inputs", "they are the same for different inputs")
    return f"{name}: position t sees positions up to t only"


@check
def attention_gradients(grading: Grading, variant: str) -> str:
    """The gradient of every parameter is the equation's.

    Why: a parameter that is detached or not registered keeps its random values for ever.
    """
    name, wanted, seen = ask_layer(grading, variant)
    for key in sorted(k for k in wanted if k.startswith("grad.")):
        parameter = key.removeprefix("grad.")
        if not np.linalg.norm(wanted[key]):
            continue
        if key not in seen:
            raise Failed(f"{name}.{parameter} is a parameter with a gradient", "it is not")
        # a bias that cancels in softmax (that of `key`) has a gradient of rounding errors only
        scale = max(np.linalg.norm(wanted[key]), 1e-3 * np.linalg.norm(wanted["g"]))
        if seen[key].shape != wanted[key].shape:
            raise Failed(f"{name}.{parameter} of shape {list(wanted[key].shape)}",
                         f"{list(seen[key].shape)}")  # fmt: skip
        gap = float(np.linalg.norm(seen[key].astype(np.float64) - wanted[key]) / scale)
        if not gap <= GRADIENT_TOLERANCE:
            raise Failed(f"the gradient of {parameter}, within {GRADIENT_TOLERANCE} (relative)",
                         f"a difference of {gap:.1e}", on=f"{name}, sum(out * g)")  # fmt: skip
    return f"gradients reach every parameter of {name}"
