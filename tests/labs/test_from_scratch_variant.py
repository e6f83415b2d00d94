"""The GPT of src/ runs on the lab's own attention, and does what it does on vanilla's."""

import pytest
import torch
from torch.utils.data import Dataset

from attention import VARIANTS
from model import GPT, GPTConfig
from trainer import Trainer, TrainerConfig

V, N, C = 11, 13, 30
SIZES = {"n_layer": 2, "n_head": 3, "n_embd": C}
SIZES |= {"embd_pdrop": 0, "resid_pdrop": 0, "attn_pdrop": 0}


@pytest.fixture(autouse=True)
def registered():
    """The lab's variants, in the registry for these tests alone."""
    from labs.mini_transformer import variant

    variant.ensure_registered()
    yield
    for name in variant.ENTRIES:
        del VARIANTS[name]


def built(variant, **options):
    return GPT(GPTConfig(V, N, variant=variant, **SIZES, **options))


def both(**options):
    """A vanilla model, and one from scratch with its weights."""
    plain, ours = built("vanilla", **options), built("from-scratch", **options)
    ours.load_state_dict(plain.state_dict())
    return plain, ours


@pytest.mark.parametrize("positions", ["learned", "rope", "alibi"])
def test_same_weights_same_losses_and_gradients(positions):
    torch.manual_seed(3)
    plain, ours = both(positions=positions)
    x, y = torch.randint(1, V, (5, N)), torch.randint(0, V, (5, N))
    y[2, 7:] = 0
    for model in (plain, ours):
        model.loss_sum(x, y).backward()
    torch.testing.assert_close(ours(x)[0], plain(x)[0], rtol=0, atol=1e-5)
    grads = [dict(model.named_parameters()) for model in (plain, ours)]
    for name, parameter in grads[0].items():
        torch.testing.assert_close(grads[1][name].grad, parameter.grad, rtol=1e-4, atol=1e-5)


def test_decoding_in_pieces_equals_the_full_pass():
    torch.manual_seed(5)
    layer = both()[1].blocks[0].attn.eval()
    x = torch.randn(2, N, C)
    state = layer.init_state(2, x.device, x.dtype)
    pieces = [layer.decode(part, state) for part in (x[:, :5], *x[:, 5:].split(1, dim=1))]
    torch.testing.assert_close(torch.cat(pieces, 1), layer(x), rtol=0, atol=1e-5)


class Repeated(Dataset):
    """Rows that count up, so that the next symbol follows from this one."""

    def __len__(self):
        return 32

    def __getitem__(self, i):
        row = (torch.arange(N + 1) + i) % (V - 1) + 1
        return row[:-1], row[1:]


def test_the_trainer_of_src_trains_it():
    torch.manual_seed(7)
    model = built("from-scratch")
    row = [part[None] for part in Repeated()[0]]
    before = model(*row)[1].item()
    config = TrainerConfig(max_epochs=40, batch_size=16, learning_rate=1e-2, num_workers=0)
    Trainer(model, Repeated(), None, config).train()
    after = model.eval()(*row)[1].item()
    assert after < before / 4
