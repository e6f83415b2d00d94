"""The contract that every attention layer in the registry keeps, and the exceptions to it."""

import pytest
import torch
from conftest import needs_bf16

from attention import POSITIONS, VARIANTS, register, variant_name
from attention.positions import rotary_table, rotate
from model import GPTConfig

B, T, N, H, D = 2, 7, 11, 3, 10
NAMES = tuple(VARIANTS)
LAYERS = [  # with none, and with all that a layer applies itself
    (name, positions)
    for name in NAMES
    for positions in ("none", *getattr(VARIANTS[name].layer, "inside", ()))
]
LEAKS = "zero-after-softmax"
FIXED_SIZE = (
    "aft-simple", "aft-local", "aft-conv", "linear", "performer", "fastformer", "perceiver",
    "synthesizer-random", "synthesizer-random-fixed", "synthesizer-factorized-random",
)  # fmt: skip


def config_of(variant, **settings):
    sizes = {"n_layer": 3, "n_head": H, "n_embd": H * D, "bottleneck_dim": 5, "aft_window": 3}
    drops = {"attn_pdrop": 0.0, "resid_pdrop": 0.0, "embd_pdrop": 0.0}
    settings = {"block_size": N} | sizes | drops | settings
    return GPTConfig(13, variant=variant, **settings)


def layer_of(variant, seed=0, **settings):
    """A layer in float64 and evaluation mode, its parameters (zeros included) all random."""
    torch.manual_seed(seed)
    layer = VARIANTS[variant].layer(config_of(variant, **settings)).double().eval()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return layer


def inputs(length=T, seed=1):
    return torch.randn(B, length, H * D, dtype=torch.float64, generator=seeded(seed))


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def walk(layer, x, first=0):
    """Outputs of the `first` positions together and of each other one alone."""
    state = layer.init_state(len(x), x.device, x.dtype)
    parts = [layer.decode(x[:, :first], state)] if first else []
    parts += [layer.decode(x[:, t : t + 1], state) for t in range(first, x.shape[1])]
    return torch.cat(parts, dim=1)


@pytest.mark.parametrize("name", NAMES)
def test_shape(name):
    layer = layer_of(name)
    for length in (1, 2, T, layer.max_length):
        assert layer(inputs(length)).shape == (B, length, H * D)
    layer.train()(inputs())


@pytest.mark.parametrize("name, positions", LAYERS)
def test_output_depends_on_the_past_only(name, positions):
    layer = layer_of(name, positions=positions)
    x, changed = inputs(), inputs()
    changed[:, 4:] = inputs(seed=2)[:, 4:]
    y, other = layer(x), layer(changed)
    same = (y[:, :4] - other[:, :4]).abs().amax()
    assert (y[:, 4:] - other[:, 4:]).abs().amin(-1).amin() > 1e-6
    if name == LEAKS:
        assert same > 1e-3
    else:
        assert same < 1e-12


@pytest.mark.parametrize("name, positions", LAYERS)
def test_decoding_step_by_step_equals_the_full_pass(name, positions):
    layer = layer_of(name, positions=positions)
    x = inputs(layer.max_length)
    expected = layer(x)
    if name == LEAKS:  # a step cannot know the future: it is the full pass over the past
        expected = torch.cat([layer(x[:, : t + 1])[:, -1:] for t in range(x.shape[1])], dim=1)
    torch.testing.assert_close(walk(layer, x), expected, rtol=0, atol=1e-10)
    if name != LEAKS:
        torch.testing.assert_close(walk(layer, x, first=6), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", [name for name in NAMES if name != LEAKS])
def test_decoding_goes_on_where_the_last_one_ended(name):
    layer, x = layer_of(name), inputs(9)
    state = layer.init_state(B, x.device, x.dtype)
    parts = [layer.decode(part, state) for part in x.split((2, 4, 3), dim=1)]
    torch.testing.assert_close(torch.cat(parts, dim=1), layer(x), rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", FIXED_SIZE)
def test_state_does_not_grow(name):
    layer, x = layer_of(name), inputs(10)
    state, sizes = layer.init_state(B, x.device, x.dtype), []
    for t in range(10):
        layer.decode(x[:, t : t + 1], state)
        sizes.append(numbers_in(state))
    assert sizes[5] == sizes[9] > 0


@pytest.mark.parametrize("name", NAMES)
def test_rows_of_a_state_go_on_alone(name):
    """As generation needs it: all tensors in a state have the rows first."""
    layer, x = layer_of(name), inputs(5)
    state = layer.init_state(B, x.device, x.dtype)
    layer.decode(x[:, :4], state)
    alone = layer.init_state(1, x.device, x.dtype)
    layer.decode(x[1:, :4], alone)
    expected = layer.decode(x[1:, 4:], alone)
    picked = rows_of(state, torch.tensor([1, 1]))
    y = layer.decode(x[[1, 1], 4:], picked)
    torch.testing.assert_close(y, expected.expand(2, -1, -1), rtol=0, atol=1e-10)


def rows_of(state, rows):
    if isinstance(state, torch.Tensor):
        return state[rows]
    if isinstance(state, dict):
        return {name: rows_of(part, rows) for name, part in state.items()}
    if isinstance(state, (tuple, list)):
        return type(state)(rows_of(part, rows) for part in state)
    return state


def numbers_in(state):
    if isinstance(state, torch.Tensor):
        return state.numel()
    if isinstance(state, dict):
        return sum(map(numbers_in, state.values()))
    return sum(map(numbers_in, state)) if isinstance(state, (tuple, list)) else 0


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_every_parameter(name):
    layer = layer_of(name).train()
    layer(inputs(layer.max_length)).square().sum().backward()
    for parameter, tensor in layer.named_parameters():
        assert tensor.grad is not None, parameter
        if not parameter.endswith(("key.bias", "key.2.bias")):  # shifts a row's scores alike
            assert tensor.grad.abs().max() > 1e-9, parameter


@pytest.mark.parametrize("name", NAMES)
def test_state_dict_round_trip(name):
    layer, other = layer_of(name), layer_of(name, seed=3)
    x = inputs()
    expected = layer(x)
    assert not torch.equal(other(x), expected)
    other.load_state_dict(layer.state_dict(), strict=True)
    assert torch.equal(other(x), expected)


@needs_bf16
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", NAMES)
def test_half_precision_is_near_float64(name, dtype):
    layer, x = layer_of(name), inputs().to(dtype)
    expected = layer(x.double())
    layer = layer.to(dtype)
    for y in (layer(x), walk(layer, x) if name != LEAKS else layer(x)):
        assert y.dtype == dtype
        error = (y.double() - expected).norm() / expected.norm()
        assert error < (0.05 if dtype == torch.bfloat16 else 0.01)


@needs_bf16
@pytest.mark.parametrize("name", NAMES)
def test_bf16_autocast_is_near_float64(name):
    layer, x = layer_of(name), inputs()
    expected = layer(x)
    layer = layer.float()
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x.float())
    assert (y.double() - expected).norm() / expected.norm() < 0.05


@pytest.mark.parametrize("name", NAMES)
def test_too_long_an_input_is_one_line(name):
    layer = layer_of(name)
    with pytest.raises(ValueError, match=rf"{layer.max_length} positions wide.*{N + 1}") as error:
        layer(inputs(N + 1))
    assert "\n" not in str(error.value)
    state = layer.init_state(B, "cpu", torch.float64)
    layer.decode(inputs(layer.max_length), state)
    with pytest.raises(ValueError, match="positions wide"):
        layer.decode(inputs(1), state)


@pytest.mark.parametrize("name", NAMES)
def test_heads_that_do_not_divide_are_one_line(name):
    with pytest.raises(ValueError, match="n_embd 31 cannot be divided among n_head 3") as error:
        layer_of(name, n_embd=31)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", NAMES)
def test_positions_that_a_layer_cannot_have_are_one_line(name):
    for positions in ("rope", "alibi"):
        if positions in getattr(VARIANTS[name].layer, "inside", ()):
            layer_of(name, positions=positions)
            continue
        with pytest.raises(ValueError, match=f"positions {positions} need; choose") as error:
            layer_of(name, positions=positions)
        assert "\n" not in str(error.value)


def test_rotary_positions_need_pairs_of_channels():
    with pytest.raises(ValueError, match="a head has 5; choose"):
        layer_of("rope", n_head=6)


def test_perceivers_that_cannot_be():
    for size in (0, N + 1):
        with pytest.raises(ValueError, match=f"bottleneck_dim {size} is not between 1 and"):
            layer_of("perceiver", bottleneck_dim=size)
    with pytest.raises(ValueError, match="n_layer is 1; choose 2 or more"):
        layer_of("perceiver", n_layer=1)
    assert layer_of("perceiver", bottleneck_dim=None).down_block.C.shape == (1, N, H * D)


# -- the two exceptions ------------------------------------------------------------------------


def test_zero_after_softmax_shows_its_leak():
    layer, vanilla = layer_of(LEAKS), layer_of("vanilla")
    vanilla.load_state_dict(layer.state_dict())
    x, t = inputs(), 3
    changed = x.clone()
    changed[:, t + 1] += 1.0
    moved = (layer(x) - layer(changed)).abs().amax(-1)
    assert (moved[:, : t + 1] > 1e-6).all()

    query, past = layer.project(x, 0)
    weights = layer.weights(layer.scores(query, past), 0)
    sums = weights.sum(-1)
    assert (sums[..., :-1] < 1 - 1e-6).all()
    torch.testing.assert_close(sums[..., -1], torch.ones_like(sums[..., -1]))
    assert (weights.triu(1) == 0).all()
    masked = vanilla.weights(vanilla.scores(query, past), 0)
    torch.testing.assert_close(weights / sums[..., None], masked, rtol=0, atol=1e-12)


def test_perceiver_bottleneck_a_latent_sees_tokens_up_to_its_own_index():
    layer, m = layer_of("perceiver"), 5
    x = inputs().requires_grad_()
    latents = layer.down_block(x)
    assert latents.shape == (B, m, H * D)
    for i in range(m):
        (grad,) = torch.autograd.grad(latents[:, i].sum(), x, retain_graph=True)
        seen = (grad.abs().amax(-1) > 1e-9).all(0)
        assert seen.tolist() == [s <= i for s in range(T)], i


def test_perceiver_token_beyond_the_bottleneck_knows_only_the_latents_and_itself():
    layer = layer_of("perceiver")
    x = inputs().requires_grad_()
    (grad,) = torch.autograd.grad(layer(x)[:, 6].sum(), x)
    seen = (grad.abs().amax(-1) > 1e-9).all(0)
    assert seen.tolist() == [True] * 5 + [False, True]


# -- the registry ------------------------------------------------------------------------------


def test_the_registry_has_every_variant_of_the_list():
    assert set(NAMES) == {
        "vanilla", "synthesizer", "synthesizer-random", "synthesizer-random-fixed",
        "synthesizer-factorized-dense", "synthesizer-factorized-random", "synthesizer-mixture",
        "rope", "perceiver", "shared-qk", "shared-kv", "shared-qkv", "mlp-qkv", "cosine",
        "euclidean", "additive", "zero-after-softmax", "aft-full", "aft-simple", "aft-local",
        "aft-conv", "performer", "fastformer", "linear",
    }  # fmt: skip
    assert len({entry.layer for entry in VARIANTS.values()}) == len(VARIANTS)
    assert {entry.positions for entry in VARIANTS.values()} <= set(POSITIONS)


@pytest.mark.parametrize("name", NAMES)
def test_every_docstring_cites_its_source(name):
    text = VARIANTS[name].layer.__doc__
    assert any(source in text for source in ("arXiv", "handout", "CSE 517"))


@pytest.mark.parametrize("name", NAMES)
def test_flags_of_the_editions_name_variants(name):
    config = GPTConfig(13, N)
    setattr(config, name.replace("-", "_"), True)
    assert variant_name(config) == name


def test_variant_names_that_cannot_be():
    with pytest.raises(ValueError, match="unknown variant 'nonsense'; choose one of vanilla"):
        variant_name(GPTConfig(13, N, variant="nonsense"))
    with pytest.raises(ValueError, match="synthesizer and rope; choose one"):
        variant_name(GPTConfig(13, N, synthesizer=True, rope=True))


def test_both_ways_to_rotate_agree(monkeypatch):
    """Pairs are complex numbers on a CPU; in compiled code and elsewhere, components."""
    x = torch.randn(2, 3, 7, 10, dtype=torch.float64)
    table = rotary_table(11, 10)[4:]
    turned = rotate(x, table)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    torch.testing.assert_close(rotate(x, table), turned, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_layers_map_is_what_its_output_is_made_with(name):
    """Rows sum to 1 over the past; with the values and the projection they give the output."""
    layer, x = layer_of(name), inputs()
    if not hasattr(layer, "attention_map"):
        return
    weights = layer.attention_map(x)
    assert weights.shape[-2:] == (x.shape[1], x.shape[1])
    if name != LEAKS:
        assert not weights.triu(1).any()
        torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
    value = layer.project(x, 0)[1][-1]
    expected = layer.proj((weights @ value).transpose(1, 2).flatten(2))
    torch.testing.assert_close(layer(x), expected)


def test_a_lab_adds_a_variant_of_its_own():
    entry = VARIANTS["vanilla"]
    register("of-a-lab", entry)
    try:
        assert variant_name(GPTConfig(13, 11, variant="of-a-lab")) == "of-a-lab"
        with pytest.raises(ValueError, match="already"):
            register("of-a-lab", entry)
    finally:
        del VARIANTS["of-a-lab"]


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_says_what_it_computes(name):
    entry = VARIANTS[name]
    assert entry.summary.endswith(".") and entry.equation and entry.paper
