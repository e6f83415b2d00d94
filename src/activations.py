"""Every intermediate result of a forward pass, by name; and the pass with some of them replaced.

Names are those of the model's modules, as `model.named_modules()` has them: "drop" is what the
first block reads, "blocks.2.attn" what the attention of the third block adds, "blocks.2.mlp" what
its MLP adds, "blocks.2" the stream (B, T, C) after it, "ln_f" the final normed channels, "head" the
logits (B, T, V). B rows, T positions, C channels, V vocabulary.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn

Patch = Callable[[Tensor], Tensor]  # an output -> what stands in its place


def checked(model: nn.Module, names: Iterable[str]) -> dict[str, nn.Module]:
    """The modules of these names. Raises ValueError for a name that the model does not have."""
    modules = {name: module for name, module in model.named_modules() if name}
    for name in names:
        if name not in modules:
            raise ValueError(f"the model has no {name!r}; its parts are {', '.join(modules)}")
    return {name: modules[name] for name in names}


@contextlib.contextmanager
def hooked(model: nn.Module, hooks: dict[str, Callable]) -> Iterator[None]:
    """Within it, `hooks[name](output)` sees each output of the module `name`; what it returns, if
    anything, takes the output's place."""
    handles = []
    try:
        for name, module in checked(model, hooks).items():
            hook = hooks[name]
            handles.append(
                module.register_forward_hook(lambda _, __, output, hook=hook: hook(output))
            )
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def run_with_cache(
    model: nn.Module, idx: Tensor, names: Iterable[str] | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """Logits (B, T, V) of the characters idx (B, T), and the outputs of the modules `names` (all
    that give a tensor, if None). Leaves the model in evaluation mode."""
    model.eval()
    cache: dict[str, Tensor] = {}

    def keep(name: str) -> Callable:
        def hook(output) -> None:
            if isinstance(output, Tensor):
                cache[name] = output

        return hook

    chosen = [name for name, _ in model.named_modules() if name] if names is None else names
    with hooked(model, {name: keep(name) for name in chosen}):
        logits, _ = model(idx)
    return logits, cache


@torch.no_grad()
def run_with_patches(model: nn.Module, idx: Tensor, patches: dict[str, Patch]) -> Tensor:
    """Logits (B, T, V) where the output of each module in `patches` is replaced by what its patch
    makes of it. Leaves the model in evaluation mode."""
    model.eval()
    with hooked(model, patches):
        logits, _ = model(idx)
    return logits
