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
    """softmax(Q q (K k)^T / sqrt(H)) V v (Attention Is All You Need, arXiv 1706.03762, 3.2.1).

    A call gives the contexts and the weights, step by step. Training needs no weights: `contexts`
    computes the same contexts in fewer and larger products.
    """

    causal = False

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

    def contexts(self, x: Tensor, source: Tensor, real: Tensor | None = None) -> Tensor:
        """forward(x, source, source, real)[0], of x (B, k, H) and source (B, S, H)."""
        if source is x:
            q, k, v = side_by_side((self.Q, self.K, self.V), x)
        else:
            q, (k, v) = self.Q(x), side_by_side((self.K, self.V), source)
        one_head = (each[:, None] for each in (q, k, v))  # (B, 1, k or S, H)
        mask = None if real is None else real[:, None, None]
        return F.scaled_dot_product_attention(*one_head, mask, is_causal=self.causal)[:, 0]


def side_by_side(layers: tuple[nn.Linear, ...], x: Tensor) -> tuple[Tensor, ...]:
    """What each layer makes of x, computed as one product."""
    weight, bias = torch.cat([m.weight for m in layers]), torch.cat([m.bias for m in layers])
    return F.linear(x, weight, bias).chunk(len(layers), dim=-1)


class CausalScaledDotAttention(ScaledDotAttention):
    """The same, where query t sees keys 0 .. t only."""

    causal = True

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
        x = x + self.attention.contexts(x, x, real)
        return x + self.mlp(x)


class DecoderLayer(nn.Module):
    """Causal self-attention, attention to the encoder's output, an MLP, each with a residual."""

    def __init__(self, hidden: int):
        super().__init__()
        self.attention = CausalScaledDotAttention(hidden)
        self.cross = ScaledDotAttention(hidden)
        self.mlp = mlp(hidden)

    def forward(self, x: Tensor, source: Tensor, real: Tensor | None) -> Tensor:
        x = x + self.attention.contexts(x, x)
        x = x + self.cross.contexts(x, source, real)
        return x + self.mlp(x)

    def weights(self, x: Tensor, source: Tensor) -> Tensor:
        """The weights (B, S, T) on the source with which forward(x, source, None) is computed."""
        x = x + self.attention.contexts(x, x)
        return self.cross(x, source, source)[1]


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

    def embed(self, embedding: nn.Embedding, symbols: Tensor) -> Tensor:
        return embedding(symbols) + self.positions[: symbols.shape[1]]

    def encode(self, source: Tensor, real: Tensor | None = None) -> Tensor:
        """Annotations (B, S, H) of the source (B, S)."""
        x = self.embed(self.source_embedding, source)
        for layer in self.encoder:
            x = layer(x, real)
        return x

    def decode(self, target: Tensor, annotations: Tensor, real: Tensor | None = None) -> Tensor:
        """Logits (B, T, V) after each of `target` (B, T), which begins with SOS."""
        x = self.embed(self.target_embedding, target)
        for layer in self.decoder:
            x = layer(x, annotations, real)
        return self.out(x)

    def forward(self, batch: Batch) -> Tensor:
        """Logits (B, T, V) of the batch's targets."""
        annotations = self.encode(batch.source, batch.real_source)
        return self.decode(batch.decoder_input(), annotations, batch.real_source)

    def losses(self, batch: Batch) -> Tensor:
        """Cross-entropy in nats of each target symbol, (B, T), 0 where it is padding."""
        logits = self(batch).flatten(0, 1)
        loss = F.cross_entropy(logits, batch.target.flatten(), reduction="none")
        loss = loss.view_as(batch.target)
        return loss if batch.real_target is None else loss * batch.real_target


@torch.inference_mode()
def translate(model: EncoderDecoder, words: list[str]) -> list[str]:
    """The model's translation of each word (lower case letters and dashes), by greedy decoding."""
    found = {}
    by_length = sorted(set(words), key=len)  # so that short words need not wait for long ones
    for start in range(0, len(by_length), 512):
        some = by_length[start : start + 512]
        found |= zip(some, translate_together(model, some), strict=True)
    return [found[word] for word in words]


def translate_together(model: EncoderDecoder, words: list[str]) -> list[str]:
    """The same as one batch."""
    device = model.out.weight.device
    source, real = (t.to(device) for t in padded([encode(word) for word in words]))
    annotations = model.encode(source, real)
    target = torch.full((len(words), 1), SOS, device=device)
    limits = [2 * len(word) + 8 for word in words]
    ended = torch.zeros(len(words), dtype=torch.bool, device=device)
    while target.shape[1] <= max(limits) and not ended.all():
        following = model.decode(target, annotations, real)[:, -1].argmax(-1)
        ended |= following == EOS
        target = torch.cat((target, following[:, None]), dim=1)
    rows = zip(target[:, 1:].tolist(), limits, strict=True)
    return [decode(row[:limit]) for row, limit in rows]


@torch.inference_mode()
def attention_map(model: EncoderDecoder, word: str) -> tuple[str, list[Tensor]]:
    """The model's translation of `word`, and each layer's weights (S, T) while it is written."""
    translation = translate(model, [word])[0]
    device = model.out.weight.device
    annotations = model.encode(torch.tensor([[*encode(word), EOS]], device=device))
    written = torch.tensor([[SOS, *encode(translation)]], device=device)
    x, maps = model.embed(model.target_embedding, written), []
    for layer in model.decoder:
        maps.append(layer.weights(x, annotations)[0])
        x = layer(x, annotations, None)
    return translation, maps
