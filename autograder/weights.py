"""Which tensor of one model is which of another: by name, by the edition's other names, by shape.

Used on both sides of the sandbox's wall. It needs names and shapes only.
"""

from difflib import SequenceMatcher

Shapes = dict[str, list[int]]


def clean(name: str) -> str:
    """A parameter's name without what DataParallel and torch.compile put before it."""
    return name.replace("_orig_mod.", "").removeprefix("module.")


def common_ending(a: str, b: str) -> int:
    """How many parts of two dotted names agree, from the end."""
    pairs = zip(reversed(a.split(".")), reversed(b.split(".")), strict=False)
    count = 0
    for x, y in pairs:
        if x != y:
            break
        count += 1
    return count


def other_names(name: str, renames: list) -> list[str]:
    """The name, and what each rename (our beginning, the edition's beginning) makes of it."""
    return [name, *(new + name.removeprefix(old) for old, new in renames if name.startswith(old))]


def pair_names(wanted: Shapes, found: Shapes, renames: list = ()) -> dict[str, str]:
    """{wanted name: found name}: the same name or one of the edition's where there is one, else
    the first free tensor of the same shape, those with the most similar name before others.

    What fits nowhere is left out. Outputs must decide whether the pairs are right.
    """
    pairs, free = {}, dict(found)
    for name, shape in wanted.items():
        for other in other_names(name, renames):
            if free.get(other) == shape:
                pairs[name] = other
                del free[other]
                break
    for name, shape in wanted.items():
        if name in pairs:
            continue
        fitting = [other for other, size in free.items() if size == shape]
        if fitting:
            pairs[name] = max(fitting, key=lambda other: likeness(name, other))
            del free[pairs[name]]
    return pairs


def likeness(a: str, b: str) -> tuple[int, float]:
    return common_ending(a, b), SequenceMatcher(None, a, b).ratio()
