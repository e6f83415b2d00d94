"""What run.py does once its command line is read: pretrain, finetune, evaluate."""

import argparse
import contextlib
import os
import sys
import time
from dataclasses import asdict

import params
import trainer
import utils
from answers.answer import About, read_about, read_answers, run_path
from answers.evidence import open_answers, write_report_files
from answers.predict import (
    ANSWER_LENGTH,
    answer_length,
    predict,
    readable_rows,
    write_predictions,
)
from base.errors import UserError, printing_is_optional
from base.files import (
    check_outputs,
    check_writable,
    find_files,
    locked,
    read_text,
    read_text_and_digest,
)
from base.questions import places_of
from dataset import CharCorruptionDataset, NameDataset, vocabulary_hash
from model import GPT
from recipes import RECIPES, Phase, trainer_config
from training import distributed, runlog
from training.config import SETTINGS, settings_to_share
from training.device import pick_device
from training.knowledge import KnowledgeDataset
from training.reader import Reader
from training.runlog import RunLog

STARTED = time.monotonic() - time.process_time()  # the process's start: imports take seconds


def require(args: argparse.Namespace, *names: str) -> None:
    for name in names:
        if not getattr(args, name):
            raise UserError(f"{args.function} needs --{name}; give it")


def load_corpus(
    args: argparse.Namespace, path: str, block_size: int
) -> tuple[CharCorruptionDataset, str]:
    """The corpus, and the sha256 of its file."""
    text, sha256 = read_text_and_digest(path)
    dataset = CharCorruptionDataset(text, block_size, seed=args.seed, source=path)
    print(f"data has {dataset.characters} characters, {dataset.vocab_size} unique.")
    return dataset, sha256


def read_architecture(args: argparse.Namespace) -> params.Architecture:
    """What the model is, from the flags and the params to start from."""
    sizes = {name: getattr(args, name) for name in params.ARCHITECTURE}
    return params.read_architecture(args.reading_params_path, args.variant, **sizes)


def build_model(
    args: argparse.Namespace,
    architecture: params.Architecture,
    dataset: CharCorruptionDataset,
    dropout: float = 0.0,
) -> GPT:
    """The model with its weights, or with random ones that the seed decides."""
    utils.set_seed(args.seed)
    model = params.build(architecture, dataset, dropout)
    print(f"number of parameters: {sum(p.numel() for p in model.parameters())}")
    return model


def build_training(args: argparse.Namespace) -> trainer.Trainer:
    """Everything that `pretrain` or `finetune` does before the first step."""
    start = phase_name(args)
    phase = RECIPES[args.recipe][start]
    if args.reader and not reads(phase):
        raise UserError(
            f"--reader: the recipe {args.recipe} does not read in this run; leave it out, or give "
            "another recipe"
        )
    paths = training_files(args, phase)
    if distributed.is_main():  # the only one that writes; two at once would be in each other's way
        check_outputs(files_written(args), files_read(args, *paths))
    architecture = read_architecture(args)
    corpus, corpus_sha256 = load_corpus(args, paths[0], architecture.block_size)
    data, questions_sha256 = training_data(args, phase, corpus, *paths[1:])
    model = build_model(args, architecture, corpus, phase.dropout)
    identity = {"function": args.function, "variant": args.variant, "starts_from": start}
    files = {"corpus": corpus_sha256}
    files |= {"questions": questions_sha256} if questions_sha256 else {}
    files |= {"reading_params": architecture.sha256} if architecture.sha256 else {}
    identity |= {"files": files}
    identity |= {"recipe": args.recipe, "phase": repr(phase)}
    identity |= {"reader": args.reader or "ranker"} if reads(phase) else {}
    identity["unicode_names"] = bool(args.unicode_names)
    about = params.describe(model.config)
    identity |= {name: about[name] for name in params.ARCHITECTURE}
    folder = None if args.no_log else log_folder(args)
    config = trainer_config(
        phase,
        documents=len(corpus),
        block_size=corpus.block_size,
        learning_rate=args.pretrain_lr if args.function == "pretrain" else args.finetune_lr,
        checkpoint_path=f"{args.writing_params_path}.checkpoint",
        began=STARTED,
        identity=identity,
        log=RunLog(folder, {"command": vars(args)}, numbered=True),
        **{name: getattr(args, name) for name in SETTINGS if hasattr(args, name)},
    )
    run = trainer.Trainer(model, data, None, config)
    path = args.writing_params_path
    config.on_snapshot = lambda steps: save(args, run, f"{path}.{steps}", steps)
    return run


def files_written(args: argparse.Namespace) -> list[str]:
    """The files that a command writes or removes, besides the snapshots and the log."""
    if args.function != "evaluate":
        endings = ("", ".json", ".checkpoint", ".calibration.json")
        return [args.writing_params_path + ending for ending in endings]
    rows_path = f"{args.outputs_path}.jsonl"
    return [args.outputs_path, *([rows_path, run_path(rows_path)] if args.report else [])]


def files_read(args: argparse.Namespace, *paths: str) -> list[str]:
    """`paths`, the params that a command reads, and what stands beside those."""
    given = [path for path in (args.reading_params_path, args.pretrained_params_path) if path]
    endings = ("", ".json", ".calibration.json")
    return [*paths, *(path + ending for path in given for ending in endings)]


def questions_seen(params_path: str | None, now: str | None) -> list[str] | None:
    """The sha256 of the files of questions that training read, up to these params and `now`.

    None if the params do not say so.
    """
    earlier = params.read_description(params_path).get("questions_seen") if params_path else []
    if earlier is None:
        return None
    return list(dict.fromkeys([*earlier, *([now] if now else [])]))


def longest_answer(params_path: str | None, data: object) -> int:
    """The most characters of an answer: the course's 32, or what the longest place that training
    has seen needs with its end."""
    earlier = answer_length(params_path) if params_path else ANSWER_LENGTH
    return max(earlier, getattr(data, "longest_place", 0) + 1)


def phase_name(args: argparse.Namespace) -> str:
    """The recipe's phase that a command asks for."""
    scratch = args.function == "finetune" and args.reading_params_path is None
    return "finetune from scratch" if scratch else args.function


def training_files(args: argparse.Namespace, phase: Phase) -> list[str]:
    """The corpus and, where the run reads it, the file of questions.

    A recipe that mixes questions into pretraining takes those beside the corpus where none are
    given, so that the handout's own commands do.
    """
    questions = args.finetune_corpus_path
    if args.function == "finetune":
        require(args, "finetune_corpus_path")
    elif phase.mixture is None:
        questions = None
    elif questions is None:
        folder = os.path.dirname(args.pretrain_corpus_path)
        questions = os.path.join(folder, "birth_places_train.tsv")
    return find_files(args.pretrain_corpus_path, *([questions] if questions else []))


def training_data(
    args: argparse.Namespace, phase: Phase, corpus: CharCorruptionDataset, *questions_path: str
) -> tuple[object, str | None]:
    """The dataset of the run (documents, questions, or the recipe's mixture of both), and the
    sha256 of the file of questions."""
    questions = sha256 = None
    for path in questions_path:
        keep_unicode = args.unicode_names or phase.unicode_names
        text, sha256 = read_text_and_digest(path)
        questions = NameDataset(corpus, text, keep_unicode, source=path)
    if phase.mixture is None:
        return (corpus if questions is None else questions), sha256
    data = KnowledgeDataset(corpus, questions, phase.mixture, chosen_reader(args, corpus))
    titled = int((data.count > 0).sum())
    print(f"{titled} of {len(corpus)} documents have a title and something to ask for")
    return data, sha256


def reads(phase: Phase) -> bool:
    """Whether a phase's rows need a reader of documents."""
    return phase.mixture is not None and bool(phase.mixture.reader or phase.mixture.read)


def chosen_reader(args: argparse.Namespace, corpus: CharCorruptionDataset) -> Reader | None:
    """The reader that --reader names, not fitted yet; None for the dataset's own."""
    if args.reader != "network":
        return None
    from network_reader import NetworkReader

    return NetworkReader(corpus, args.seed, device=args.device)


def log_folder(args: argparse.Namespace) -> str:
    """The folder of the run's log, named by the time."""
    return f"runs/{time.strftime('%Y%m%d-%H%M%S')}-{args.function}-{args.variant}"


def train(args: argparse.Namespace) -> None:
    """Pretrain or finetune, then write the params and what they are."""
    require(args, "writing_params_path")
    with contextlib.ExitStack() as stack:
        if distributed.is_main():
            check_writable(args.writing_params_path)
            stack.enter_context(locked(args.writing_params_path))
            stack.enter_context(printing_is_optional())
        run_training(args)


def run_training(args: argparse.Namespace) -> None:
    run = build_training(args)
    if not args.resume and os.path.exists(run.config.checkpoint_path):
        print(f"{run.config.checkpoint_path} exists; starting anew (--resume would continue it)")
    run.train()
    if not distributed.is_main():
        return
    try:
        save(args, run, args.writing_params_path, run.total_steps)
    except UserError as error:
        if not os.path.exists(run.config.checkpoint_path):
            raise
        raise UserError(f"{error}; then the same command with --resume writes it") from None
    with contextlib.suppress(FileNotFoundError):
        os.remove(run.config.checkpoint_path)


def save(args: argparse.Namespace, run: trainer.Trainer, path: str, steps: int) -> None:
    """Write the params after `steps` steps, and beside them what they are."""
    phase = RECIPES[args.recipe][phase_name(args)]
    files = run.config.identity["files"]
    description = params.describe(run.model.config)
    description |= {
        "vocabulary": vocabulary_hash(run.train_dataset),
        "recipe": args.recipe,
        "function": args.function,
        "reading_params": args.reading_params_path,
        "precision": str(run.dtype),
        "unicode_names": bool(args.unicode_names or phase.unicode_names),
        "dropout": phase.dropout,
        "questions_seen": questions_seen(args.reading_params_path, files.get("questions")),
        "mixture": phase.mixture and asdict(phase.mixture),
    }
    description |= {"reader": args.reader or "ranker"} if reads(phase) else {}
    description |= settings_to_share(run.config)
    description["answer_length"] = longest_answer(args.reading_params_path, run.train_dataset)
    description |= {"steps": steps, "of_steps": run.total_steps}
    description |= {"epochs": steps / run.steps_per_epoch, "commit": runlog.commit()}
    params.save_params(run.model, path, description)


def take_default_model(args: argparse.Namespace) -> None:
    """Fill in the paths that are not given: the model of this folder, or the project's own."""
    if args.reading_params_path:
        raise UserError("evaluate needs CORPUS, the file that the model's vocabulary comes from")
    files = params.default_model()
    args.pretrain_corpus_path, args.reading_params_path = files.corpus, files.params
    args.eval_corpus_path = args.eval_corpus_path or files.questions
    args.outputs_path = args.outputs_path or "dev.predictions"
    if args.report:
        args.pretrained_params_path = args.pretrained_params_path or files.pretrained
    print(f"{files.params} answers {args.eval_corpus_path}; answers: {args.outputs_path}")


def evaluate(args: argparse.Namespace) -> None:
    """Answer the questions, write the answers, print how many are right where that is known."""
    if args.pretrain_corpus_path is None:
        take_default_model(args)
    require(args, "reading_params_path", "eval_corpus_path", "outputs_path")
    paths = [args.pretrain_corpus_path, args.eval_corpus_path]
    if args.report and args.finetune_corpus_path:
        paths.append(args.finetune_corpus_path)
    corpus_path, eval_path, *train_path = find_files(*paths)
    rows_path = f"{args.outputs_path}.jsonl"
    check_outputs(files_written(args), files_read(args, corpus_path, eval_path, *train_path))
    architecture = read_architecture(args)
    args.variant = architecture.variant
    corpus, _ = load_corpus(args, corpus_path, architecture.block_size)
    model = build_model(args, architecture, corpus).to(pick_device(args.device))
    rows = readable_rows(read_text(eval_path), eval_path, corpus, model.max_length)
    questions, places = [row.question for row in rows], places_of(rows)
    if args.report:
        source = open_answers(
            model, corpus, args.reading_params_path,
            finetuning_path=train_path[0] if train_path else None,
            pretrained_path=args.pretrained_params_path,
        )  # fmt: skip
        about = About(
            variant=args.variant, params=args.reading_params_path, corpus=corpus_path,
            pretrained_params=args.pretrained_params_path, questions=eval_path,
            date=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), commit=runlog.commit(),
            trained=params.read_description(args.reading_params_path),
        )  # fmt: skip
        answers = write_report_files(source, questions, places, rows_path, about)
    else:
        if os.path.exists(rows_path):
            print(f"{rows_path} stays as it was: of an earlier run (--report writes it)")
        length = answer_length(args.reading_params_path)
        answers = predict(model, corpus, questions, length)
    write_predictions(answers, args.outputs_path)
    total, correct = utils.score_places(places, answers)
    if args.report and source.calibration and source.calibration.get("promise"):
        print(answered(rows_path))
    if total > 0:
        print(f"Correct: {correct} out of {total}: {correct / total * 100}%")
    else:
        print(f"Predictions written to {args.outputs_path}; no targets provided")


def answered(rows_path: str) -> str:
    """How many answers the promise of the calibration covers, how many of them are wrong, and how
    many invented people it refuses."""
    rows, invented = read_answers(rows_path), read_about(rows_path).invented
    accepted = [row for row in rows if row.accepted]
    text = f'Answered: {len(accepted)} out of {len(rows)}; "I don\'t know" to the others'
    if all(row.correct is not None for row in rows):
        text += f"; wrong among the answered: {sum(not row.correct for row in accepted)}"
    refused = sum(not row.accepted for row in invented)
    return f"{text}; invented people refused: {refused} of {len(invented)}"


def start(args: argparse.Namespace) -> None:
    """Do what the command line of run.py says. Of several processes, one prints."""
    if not distributed.is_main():
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
    with distributed.process_group():
        if args.function != "evaluate":
            train(args)
        elif distributed.is_main():
            evaluate(args)
