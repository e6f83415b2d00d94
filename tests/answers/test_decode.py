"""Fast generation against the plain loop of utils.sample, and against exact probabilities."""

import copy
import itertools
import math
import random

import pytest
import torch

import utils
from answers import decode
from attention import VARIANTS
from model import GPT, GPTConfig

VOCABULARY, STOP = 29, (0, 1, 7)


def lively(variant="vanilla", seed=3, **sizes):
    """A model whose random weights are large enough that it writes all sorts of things."""
    sizes = {"block_size": 67, "n_layer": 3, "n_head": 3, "n_embd": 24} | sizes
    torch.manual_seed(seed)
    model = GPT(GPTConfig(sizes.pop("vocab_size", VOCABULARY), variant=variant, **sizes)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1 and name != "head.weight":
                parameter.add_(torch.randn_like(parameter) * 0.2)
        model.head.weight.normal_(std=0.35)
        model.head.weight[list(STOP)] *= 0.5  # so that some rows go on to the last step
    return model


def questions(count, seed=5, lengths=(3, 31), shared=(2, 3, 5)):
    """Prompts of several lengths that begin alike and end with a mask."""
    draw = random.Random(seed)
    sizes = [draw.randint(*lengths) for _ in range(count)]
    return [[*shared, *(draw.randrange(2, VOCABULARY) for _ in range(n)), 1] for n in sizes]


def plain(model, prompt, steps, stop=STOP):
    """utils.sample, cut after the first stop."""
    return cut(utils.sample(model, torch.tensor([prompt]), steps)[0, len(prompt) :].tolist(), stop)


def cut(written, stop):
    """What is written up to the first stop, which is part of it."""
    ends = [i for i, character in enumerate(written) if character in stop]
    return written[: ends[0] + 1] if ends else written


def near_tie(model, prompt, ours, theirs):
    """Whether the plain loop's two best logits are closer than 1e-4 where the two first differ."""
    same = [a == b for a, b in itertools.zip_longest(ours, theirs)].index(False)
    row = torch.tensor([prompt + theirs[:same]])[:, -model.max_length :]
    first, second = model(row)[0][0, -1].topk(2).values.tolist()
    return first - second < 1e-4


@pytest.mark.parametrize("variant", VARIANTS)
def test_fifty_answers_are_those_of_the_plain_loop(variant):
    model, prompts, steps = lively(variant), questions(50), 17
    whole = [plain(model, prompt, steps, ()) for prompt in prompts]
    counts = [sum(c in row for row in whole) for c in range(VOCABULARY)]
    stop = [c for c, count in enumerate(counts) if 0 < count < len(prompts)][:2]
    assert stop, "some answers stop and some do not"
    assert len({tuple(row) for row in whole}) > 5, "the answers differ"
    answers = [c[0].characters for c in decode.generate(model, prompts, steps, stop)]
    for prompt, ours, theirs in zip(prompts, answers, whole, strict=True):
        expected = cut(theirs, stop)
        assert ours == expected or near_tie(model, prompt, ours, expected)


@pytest.mark.parametrize("variant", VARIANTS)
def test_rows_longer_than_the_model_are_read_through_its_window(variant):
    model, prompts = lively(variant, block_size=23), questions(11, lengths=(7, 29))
    answers = [c[0].characters for c in decode.generate(model, prompts, 19, STOP)]
    for prompt, ours in zip(prompts, answers, strict=True):
        theirs = plain(model, prompt, 19)
        assert ours == theirs or near_tie(model, prompt, ours, theirs)


def test_prompts_with_nothing_in_common_and_a_prompt_that_begins_another():
    model = lively()
    prompts = [[5, 3], [5, 3, 2, 2], [5], [11, 13, 17], [5, 3]]
    answers = [c[0].characters for c in decode.generate(model, prompts, 13, STOP)]
    assert answers == [plain(model, prompt, 13) for prompt in prompts]
    assert decode.generate(model, [], 13, STOP) == []


def test_a_group_larger_than_a_batch(monkeypatch):
    model, prompts = lively(), questions(23, lengths=(7, 7))
    whole = decode.generate(model, prompts, 17, STOP)
    monkeypatch.setattr(decode, "BATCH", 5)
    assert [c[0].characters for c in decode.generate(model, prompts, 17, STOP)] == [
        c[0].characters for c in whole
    ]


def log_softmax64(logits):
    shifted = [value - max(logits) for value in logits]
    total = math.log(math.fsum(math.exp(value) for value in shifted))
    return [value - total for value in shifted]


def exact_logprob(model, prompt, characters):
    """Log-probability of a continuation, in float64, one full pass a character."""
    model, total = copy.deepcopy(model).double(), 0.0
    for i, character in enumerate(characters):
        logprobs = log_softmax64(model(torch.tensor([prompt + characters[:i]]))[0][0, -1].tolist())
        if character in STOP:
            total += math.log(math.fsum(math.exp(logprobs[stop]) for stop in STOP))
        else:
            total += logprobs[character]
    return total


def test_logprob_and_entropy_of_an_answer():
    model, prompts = lively(), questions(13)
    found = [c[0] for c in decode.generate(model, prompts, 11, STOP)]
    for prompt, continuation in zip(prompts, found, strict=True):
        expected = exact_logprob(model, prompt, continuation.characters)
        assert continuation.logprob == pytest.approx(expected, abs=1e-4)
        first = log_softmax64(model(torch.tensor([prompt]))[0][0, -1].tolist())
        entropy = -math.fsum(p * math.exp(p) for p in first)
        assert continuation.entropy == pytest.approx(entropy, abs=1e-5)


def test_sampling_draws_from_the_models_distribution():
    model, prompt, count = lively(), [3, 5, 1], 4000
    sampling = decode.Sampling(11, temperature=1.3)
    drawn = decode.generate(model, [prompt], 2, STOP, sampling, copies=count)[0]
    first = torch.softmax(model(torch.tensor([prompt]))[0][0, -1] / 1.3, -1)
    for character in range(VOCABULARY):
        share = sum(c.characters[0] == character for c in drawn) / count
        p = first[character].item()
        assert abs(share - p) < 5 * math.sqrt(p * (1 - p) / count) + 1e-4
    likeliest = int(first.argmax())
    then = torch.softmax(model(torch.tensor([[*prompt, likeliest]]))[0][0, -1] / 1.3, -1)
    seconds = [c.characters[1] for c in drawn if c.characters[0] == likeliest]
    p, character = then.detach().max(0)
    share = seconds.count(int(character)) / len(seconds)
    assert abs(share - p) < 5 * math.sqrt(p * (1 - p) / len(seconds))


def test_samples_repeat_with_the_seed_and_top_one_is_greedy():
    model, prompts = lively(), questions(7)

    def draw(seed, **settings):
        sampling = decode.Sampling(seed, **settings)
        found = decode.generate(model, prompts, 9, STOP, sampling, copies=3)
        return [[c.characters for c in row] for row in found]

    assert draw(1) == draw(1) != draw(2)
    best = [c[0].characters for c in decode.generate(model, prompts, 9, STOP)]
    assert draw(1, top_k=1) == [[answer] * 3 for answer in best]


def test_samples_do_not_depend_on_the_other_prompts():
    model, prompts = lively(), questions(13, lengths=(3, 7))

    def draw(chosen):
        found = decode.generate(model, chosen, 9, STOP, decode.Sampling(5), copies=4)
        return [[c.characters for c in row] for row in found]

    together = draw(prompts)
    assert draw(prompts[::-1]) == together[::-1]
    assert [draw([prompt])[0] for prompt in prompts] == together
    assert len({tuple(text) for row in together for text in row}) > 13


def all_continuations(model, prompt, steps, vocabulary):
    """Every complete continuation of up to `steps` characters, likeliest first, by brute force."""
    letters = [c for c in range(vocabulary) if c not in STOP]
    texts = (t for n in range(steps + 1) for t in itertools.product(letters, repeat=n))
    scored = [(exact_logprob(model, prompt, [*text, STOP[0]]), text) for text in texts]
    return sorted(scored, reverse=True)


def test_wide_beams_find_the_likeliest_of_all_continuations():
    model = lively(vocab_size=11)
    prompts = [[2, 3, 1], [2, 5, 9, 1], [3, 1], [4, 1]]
    found = decode.beam_search(model, prompts, 2, STOP, width=64, wanted=3)
    for prompt, best in zip(prompts, found, strict=True):
        expected = all_continuations(model, prompt, 2, 11)[:3]
        assert [text for _, text in best] == [text for _, text in expected]
        for (ours, _), (theirs, _) in zip(best, expected, strict=True):
            assert ours == pytest.approx(theirs, abs=1e-4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_narrow_beams_give_continuations_with_their_true_probabilities(variant):
    model, prompts = lively(variant), questions(5, lengths=(3, 5))
    found = decode.beam_search(model, prompts, 7, STOP, width=3, wanted=2)
    for prompt, best in zip(prompts, found, strict=True):
        assert 1 <= len(best) <= 2 and best == sorted(best, reverse=True)
        for logprob, text in best:
            exact = exact_logprob(model, prompt, [*text, STOP[0]])
            assert logprob == pytest.approx(exact, abs=1e-4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_score_of_given_texts_is_their_log_probability(variant):
    model, prompts = lively(variant), questions(7, lengths=(3, 5))
    draw = random.Random(1)
    texts = [[draw.choice([3, 5, 11, 13, 28]) for _ in range(draw.randint(1, 7))] for _ in prompts]
    texts[2] = []
    found = decode.score(model, prompts, texts)
    for prompt, text, logprob in zip(prompts, texts, found, strict=True):
        assert logprob == pytest.approx(exact_logprob(model, prompt, text), abs=1e-4)
    assert found[2] == 0 and decode.score(model, [], []) == []


def test_states_of_any_nesting_are_selected_by_row():
    a, b = torch.arange(12).view(3, 4), torch.arange(3.0)
    state = {"past": (a, [b, None]), "length": 5}
    taken = decode.select(state, torch.tensor([2, 0, 2]))
    assert torch.equal(taken["past"][0], torch.stack((a[2], a[0], a[2])))
    assert taken["past"][1][0].tolist() == [2.0, 0.0, 2.0]
    assert taken["past"][1][1] is None and taken["length"] == 5
