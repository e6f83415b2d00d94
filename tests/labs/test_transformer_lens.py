"""Our params are read by TransformerLens, which knows minGPT's names (labs only)."""

import pytest
import torch

from model import GPT, GPTConfig

lens = pytest.importorskip("transformer_lens", reason="no transformer-lens: pip install it")


def test_the_converted_weights_give_the_same_logits():
    """convert_mingpt_weights reads our state_dict; it says nothing of a bias of the head, as ours
    has none."""
    from transformer_lens.pretrained.weight_conversions.mingpt import convert_mingpt_weights

    torch.manual_seed(7)
    model = GPT(GPTConfig(17, 13, n_layer=3, n_head=2, n_embd=22)).eval()
    for parameter in model.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    config = lens.HookedTransformerConfig(
        n_layers=3, d_model=22, n_ctx=13, d_head=11, n_heads=2, d_mlp=88, d_vocab=17,
        act_fn="gelu", normalization_type="LN", device="cpu",
    )  # fmt: skip
    hooked = lens.HookedTransformer(config)
    state = convert_mingpt_weights(model.state_dict(), config)
    unknown = hooked.load_state_dict(state, strict=False).missing_keys
    assert all(name.endswith((".mask", ".IGNORE", "b_U")) for name in unknown)
    with torch.no_grad():
        hooked.unembed.b_U.zero_()
        idx = torch.randint(2, 17, (5, 11))
        wanted, _ = model(idx)
        assert wanted.std() > 0.5
        torch.testing.assert_close(hooked(idx), wanted, rtol=0, atol=1e-4)
