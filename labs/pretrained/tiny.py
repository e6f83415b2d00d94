"""Tiny checkpoints made here: a word tokenizer, and a BERT or RoBERTa trained on masked words."""

import random
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from labs.pretrained import data

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
FAMILIES = ("bert", "roberta")


def make_tokenizer(texts: Sequence[str]):
    """One token per word of `texts`, the rest unknown; [CLS] before and [SEP] after a sentence."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = sorted({word for text in texts for word in text.lower().split()})
    numbers = {word: i for i, word in enumerate(SPECIAL + words)}
    inner = Tokenizer(models.WordLevel(numbers, "[UNK]"))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = ("pad", "unk", "cls", "sep", "mask")
    tokens = {f"{name}_token": token for name, token in zip(names, SPECIAL, strict=True)}
    return PreTrainedTokenizerFast(tokenizer_object=inner, model_max_length=64, **tokens)


def make_model(family: str, words: int, channels: int = 128, layers: int = 3):
    """A masked-language model of `family` with random weights."""
    import transformers

    config = transformers.BertConfig if family == "bert" else transformers.RobertaConfig
    model = transformers.BertForMaskedLM if family == "bert" else transformers.RobertaForMaskedLM
    return model(
        config(
            vocab_size=words,
            hidden_size=channels,
            num_hidden_layers=layers,
            num_attention_heads=4,
            intermediate_size=4 * channels,
            max_position_embeddings=72,
            type_vocab_size=1,
            pad_token_id=0,
            bos_token_id=2,
            eos_token_id=3,
        )
    )


def mask(ids: torch.Tensor, words: int, dice: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """BERT's masking of ids (B, T): (input, labels). 15 % of the words are asked; of these 80 %
    become [MASK], 10 % another word, 10 % stay."""
    ordinary = ids >= len(SPECIAL)
    chance = torch.rand(ids.shape, generator=dice)
    asked = ordinary & (chance < 0.15)
    labels = ids.masked_fill(~asked, -100)
    other = torch.randint(len(SPECIAL), words, ids.shape, generator=dice)
    given = torch.where(asked & (chance < 0.12), 4, ids)
    return torch.where(asked & (chance >= 0.12) & (chance < 0.135), other, given), labels


def pretrain(
    family: str, texts: Sequence[str], vocabulary: Sequence[str], steps: int, out: Path,
    seed: int = 0, batch: int = 64, rate: float = 1e-3, channels: int = 128, layers: int = 3,
) -> dict:  # fmt: skip
    """Train on masked words of `texts` and save the checkpoint to `out`: loss and minutes."""
    torch.manual_seed(seed)
    tokenizer = make_tokenizer(vocabulary)
    model = make_model(family, len(tokenizer), channels, layers)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, fused=True)
    ids = tokenizer(list(texts))["input_ids"]
    chance, dice = random.Random(seed), torch.Generator().manual_seed(seed)
    start, loss = time.perf_counter(), 0.0
    model.train()
    for step in range(steps):
        rows = [ids[chance.randrange(len(ids))] for _ in range(batch)]
        longest = max(map(len, rows))
        padded = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
        given, labels = mask(padded, len(tokenizer), dice)
        if not (labels >= 0).any():
            continue
        for group in optimizer.param_groups:
            group["lr"] = rate * min((step + 1) / 100, 1 - step / steps)
        result = model(input_ids=given, attention_mask=(padded != 0).long(), labels=labels)
        result.loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loss = 0.98 * loss + 0.02 * float(result.loss.detach())
    model.eval()
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return {"family": family, "loss": loss, "minutes": (time.perf_counter() - start) / 60}


def toy_reviews(n: int, seed: int = 0) -> data.Rows:
    """Reviews of one grammar, positive and negative, for tests and for a first try."""
    dice = random.Random(seed)
    words = {"negative": ("dull", "weak", "bland"), "positive": ("bright", "warm", "clever")}
    texts, labels = [], []
    for _ in range(n):
        label = dice.randrange(2)
        quality = dice.choice(words[list(words)[label]])
        texts.append(f"{dice.choice(('a', 'this', 'one'))} {quality} "
                     f"{dice.choice(('film', 'story', 'scene'))}")  # fmt: skip
        labels.append(label)
    return data.Rows(texts, labels, list(words))
