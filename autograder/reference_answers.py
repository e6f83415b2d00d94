"""The right answers, computed by this project's own src/ (never typed in).

Runs inside the sandbox, like everything that needs torch, in a folder that holds src/ and no
student code. `compute` runs once, when the autograder is built.
"""

import hashlib

import torch
from torch import Tensor
from weights import pair_names

LAYER = {  # sizes of the layers that are compared: primes, so that swapped axes fail
    "n_embd": 6, "n_head": 3, "block_size": 13, "vocab_size": 31, "n_layer": 2,
    "attn_pdrop": 0.1, "resid_pdrop": 0.1, "embd_pdrop": 0.1,
}  # fmt: skip
BATCH, TIME, CHANGED_FROM = 11, 7, 4
MODEL = {"vocab_size": 31, "block_size": 17, "sizes": {"n_layer": 2, "n_head": 3, "n_embd": 12}}


def compute(args: dict):
    """Layers, models and parameter shapes of `args['variants']`, as (data, arrays)."""
    from attention import VARIANTS

    data = {"shapes": {}, "layers": {}, "models": {}, "absent": []}
    arrays: dict = {}
    for variant, config in args["variants"].items():
        if variant not in VARIANTS:
            data["absent"].append(variant)
            continue
        sizes = args["sizes"] | {"vocab_size": args["vocab_size"]}
        data["shapes"][variant] = shapes_of(build(sizes, config["config"]))
        data["models"][variant] = MODEL | {"settings": config["config"] | config.get("tiny", {})}
        arrays |= model_answers(variant, data["models"][variant]["settings"])
        if VARIANTS[variant].build_blocks is None:
            data["layers"][variant] = {"class": VARIANTS[variant].layer.__name__}
            arrays |= layer_answers(variant, VARIANTS[variant].layer, config["config"])
    data["layer_config"] = LAYER
    data["changed_from"] = CHANGED_FROM
    return data, {name: value.detach().numpy() for name, value in arrays.items()}


def build(sizes: dict, settings: dict) -> torch.nn.Module:
    """The model of those sizes, with the flags that choose its variant."""
    from model import GPT, GPTConfig

    config = GPTConfig(**sizes)
    for name, value in settings.items():
        setattr(config, name, value)
    return GPT(config)


def shapes_of(module: torch.nn.Module) -> dict:
    """Names and shapes of the trained tensors (buffers may differ between correct programs)."""
    return {name: list(value.shape) for name, value in module.named_parameters()}


def randomised(module: torch.nn.Module, generator: torch.Generator) -> dict[str, Tensor]:
    """Give every parameter sizable random values, so that each of them shows in the output."""
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.4
    return {name: p.data.clone() for name, p in module.named_parameters()}


def layer_answers(variant: str, layer: type, settings: dict) -> dict[str, Tensor]:
    """Input, weights, and the layer's outputs and gradients in float64."""
    from types import SimpleNamespace

    generator = torch.Generator().manual_seed(224)
    built = layer(SimpleNamespace(**LAYER, **settings))
    weights = randomised(built, generator)
    x = torch.randn(BATCH, TIME, LAYER["n_embd"], generator=generator)
    changed = x.clone()
    changed[:, CHANGED_FROM:] = torch.randn(changed[:, CHANGED_FROM:].shape, generator=generator)
    g = torch.randn(x.shape, generator=generator)
    built = built.double().eval()
    out, out_changed = built(x.double()), built(changed.double())
    (out * g.double()).sum().backward()
    found = {"x": x, "changed": changed, "g": g, "out.x": out, "out.changed": out_changed}
    found |= {f"weight.{name}": value for name, value in weights.items()}
    found |= {f"grad.{name}": parameter.grad for name, parameter in built.named_parameters()}
    return {f"layer.{variant}.{name}": value for name, value in found.items()}


def model_answers(variant: str, settings: dict) -> dict[str, Tensor]:
    """Input, weights, and the logits of a small model in float64."""
    generator = torch.Generator().manual_seed(225)
    sizes = MODEL["sizes"] | {k: MODEL[k] for k in ("vocab_size", "block_size")}
    built = build(sizes, settings)
    weights = randomised(built, generator)
    idx = torch.randint(0, MODEL["vocab_size"], (5, TIME), generator=generator)
    with torch.no_grad():
        logits = built.double().eval()(idx)[0]
    found = {"idx": idx, "logits": logits} | {f"weight.{n}": value for n, value in weights.items()}
    return {f"model.{variant}.{name}": value for name, value in found.items()}


def settled(module: torch.nn.Module) -> None:
    """Give every parameter random values of a size at which each of them shows in the logits and
    float32 rounding does not grow: vectors near 0 (scales of norms near 1), matrices by fan-in."""
    generator = torch.Generator().manual_seed(226)
    for name, parameter in module.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim == 1:
            centre = 1.0 if name.endswith("weight") else 0.0
            parameter.data = centre + 0.2 * noise
        else:
            parameter.data = noise * parameter.shape[-1] ** -0.5


def fresh_params(args: dict, own: dict[str, Tensor] | None):
    """Random params for a corpus of `vocab_size` characters in the file `path`, under the names of
    `own`, the weights of the submission's model (None: our names). What they are, and the logits
    that they give in float64 for the characters idx."""
    model = build(args["sizes"] | {"vocab_size": args["vocab_size"]}, args["settings"])
    settled(model)
    wanted = shapes_of(model)
    state = model.state_dict()
    if own is not None:
        found = {name: list(own[name].shape) for name in args["parameters"] if name in own}
        pairs = pair_names(wanted, found, args["renames"])
        if absent := [name for name in wanted if name not in pairs]:
            return {"absent": absent[0]}, {}
        state = own | {pairs[name]: state[name] for name in wanted}
        digests = {pairs[name]: digest(state[pairs[name]]) for name in wanted}
    else:
        digests = {name: digest(state[name]) for name in wanted}
    torch.save(state, args["path"])
    generator = torch.Generator().manual_seed(227)
    idx = torch.randint(0, args["vocab_size"], (5, TIME), generator=generator)
    with torch.no_grad():
        logits = model.double().eval()(idx)[0]
    return {"digest": digests}, {"idx": idx.numpy(), "logits": logits.numpy()}


def digest(value: Tensor) -> str:
    return hashlib.sha256(value.contiguous().numpy().tobytes()).hexdigest()


def predict(args: dict, state: dict[str, Tensor]) -> dict:
    """What the reference model with the params `state` answers to each of `questions`."""
    from answers.predict import predict as answers
    from dataset import CharCorruptionDataset

    with open("wiki.txt", encoding="utf-8") as file:
        dataset = CharCorruptionDataset(file.read(), args["sizes"]["block_size"])
    model = build(args["sizes"] | {"vocab_size": dataset.vocab_size}, args["settings"])
    wanted = shapes_of(model)
    found = {name: list(value.shape) for name, value in state.items()}
    pairs = pair_names(wanted, found, args["renames"])
    if absent := [name for name in wanted if name not in pairs]:
        raise KeyError(f"the file has no {absent[0]} of shape {wanted[absent[0]]}")
    model.load_state_dict(model.state_dict() | {n: state[pairs[n]] for n in wanted})
    return {"answers": answers(model, dataset, args["questions"])}
