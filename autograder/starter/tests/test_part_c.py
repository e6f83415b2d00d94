"""Part c: a model, and its finetuning without pretraining."""

import unittest

from parts import QUESTIONS, part, small_corpus


class PartC(unittest.TestCase):
    @part
    def test_the_vanilla_model_has_the_right_size(self):
        import run
        from attention import CausalSelfAttention

        model = run.build_model("vanilla", 100)
        self.assertEqual(len(model.blocks), 4)
        self.assertEqual(tuple(model.pos_emb.shape), (1, 128, 256))
        self.assertEqual(tuple(model.tok_emb.weight.shape), (100, 256))
        self.assertIsInstance(model.blocks[0].attn, CausalSelfAttention)

    @part
    def test_finetuning_from_scratch_has_the_settings_of_the_todo(self):
        import run
        from dataset import NameDataset

        corpus = small_corpus()
        model = run.build_model("vanilla", corpus.vocab_size)
        trainer = run.finetuning(model, corpus, QUESTIONS, None)
        config = trainer.config
        self.assertEqual((config.max_epochs, config.batch_size), (75, 256))
        self.assertEqual((config.learning_rate, config.lr_decay), (6e-4, True))
        self.assertEqual(config.warmup_tokens, 512 * 20)
        self.assertEqual(config.final_tokens, 200 * len(corpus) * 128)
        self.assertIsInstance(trainer.train_dataset, NameDataset)
        self.assertEqual(len(trainer.train_dataset), 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
