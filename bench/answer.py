"""How fast questions are answered: batched decoding with caches against the plain loop.

python bench/answer.py [--reading_params_path F] [--all]

500 dev questions, greedy. Ours: predict.predict. Plain: utils.sample, one question at a time, no
cache, 32 characters, as in the course's program; timed on every tenth question and scaled, or on
every one with --all (which also compares all 500 answers; a difference is a near tie where the
plain loop's best two logits are within 1e-4 at the first character that differs). Without params,
the model is one that a short finetuning has taught to answer with something like a place. The last
line is JSON.
"""

import json
import os
import statistics

from options import new_parser

from base.cli import Parser, check_words, whole
from base.errors import errors_are_sentences
from base.files import find_files, read_text
from base.source import keys
from training.config import DEVICES


def parser() -> Parser:
    p = new_parser(__doc__)
    variants = keys("attention/__init__.py", "VARIANTS")
    p.add_argument("--reading_params_path")
    p.add_argument("--variant", choices=variants, default="vanilla", metavar="VARIANT",
                   help="where no params are given")  # fmt: skip
    p.add_argument("--corpus", default="wiki.txt", help="that of the params")
    p.add_argument("--questions", default="birth_places_train.tsv", help="training questions")
    p.add_argument("--dev", default="birth_dev.tsv", help="the questions to ask")
    p.add_argument("--device", choices=DEVICES, default="auto")
    p.add_argument("--all", action="store_true", help="the plain loop on all questions")
    p.add_argument("--repeats", type=whole(), default=5, help="runs of ours; the median counts")
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

import torch
from measure import peak_memory, reset_peak_memory, timed

import utils
from answers import predict
from dataset import CharCorruptionDataset, NameDataset
from model import GPT, GPTConfig
from params import load_model
from trainer import Trainer, TrainerConfig
from training.device import pick_device
from training.runlog import machine


def build(args, corpus: CharCorruptionDataset, train_path: str) -> GPT:
    """The model of the params file, or one finetuned for ten epochs from random weights."""
    if args.reading_params_path:
        return load_model(args.reading_params_path, corpus)
    utils.set_seed(0)
    model = GPT(GPTConfig(corpus.vocab_size, 128, variant=args.variant))
    config = TrainerConfig(max_epochs=10, batch_size=256, learning_rate=6e-4, device=args.device)
    Trainer(model, NameDataset(corpus, read_text(train_path)), None, config).train()
    return model


def plain(model, corpus: CharCorruptionDataset, question: str) -> str:
    """The answer of the course's loop."""
    (prompt,) = predict.prompts(corpus, [question])
    x = torch.tensor([prompt], device=model.tok_emb.weight.device)
    out = utils.sample(model, x, predict.ANSWER_LENGTH)[0, len(prompt) :].tolist()
    return predict.answer_text(out, corpus.itos)


def near_tie(model, corpus: CharCorruptionDataset, question: str, ours: str, theirs: str) -> bool:
    """Whether the loop's two best logits are within 1e-4 where the two answers first differ."""
    same = len(os.path.commonprefix([ours, theirs]))
    (prompt,) = predict.prompts(corpus, [question])
    read = [*prompt, *(corpus.stoi[char] for char in theirs[:same])]
    logits = model(torch.tensor([read], device=model.tok_emb.weight.device))[0][0, -1]
    first, second = logits.topk(2).values.tolist()
    return first - second < 1e-4


def compare(model, corpus, questions: list[str], every: bool, repeats: int) -> dict:
    """Seconds of both, interleaved: ours, a part of the plain loop's questions, ours again ..."""
    device = model.tok_emb.weight.device
    asked = range(len(questions)) if every else range(0, len(questions), 10)
    reset_peak_memory(device)
    answers = predict.predict(model, corpus, questions)  # warm up
    peak = peak_memory(device)  # before the plain loop
    plain(model, corpus, questions[0])
    ours, theirs = [], {}
    for part in range(repeats):
        ours.append(timed(lambda: predict.predict(model, corpus, questions), device))
        for i in asked[part::repeats]:
            theirs[i] = timed(lambda i=i: plain(model, corpus, questions[i]), device)
    plain_seconds = sum(theirs.values()) * len(questions) / len(asked)
    median = statistics.median(ours)
    expected = {i: plain(model, corpus, questions[i]) for i in asked}
    different = [i for i in asked if expected[i] != answers[i]]
    ties = [near_tie(model, corpus, questions[i], answers[i], expected[i]) for i in different]
    return {
        "questions": len(questions),
        "ours_seconds": median,
        "ours_all_runs": ours,
        "plain_seconds": plain_seconds,
        "plain_questions_timed": len(asked),
        "ratio": plain_seconds / median,
        "different_answers": len(different),
        "of_these_near_ties": sum(ties),
        "tokens_per_second": sum(len(answer) + 1 for answer in answers) / median,
        "positions_per_second": sum(map(len, questions + answers)) / median,
        "peak_bytes": peak,
    }


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    corpus_path, train_path, dev_path = find_files(args.corpus, args.questions, args.dev)
    corpus = CharCorruptionDataset(read_text(corpus_path), 128)
    device = pick_device(args.device)
    model = build(args, corpus, train_path).to(device)
    questions = predict.load_questions(dev_path, corpus, model.max_length)
    result = compare(model, corpus, questions, args.all, args.repeats)
    result |= {"variant": model.variant, "checkpoint": args.reading_params_path}
    result |= {"precision": "float32", **machine(device)}
    print(json.dumps(result))


if __name__ == "__main__":
    with errors_are_sentences():
        main()
