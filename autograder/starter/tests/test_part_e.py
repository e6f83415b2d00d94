"""Part e: documents with a piece moved to their end."""

import unittest

import torch
from parts import part, small_corpus

PAD, MASK = "\u25a1", "\u2047"


def text(corpus, row):
    return "".join(corpus.itos[int(index)] for index in row)


def pieces(corpus, idx):
    """prefix, suffix and masked content of one draw."""
    return text(corpus, corpus[idx][0]).rstrip(PAD).split(MASK)


class PartE(unittest.TestCase):
    @part
    def test_type_length_and_shift(self):
        corpus = small_corpus(32)
        x, y = corpus[0]
        self.assertEqual((x.dtype, y.dtype), (torch.long, torch.long))
        self.assertEqual((len(x), len(y)), (31, 31))
        self.assertTrue(torch.equal(x[1:], y[:-1]))

    @part
    def test_the_pieces_make_the_beginning_of_the_document(self):
        corpus = small_corpus(32)
        for idx in list(range(10)) * 20:
            found = pieces(corpus, idx)
            self.assertEqual(len(found), 3, "there must be two MASK_CHARs")
            prefix, suffix, masked = found
            self.assertTrue(masked, "the masked content is empty")
            self.assertTrue(corpus.data[idx].startswith(prefix + masked + suffix))

    @part
    def test_lengths_and_the_masked_share(self):
        corpus = small_corpus(32)
        draws = [pieces(corpus, idx) for idx in list(range(10)) * 300]
        lengths = [sum(map(len, draw)) for draw in draws]
        self.assertEqual((min(lengths), max(lengths)), (4, 28))
        self.assertEqual(set(lengths), set(range(4, 29)), "each length can occur")
        shares = [len(draw[2]) / sum(map(len, draw)) for draw in draws if sum(map(len, draw)) > 15]
        mean = sum(shares) / len(shares)
        self.assertTrue(0.2 < mean < 0.3, f"a quarter is masked on average, not {mean:.2f}")

    @part
    def test_each_draw_is_new(self):
        corpus = small_corpus(128)
        self.assertGreater(len({text(corpus, corpus[1][0]) for _ in range(40)}), 10)

    @part
    def test_an_empty_document_does_not_fail(self):
        from dataset import CharCorruptionDataset

        corpus = CharCorruptionDataset("a document of some length\n", 32)
        self.assertEqual(len(corpus[1][0]), 31)


if __name__ == "__main__":
    unittest.main(verbosity=2)
