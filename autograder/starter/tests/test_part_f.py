"""Part f: pretraining, and finetuning after it."""

import tempfile
import unittest
from pathlib import Path

import torch
from parts import QUESTIONS, part, small_corpus


class PartF(unittest.TestCase):
    @part
    def test_pretraining_has_the_settings_of_the_todo(self):
        import run

        corpus = small_corpus()
        trainer = run.pretraining(run.build_model("vanilla", corpus.vocab_size), corpus)
        config = trainer.config
        self.assertEqual((config.max_epochs, config.batch_size), (650, 128))
        self.assertEqual((config.learning_rate, config.lr_decay), (6e-3, True))
        self.assertEqual(config.warmup_tokens, 512 * 20)
        self.assertEqual(config.final_tokens, 200 * len(corpus) * 128)
        self.assertIs(trainer.train_dataset, corpus)

    @part
    def test_finetuning_starts_from_the_params_and_is_shorter(self):
        import run

        corpus = small_corpus()
        pretrained = run.build_model("vanilla", corpus.vocab_size)
        model = run.build_model("vanilla", corpus.vocab_size)
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "pretrained.params")
            torch.save(pretrained.state_dict(), path)
            trainer = run.finetuning(model, corpus, QUESTIONS, path)
        self.assertEqual(trainer.config.max_epochs, 10)
        for name, value in pretrained.state_dict().items():
            self.assertTrue(torch.equal(trainer.model.state_dict()[name].cpu(), value), name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
