"""The GPT around every variant: positions, decoding state, lengths, names of later editions."""

import math

import pytest
import torch

import params
from attention import POSITIONS, VARIANTS
from attention.positions import alibi_slopes, sinusoids
from base.errors import UserError
from model import GPT, GPTConfig

V, N, C, H = 13, 11, 12, 3
NAMES = tuple(VARIANTS)


def model_of(variant="vanilla", seed=0, **settings):
    torch.manual_seed(seed)
    sizes = {"n_layer": 3, "n_head": H, "n_embd": C, "block_size": N}
    model = GPT(GPTConfig(V, variant=variant, **(sizes | settings))).double().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def tokens(length=7, seed=1):
    return torch.randint(V, (2, length), generator=torch.Generator().manual_seed(seed))


def walk(model, idx, first):
    """Logits of the `first` characters together and of each other one alone."""
    states = [block.init_state(len(idx), idx.device, torch.float64) for block in model.blocks]
    x = model.embed(idx[:, :first])
    for block, state in zip(model.blocks, states, strict=True):
        x = block.decode(x, state)
    parts = [x]
    for t in range(first, idx.shape[1]):
        x = model.embed(idx[:, t : t + 1], start=t)
        for block, state in zip(model.blocks, states, strict=True):
            x = block.decode(x, state)
        parts.append(x)
    return model.head(model.ln_f(torch.cat(parts, dim=1)))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "zero-after-softmax"])
def test_decoding_through_the_model_equals_the_full_pass(name):
    model = model_of(name)
    idx = tokens(model.max_length)
    torch.testing.assert_close(walk(model, idx, 3), model(idx)[0], rtol=0, atol=1e-9)


@pytest.mark.parametrize("positions", POSITIONS)
def test_decoding_with_every_choice_of_positions(positions):
    model = model_of(positions=positions)
    assert ("pos_emb" in model.state_dict()) == (positions == "learned")
    idx = tokens(N)
    torch.testing.assert_close(walk(model, idx, 3), model(idx)[0], rtol=0, atol=1e-9)


@pytest.mark.parametrize("positions", POSITIONS)
def test_only_without_positions_order_does_not_matter(positions):
    model = model_of(positions=positions, n_layer=1)
    idx = tokens()
    swapped = idx[:, [1, 0, *range(2, 7)]]
    moved = (model(idx)[0][:, -1] - model(swapped)[0][:, -1]).abs().max()
    assert (moved < 1e-12) == (positions == "none")


def test_default_positions_are_the_variants_own_and_can_be_changed():
    for name, entry in VARIANTS.items():
        assert model_of(name).positions == entry.positions
    assert "pos_emb" not in model_of("rope").state_dict()
    both = model_of("rope", positions="learned")
    assert "pos_emb" in both.state_dict() and hasattr(both.blocks[0].attn, "rope_cache")
    with pytest.raises(ValueError, match="unknown positions 'east'; choose one of learned"):
        model_of(positions="east")


def test_sinusoids_are_the_papers_in_the_size_of_embeddings():
    table = sinusoids(29, 10)[0].double()
    for t, i in ((0, 0), (1, 0), (3, 2), (28, 4)):
        angle = t / 10000 ** (2 * i / 10)
        expected = torch.tensor([math.sin(angle), math.cos(angle)], dtype=torch.float64)
        torch.testing.assert_close(
            table[t, 2 * i : 2 * i + 2], 0.02 * math.sqrt(2) * expected, rtol=0, atol=1e-7
        )
    assert sinusoids(7, 5).shape == (1, 7, 5)
    assert sinusoids(200, 64).square().mean().sqrt() == pytest.approx(0.02, rel=1e-3)


def test_alibi_slopes_are_the_papers():
    assert alibi_slopes(8).tolist() == [2**-k for k in range(1, 9)]
    assert alibi_slopes(1).tolist() == [2**-8]
    assert len(set(alibi_slopes(11).tolist())) == 11


@pytest.mark.parametrize("name", NAMES)
def test_longest_input(name):
    model = model_of(name)
    assert model.max_length == (N - 1 if name.startswith("synthesizer") else N)
    model(tokens(model.max_length))
    with pytest.raises(ValueError, match=f"{N + 1} characters are too many"):
        model(tokens(N + 1))


@pytest.mark.parametrize("name", NAMES)
def test_loss_sum_is_the_mean_loss_times_its_targets(name):
    model, x, y = model_of(name), tokens(), tokens(seed=2)
    y[:, :4] = 0
    expected = model(x, y)[1] * (y != 0).sum()
    torch.testing.assert_close(model.loss_sum(x, y), expected, rtol=1e-9, atol=0)


def test_the_heads_sizes_are_few():
    """Each other number of rows would cost a CPU's library memory that it never gives back."""
    config = GPTConfig(31, 113, n_layer=1, n_head=1, n_embd=8)
    model, sizes = GPT(config), set()
    model.head.register_forward_hook(lambda head, rows, out: sizes.add(rows[0].shape[0]))
    x = torch.randint(1, 31, (3, 113), generator=torch.Generator().manual_seed(1))
    for real in range(0, 113, 7):
        y = x.clone()
        y[:, real:] = 0
        loss = model.loss_sum(x, y)
        assert real or loss == 0
    assert sizes == {0, 64, 128, 192, 256, 320, 339}


@pytest.mark.parametrize("name", NAMES)
def test_the_registrys_class_is_in_the_model(name):
    layers = [type(module) for module in model_of(name).modules()]
    assert VARIANTS[name].layer in layers
    others = {entry.layer for other, entry in VARIANTS.items() if other != name}
    if name != "perceiver":  # whose middle blocks are vanilla ones
        assert not others & set(layers)


def test_flags_of_the_2023_edition():
    config = GPTConfig(V, N, n_layer=4, n_head=H, n_embd=C)
    config.perceiver, config.bottleneck_dim = True, 5
    stack = GPT(config).blocks[0]
    assert stack.down_block.C.shape == (1, 5, C)
    bound = math.sqrt(6 / (5 * C + C))  # Xavier of a (1, 5, C) tensor: fan_in 5 C, fan_out C
    assert 0.7 * bound < stack.down_block.C.abs().max() < bound
    assert len(stack.blocks) == 2
    assert stack.blocks[0].attn.mask.shape == (1, 1, 5, 5)


def test_flags_of_the_2024_edition():
    config = GPTConfig(V, N, n_layer=2, n_head=H, n_embd=C)
    config.rope = True
    model = GPT(config)
    assert model.blocks[1].attn.rope_cache.shape == (N, C // H // 2, 2)
    assert "pos_emb" not in model.state_dict()


def save(state, path):
    torch.save(state, path)
    return str(path)


def test_params_of_the_2023_edition_load(tmp_path):
    """Its names: the stack is the model's own down_block, blocks and up_block."""
    model = model_of("perceiver", n_layer=4, bottleneck_dim=5)
    theirs = {name.removeprefix("blocks.0."): v for name, v in model.state_dict().items()}
    assert "down_block.C" in theirs and "blocks.1.ln1.weight" in theirs
    state, description = params.load_params(save(theirs, tmp_path / "a.params"))
    assert description == {}
    found = params.infer_description(state)
    assert found == {
        "variant": "perceiver", "n_layer": 4, "n_embd": C, "block_size": N, "bottleneck_dim": 5,
        "positions": "learned",
    }  # fmt: skip
    other = model_of("perceiver", seed=1, n_layer=4, bottleneck_dim=5)
    params.load_into(other, state, "a.params")
    assert torch.equal(other(tokens())[0], model(tokens())[0])


def test_shapes_tell_the_course_variants_and_no_others():
    found = {name: params.infer_description(model_of(name).state_dict()) for name in NAMES}
    told = {name: inferred["variant"] for name, inferred in found.items() if "variant" in inferred}
    known = ("vanilla", "synthesizer", "rope", "perceiver")
    assert {name: told[name] for name in known} == {name: name for name in known}
    assert set(told) - set(known) == VANILLAS_NAMES
    assert found["rope"]["n_head"] == found["synthesizer"]["n_head"] == H
    assert found["rope"]["block_size"] == N


VANILLAS_NAMES = {"euclidean", "zero-after-softmax"}  # only the JSON tells these from vanilla


@pytest.mark.parametrize("name", [n for n in NAMES if n not in VANILLAS_NAMES | {"vanilla"}])
def test_another_variants_weights_do_not_fit(name):
    state = model_of(name).state_dict()
    with pytest.raises(UserError, match="does not fit this model"):
        params.load_into(model_of("vanilla"), state, "a.params")
