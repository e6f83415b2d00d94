"""An encoder-decoder transformer with one head, without layer norms, as in the handout.

Shapes: B words, k queries, S keys (symbols of the source), T symbols of the target, H hidden
channels, V symbols of the vocabulary.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attention.positions import TOKEN_SIZE, sinusoids
from labs.pig_latin.data import EOS, SOS, VOCABULARY, Batch, decode, encode, padded

LONGEST_SEQUENCE = 256  # positions that have a sinusoid
NEVER = -1e7  # the score of a key that must not be seen


class ScaledDotAttention(nn.Module):
    """softmax(Q q (K k)^T / sqrt(H)) V v (Attention Is All You Need, arXiv 1706.03762, 3.2.1)."""

    def __init__(self, hidden: int):
        super().__init__()
        self.hidden = hidden
        self.Q, self.K, self.V = (nn.Linear(hidden, hidden) for _ in range(3))

    def forward(
        self, queries: Tensor, keys: Tensor, values: Tensor, real: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Contexts (B, k, H) and weights (B, S, k), which sum to one over the S keys.

        queries (B, H), then k = 1, or (B, k, H); keys and values (B, S, H). Keys where `real`
        (B, S) is False get no weight.
        """
        q = self.Q(queries if queries.dim() == 3 else queries[:, None])
        scores = self.K(keys) @ q.transpose(1, 2) / math.sqrt(self.hidden)  # (B, S, k)
        scores = self.masked(scores)
        if real is not None:
            scores = scores.masked_fill(~real[:, :, None], NEVER)
        weights = F.softmax(scores, dim=1)
        return weights.transpose(1, 2) @ self.V(values), weights

    def masked(self, scores: Tensor) -> Tensor:
        return scores


class CausalScaledDotAttention(ScaledDotAttention):
    """The same, where query t sees keys 0 .. t only."""

    def masked(self, scores: Tensor) -> Tensor:
        future = torch.ones_like(scores[0], dtype=torch.bool).tril(-1)  # (S, k): key after query
        return scores.masked_fill(future, NEVER)


def mlp(hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU())


class EncoderLayer(nn.Module):
    """Self-attention and an MLP, each with a residual."""

    def __init__(self, hidden: int):
        super().__init__()
        self.attention, self.mlp = ScaledDotAttention(hidden), mlp(hidden)

    def forward(self, x: Tensor, real: Tensor | None) -> Tensor:
        x = x + self.attention(x, x, x, real)[0]
        return x + self.mlp(x)


class DecoderLayer(nn.Module):
    """Causal self-attention, attention to the encoder's output, an MLP, each with a residual."""

    def __init__(self, hidden: int):
        super().__init__()
        self.attention = CausalScaledDotAttention(hidden)
        self.cross = ScaledDotAttention(hidden)
        self.mlp = mlp(hidden)

    def forward(self, x: Tensor, source: Tensor, real: Tensor | None) -> tuple[Tensor, Tensor]:
        """The output (B, T, H), and the weights (B, S, T) on the source."""
        x = x + self.attention(x, x, x)[0]
        context, weights = self.cross(x, source, source, real)
        x = x + context
        return x + self.mlp(x), weights


class Sizes(NamedTuple):
    """What makes an EncoderDecoder."""

    hidden: int
    layers: int = 3
    vocabulary: int = VOCABULARY


class EncoderDecoder(nn.Module):
    """Logits of the next target symbol, from the source and the target so far."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        hidden, layers, vocabulary = self.sizes = sizes
        self.source_embedding = nn.Embedding(vocabulary, hidden)
        self.target_embedding = nn.Embedding(vocabulary, hidden)
        waves = sinusoids(LONGEST_SEQUENCE, hidden) / (TOKEN_SIZE * math.sqrt(2))  # of height 1
        self.register_buffer("positions", waves[0], persistent=False)
        self.encoder = nn.ModuleList(EncoderLayer(hidden) for _ in range(layers))
        self.decoder = nn.ModuleList(DecoderLayer(hidden) for _ in range(layers))
        self.out = nn.Linear(hidden, vocabulary)

    def encode(self, source: Tensor, real: Tensor | None = None) -> Tensor:
        """Annotations (B, S, H) of the source (B, S)."""
        x = self.source_embedding(source) + self.positions[: source.shape[1]]
        for layer in self.encoder:
            x = layer(x, real)
        return x

    def decode(
        self, target: Tensor, annotations: Tensor, real: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Logits (B, T, V) after each of `target` (B, T), which begins with SOS; each layer's
        weights (B, S, T) on the source."""
        x, maps = self.target_embedding(target) + self.positions[: target.shape[1]], []
        for layer in self.decoder:
            x, weights = layer(x, annotations, real)
            maps.append(weights)
        return self.out(x), maps

    def forward(self, batch: Batch) -> Tensor:
        """Logits (B, T, V) of the batch's targets."""
        annotations = self.encode(batch.source, batch.real_source)
        return self.decode(batch.decoder_input(), annotations, batch.real_source)[0]

    def losses(self, batch: Batch) -> Tensor:
        """Cross-entropy in nats of each target symbol, (B, T), 0 where it is padding."""
        loss = F.cross_entropy(self(batch).transpose(1, 2), batch.target, reduction="none")
        return loss if batch.real_target is None else loss * batch.real_target


@torch.inference_mode()
def translate(model: EncoderDecoder, words: list[str]) -> list[str]:
    """The model's translation of each word (lower case letters and dashes), by greedy decoding."""
    device = model.out.weight.device
    found: list[str] = []
    for start in range(0, len(words), 1024):
        some = words[start : start + 1024]
        source, real = (t.to(device) for t in padded([encode(word) for word in some]))
        annotations = model.encode(source, real)
        target = torch.full((len(some), 1), SOS, device=device)
        limits = [2 * len(word) + 8 for word in some]
        ended = torch.zeros(len(some), dtype=torch.bool, device=device)
        while target.shape[1] <= max(limits) and not ended.all():
            following = model.decode(target, annotations, real)[0][:, -1].argmax(-1)
            ended |= following == EOS
            target = torch.cat((target, following[:, None]), dim=1)
        rows = zip(target[:, 1:].tolist(), limits, strict=True)
        found += [decode(row[:limit]) for row, limit in rows]
    return found


@torch.inference_mode()
def attention_map(model: EncoderDecoder, word: str) -> tuple[str, list[Tensor]]:
    """The model's translation of `word`, and each layer's weights (S, T) while it is written."""
    translation = translate(model, [word])[0]
    device = model.out.weight.device
    source = torch.tensor([encode(word) + [EOS]], device=device)
    target = torch.tensor([[SOS] + encode(translation)], device=device)
    maps = model.decode(target, model.encode(source))[1]
    return translation, [weights[0] for weights in maps]
