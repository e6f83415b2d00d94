"""Part g: the synthesizer, with weights for which the answer is known without computing it."""

import unittest

import torch
from parts import part

B, T, C, H, BLOCK = 3, 5, 6, 2, 11


def layer():
    """A SynthesizerAttention whose scores are all 0 as long as w2 and b2 are."""
    from attention import SynthesizerAttention
    from model import GPTConfig

    torch.manual_seed(5)
    made = SynthesizerAttention(GPTConfig(31, BLOCK, n_layer=1, n_head=H, n_embd=C)).eval()
    torch.nn.init.zeros_(made.w2)
    return made


class PartG(unittest.TestCase):
    def close(self, a, b):
        self.assertEqual(a.shape, b.shape)
        self.assertLess((a - b).abs().max().item(), 1e-5)

    @part
    def test_equal_scores_give_the_mean_of_what_a_position_may_see(self):
        made, x = layer(), torch.randn(B, T, C)
        values = made.value(x)
        means = torch.stack([values[:, : t + 1].mean(dim=1) for t in range(T)], dim=1)
        self.close(made(x), made.proj(means))

    @part
    def test_a_large_bias_makes_all_positions_look_at_one(self):
        made, x = layer(), torch.randn(B, T, C)
        made.b2.data[0] = 1000.0
        first = made.value(x)[:, :1].expand(B, T, C)
        self.close(made(x), made.proj(first))

    @part
    def test_what_relu_cuts_off_has_no_part_in_the_scores(self):
        made, x = layer(), torch.randn(B, T, C)
        before = made(x)
        made.w1.bias.data.fill_(-1000.0)
        torch.nn.init.normal_(made.w2)
        self.close(made(x), before)

    @part
    def test_later_positions_do_not_change_earlier_outputs(self):
        made, x = layer(), torch.randn(B, T, C)
        torch.nn.init.normal_(made.w2)
        other = x.clone()
        other[:, 3:] = torch.randn(B, T - 3, C)
        self.close(made(x)[:, :3], made(other)[:, :3])
        self.assertGreater((made(x)[:, 3:] - made(other)[:, 3:]).abs().max().item(), 1e-3)

    @part
    def test_run_py_builds_it(self):
        import run
        from attention import SynthesizerAttention

        model = run.build_model("synthesizer", 100)
        self.assertIsInstance(model.blocks[0].attn, SynthesizerAttention)


if __name__ == "__main__":
    unittest.main(verbosity=2)
