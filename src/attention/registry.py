"""The one registry of variants, and what a configuration asks of it.

`VARIANTS` is filled in `attention/__init__.py`, a line a variant.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

POSITIONS = ("learned", "sinusoidal", "rope", "alibi", "none")
INSIDE = ("rope", "alibi")  # those that the attention itself applies

LATENTS = 32  # the default of bottleneck_dim, or block_size where that is smaller


@dataclass(frozen=True)
class Variant:
    """An entry of the registry.

    `build_blocks`: for a variant that changes the stack of blocks itself, the function (config) ->
    list of blocks. `options`: those of the command line that mean something to this variant alone.
    `summary`, `equation` and `paper` (arXiv number, or course) are for help, tables and docs.
    `recognise`, for the variants of the course's editions, whose params may have no description:
    state_dict -> what it says of the model's sizes, or None if it is another variant's.
    """

    layer: type[nn.Module]
    positions: str = "learned"
    build_blocks: Callable | None = None
    options: tuple[str, ...] = ()
    summary: str = ""
    equation: str = ""
    paper: str = ""
    recognise: Callable[[dict[str, Tensor]], dict | None] | None = None


VARIANTS: dict[str, Variant] = {}


def register(name: str, variant: Variant) -> None:
    """Add a variant from outside src/, a lab's say: then `GPTConfig(..., variant=name)` builds it.

    Raises ValueError for a name that is taken.
    """
    if name in VARIANTS:
        raise ValueError(f"there is a variant {name!r} already; choose another name")
    VARIANTS[name] = variant


def first_layer(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of the first block's attention, by their names in the layer."""
    start = "blocks.0.attn."
    return {
        name.removeprefix(start): value for name, value in state.items() if name.startswith(start)
    }


def variant_name(config) -> str:
    """The variant that `config` asks for: its `variant`, or a flag (`config.synthesizer = True`).

    Raises ValueError for a name that the registry does not have, or for two at once.
    """
    flags = [name for name in VARIANTS if getattr(config, name.replace("-", "_"), False)]
    name = getattr(config, "variant", None)
    names = flags + ([name] if name and name not in flags else [])
    if len(names) > 1:
        raise ValueError(f"the configuration asks for {' and '.join(names)}; choose one")
    name = names[0] if names else "vanilla"
    if name not in VARIANTS:
        raise ValueError(f"unknown variant {name!r}; choose one of {', '.join(VARIANTS)}")
    return name


def positions_name(config) -> str:
    """The positions that `config` asks for: its `positions`, or else its variant's own.

    Raises ValueError for a name that is none of POSITIONS.
    """
    name = getattr(config, "positions", None) or VARIANTS[variant_name(config)].positions
    if name not in POSITIONS:
        raise ValueError(f"unknown positions {name!r}; choose one of {', '.join(POSITIONS)}")
    return name


def check_heads(config) -> int:
    """The channels of a head. Raises ValueError unless the heads divide the channels."""
    if config.n_embd % config.n_head:
        raise ValueError(
            f"n_embd {config.n_embd} cannot be divided among n_head {config.n_head} heads; "
            "choose a multiple"
        )
    return config.n_embd // config.n_head


def check_length(layer: nn.Module, length: int) -> None:
    """Raise ValueError where `length` positions are more than `layer` takes."""
    if length > layer.max_length:
        raise ValueError(
            f"{type(layer).__name__} is {layer.max_length} positions wide and cannot take "
            f"{length}; shorten the input or build the model with a larger block_size"
        )


def check_positions(layer: nn.Module, config) -> str:
    """The positions asked for. Raises ValueError for those that `layer` cannot apply itself."""
    name = positions_name(config)
    if name in INSIDE and name not in layer.inside:
        part = "query and key to rotate" if name == "rope" else "scores to add a bias to"
        raise ValueError(
            f"{type(layer).__name__} has no {part}, as positions {name} need; choose "
            f"{', '.join(p for p in POSITIONS if p not in INSIDE)}"
        )
    return name


def bottleneck(config) -> int:
    """How many latents `config` asks for. Raises ValueError for a number that makes no sense."""
    latents = getattr(config, "bottleneck_dim", None)
    if latents is None:
        return min(LATENTS, config.block_size)
    if not 1 <= latents <= config.block_size:
        raise ValueError(
            f"bottleneck_dim {latents} is not between 1 and block_size {config.block_size}; "
            "choose one that is"
        )
    return latents
