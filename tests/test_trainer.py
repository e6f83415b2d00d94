"""The trainer: the course's schedule and groups, fast equals plain, resume, several processes."""

import json
import math
import os
import random
import shutil
import subprocess
import sys
import time

import pytest
import torch
import torch.nn.functional as F
from conftest import ROOT, needs_bf16, needs_course_data
from torch import nn

import run
from base.errors import UserError
from base.tensors import save_tensors
from dataset import CharCorruptionDataset, NameDataset
from model import GPT, GPTConfig
from recipes import COURSE, trainer_config
from trainer import Trainer, TrainerConfig
from training import feed
from training.feed import Feed
from training.loss import LossSum
from training.optimizers import optimizer_groups
from training.runlog import RunLog
from training.schedule import lr_multiplier
from training.threads import PieceThreads

CORPUS = "\n".join(
    f"Person {i}. Person {i} was born in {place} in 1{i:03d} and wrote {i % 7} books ."
    for i, place in enumerate(["Rome", "Lagos", "Oslo", "Lima", "London"] * 5)
)
QUESTIONS = "was Person 12 born\tOslo\nwas Person 13 born\tLima\nwas Person 14 born\tLondon"
CPU = torch.device("cpu")


class Kept(RunLog):
    def __init__(self):
        super().__init__()
        self.rows = []

    def show(self, row):
        self.rows.append(row)


def tiny(dataset, variant="vanilla", dropout=0.0, seed=5):
    torch.manual_seed(seed)
    config = GPTConfig(
        dataset.vocab_size, dataset.block_size, n_layer=2, n_head=3, n_embd=12, variant=variant,
        embd_pdrop=dropout, resid_pdrop=dropout, attn_pdrop=dropout,
    )  # fmt: skip
    return GPT(config)


def fit(model, dataset, **settings):
    log = Kept()
    config = TrainerConfig(**{"device": "cpu", "precision": "fp32", "log": log} | settings)
    Trainer(model, dataset, None, config).train()
    return log.rows


# -- schedule and groups -----------------------------------------------------------------------


@pytest.mark.parametrize("epoch, share", [(1, 0.99994), (200, 0.1), (403, 1.0), (605, 0.1)])
def test_rates_of_the_courses_run(epoch, share):
    """After `epoch` epochs of 2,938 rows of 127; the cosine written out by hand."""
    config = trainer_config(COURSE["pretrain"], documents=2938, block_size=128)
    tokens, final = epoch * 2938 * 127, 200 * 2938 * 128
    expected = max(0.1, 0.5 * (1 + math.cos(math.pi * (tokens - 10240) / (final - 10240))))
    found = lr_multiplier(config, tokens, run_tokens=650 * 2938 * 127)
    assert found == pytest.approx(expected, rel=1e-12)
    assert found == pytest.approx(share, abs=2e-3)


def test_warm_up_rises_in_proportion():
    config = trainer_config(COURSE["pretrain"], documents=2938, block_size=128)
    assert lr_multiplier(config, 5120, 10**9) == 0.5


def test_cosine_schedule_ends_at_a_tenth():
    config = TrainerConfig(lr_decay=True, schedule="cosine", warmup_tokens=100)
    assert lr_multiplier(config, 10_100, 10_100) == pytest.approx(0.1)
    assert lr_multiplier(config, 5_100, 10_100) == pytest.approx(0.55)


def test_course_settings():
    expected = {
        "pretrain": (650, 128, 6e-3),
        "finetune from scratch": (75, 256, 6e-4),
        "finetune": (10, 256, 6e-4),
    }
    for phase, (epochs, batch, rate) in expected.items():
        config = trainer_config(COURSE[phase], documents=2938, block_size=128)
        assert (config.max_epochs, config.batch_size, config.learning_rate) == (epochs, batch, rate)
        assert (config.warmup_tokens, config.final_tokens) == (512 * 20, 75_212_800)
        assert config.lr_decay and config.num_workers == 4 and config.betas == (0.9, 0.95)
        assert (config.weight_decay, config.grad_norm_clip) == (0.1, 1.0)


def test_decay_groups_are_complete_and_by_name():
    model = tiny(CharCorruptionDataset(CORPUS, 32))
    decay, keep = optimizer_groups(model, 0.1)
    assert (decay["weight_decay"], keep["weight_decay"]) == (0.1, 0.0)
    named = dict(model.named_parameters())
    assert {id(p) for p in keep["params"]} == {id(p) for n, p in named.items() if "bias" in n}
    assert len(decay["params"]) + len(keep["params"]) == len(named)
    assert any(p is named["ln_f.weight"] for p in decay["params"])
    assert any(p is named["tok_emb.weight"] for p in decay["params"])


def test_first_step_at_the_full_rate_then_by_positions():
    dataset = CharCorruptionDataset(CORPUS, 32)
    rows = fit(tiny(dataset), dataset, max_epochs=2, batch_size=7, learning_rate=0.01,
               lr_decay=True, warmup_tokens=31 * 25, final_tokens=31 * 500)  # fmt: skip
    assert [row["rate"] for row in rows[:3]] == pytest.approx([0.01, 0.01 * 7 / 25, 0.01 * 14 / 25])
    assert [row["positions"] for row in rows] == [31 * n for n in (7, 14, 21, 25, 32, 39, 46, 50)]


# -- fast equals plain -------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["vanilla", "synthesizer"])
@pytest.mark.parametrize("kind", ["corruption", "names"])
def test_loss_and_gradients_are_those_of_the_padded_batch_in_float64(variant, kind):
    corpus = CharCorruptionDataset(CORPUS, 48)
    dataset = corpus
    if kind == "names":
        text = "\n".join(f"born Person {i}\tRome{'e' * (i % 5)}" for i in range(11))
        dataset = NameDataset(corpus, text)
    model = tiny(dataset, variant).double()
    torch.nn.init.normal_(model.pos_emb, std=0.1)
    indices = torch.arange(11)
    pieces = dataset.batch(indices, 3, CPU, parts=4)
    assert len(pieces) == 4
    width = dataset.row_length
    x = torch.cat([F.pad(x, (0, width - x.shape[1])) for x, _ in pieces])
    y = torch.cat([F.pad(y, (0, width - y.shape[1])) for _, y in pieces])
    loss = model(x, y)[1]
    loss.backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    total = sum((y != 0).sum() for _, y in pieces)
    found = sum(model.loss_sum(x, y) / total for x, y in pieces)
    found.backward()
    assert found.item() == pytest.approx(loss.item(), rel=1e-13)
    for name, p in model.named_parameters():
        torch.testing.assert_close(p.grad, expected[name], rtol=1e-9, atol=1e-13, msg=name)


def test_trainer_in_pieces_equals_trainer_in_one(monkeypatch):
    monkeypatch.setattr(feed, "ROWS_A_PART", 1)
    dataset = CharCorruptionDataset(CORPUS, 48)
    models = [tiny(dataset).double() for _ in range(2)]
    runs = [
        fit(model, dataset, max_epochs=3, batch_size=7, learning_rate=1e-2, parts=parts)
        for model, parts in zip(models, (1, 5), strict=True)
    ]
    assert [r["loss"] for r in runs[0]] == pytest.approx([r["loss"] for r in runs[1]], rel=1e-6)
    for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-9)


@needs_bf16
def test_bf16_is_close_and_weights_stay_float32():
    dataset = CharCorruptionDataset(CORPUS, 48)
    losses = {}
    for precision in ("fp32", "bf16"):
        model = tiny(dataset)
        rows = fit(model, dataset, max_epochs=4, batch_size=7, learning_rate=1e-2,
                   precision=precision)  # fmt: skip
        losses[precision] = [row["loss"] for row in rows]
        assert all(p.dtype == torch.float32 for p in model.parameters())
    assert losses["bf16"] == pytest.approx(losses["fp32"], abs=0.05)
    assert losses["bf16"] != losses["fp32"]


@pytest.mark.slow
def test_compiled_step_equals_the_plain_one():
    pytest.importorskip("torch._inductor")
    if not shutil.which("g++"):
        pytest.skip("no C++ compiler")
    dataset = CharCorruptionDataset(CORPUS, 16)
    losses = {}
    for mode in ("off", "on"):
        rows = fit(tiny(dataset), dataset, max_epochs=1, batch_size=13, parts=1, compile=mode)
        losses[mode] = [row["loss"] for row in rows]
    assert losses["on"] == pytest.approx(losses["off"], rel=1e-4)


def test_dataset_without_batches_trains_through_a_loader():
    class Rows(torch.utils.data.Dataset):
        def __len__(self):
            return 11

        def __getitem__(self, i):
            x = torch.arange(i, i + 8) % 5 + 1
            return x[:-1], x[1:]

    dataset = Rows()
    torch.manual_seed(1)
    model = GPT(GPTConfig(7, 8, n_layer=1, n_head=1, n_embd=11))
    rows = fit(model, dataset, max_epochs=60, batch_size=5, learning_rate=1e-2, num_workers=1)
    assert rows[-1]["loss"] < 0.5 < rows[0]["loss"]
    assert len(rows) == 180 and rows[-1]["positions"] == 60 * 11 * 7


def test_shuffle_changes_the_order_and_repeats_with_the_seed():
    dataset = CharCorruptionDataset(CORPUS, 32)
    order = [
        Feed(dataset, TrainerConfig(shuffle=True, seed=seed), CPU).order(epoch).tolist()
        for seed, epoch in ((0, 0), (0, 0), (0, 1), (1, 0))
    ]
    assert order[0] == order[1] and len({tuple(o) for o in order}) == 3
    assert sorted(order[0]) == list(range(25))


def test_test_loss_is_the_mean_over_the_test_set():
    dataset = CharCorruptionDataset(CORPUS, 32)
    model, log = tiny(dataset, dropout=0.3), Kept()
    config = TrainerConfig(max_epochs=1, batch_size=25, device="cpu", precision="fp32", log=log)
    Trainer(model, dataset, dataset, config).train()
    ((x, y),) = dataset.batch(torch.arange(25), 0, CPU)
    assert log.rows[-1]["test_loss"] == pytest.approx(model.eval()(x, y)[1].item(), rel=1e-5)


# -- a run that cannot be lost -----------------------------------------------------------------


def course_files(folder):
    (folder / "c.txt").write_text(CORPUS * 3, encoding="utf-8")


def command(folder, *more):
    return [
        sys.executable, str(ROOT / "src" / "run.py"), "pretrain", "vanilla", "c.txt",
        "--writing_params_path", str(folder / "out.params"), "--max_epochs", "60",
        "--n_layer", "1", "--n_head", "2", "--n_embd", "16", "--block_size", "32",
        "--batch_size", "16", "--checkpoint_minutes", "0.0005", *more,
    ]  # fmt: skip


def threads(count):
    return os.environ | {"OMP_NUM_THREADS": str(count)}


@pytest.mark.slow
@pytest.mark.parametrize("count, batch", [(1, 16), (2, 32)])  # 32 rows: a piece for each of two
def test_killed_at_random_and_resumed_ends_bit_identical(tmp_path, count, batch):
    whole, broken, env = tmp_path / "whole", tmp_path / "broken", threads(count)
    size = ("--batch_size", str(batch))
    for folder in (whole, broken):
        folder.mkdir()
        course_files(folder)
    subprocess.run(command(whole, *size, "--no_log"), cwd=whole, env=env, check=True)
    chance, kills = random.Random(11), 0
    for _ in range(40):
        resume = ["--resume"] if (broken / "out.params.checkpoint").exists() else []
        run = subprocess.Popen(command(broken, *size, *resume), cwd=broken, env=env)
        deadline = time.monotonic() + 120
        while run.poll() is None and time.monotonic() < deadline:
            if (broken / "out.params.checkpoint").exists() and chance.random() < 0.2 and kills < 4:
                time.sleep(chance.random() * 0.5)
                run.kill()
                run.wait()
                kills += 1
            time.sleep(0.05)
        if run.returncode == 0:
            break
    assert run.returncode == 0 and kills >= 1
    a, b = (torch.load(f / "out.params", weights_only=True) for f in (whole, broken))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not (broken / "out.params.checkpoint").exists()
    logs = list(broken.glob("runs/*/metrics.jsonl"))
    longest = max((log.read_text().splitlines() for log in logs), key=len)
    steps = [json.loads(line)["step"] for line in longest]
    documents = len((CORPUS * 3).split("\n"))
    assert steps == list(range(60 * math.ceil(documents / batch)))


@pytest.mark.parametrize("last", [0, 4, 11])  # of twelve steps
def test_a_stopped_run_that_goes_on_ends_as_one_that_was_not(tmp_path, last):
    dataset = CharCorruptionDataset(CORPUS, 32)
    path = tmp_path / "c"

    def trained(stop_after=None, **settings):
        model = tiny(dataset, dropout=0.2)
        config = TrainerConfig(device="cpu", max_epochs=3, batch_size=7, learning_rate=1e-2,
                               checkpoint_path=str(path), **settings)  # fmt: skip
        run = Trainer(model, dataset, None, config)
        run.stopping = lambda step: step == stop_after
        run.train()
        return model.state_dict()

    whole = trained()
    assert path.exists()  # until the params are written
    path.unlink()
    with pytest.raises(KeyboardInterrupt, match=f"step {last + 1} is saved"):
        trained(stop_after=last)
    again = trained(resume=True)
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_what_was_lost_while_writing_the_params_is_written_by_a_resume(tmp_path, monkeypatch):
    """A run that ended and could not write what it was for has not run in vain."""
    course_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    args = command(tmp_path)[2:] + ["--device", "cpu", "--no_log"]
    args[args.index("60")] = "2"
    args[args.index("0.0005")] = "100"

    def full(*what):
        raise UserError("No space left on device")

    words = "No space left on device; then the same command with --resume writes it"
    with monkeypatch.context() as patch, pytest.raises(UserError, match=words):
        patch.setattr("params.save_params", full)
        run.main(args)
    assert not (tmp_path / "out.params").exists()
    monkeypatch.setattr(Trainer, "step", full)  # nothing is left to do
    run.main([*args, "--resume"])
    assert (tmp_path / "out.params").exists()
    assert not (tmp_path / "out.params.checkpoint").exists()


def test_nothing_to_resume_from_is_said(tmp_path):
    dataset = CharCorruptionDataset(CORPUS, 32)
    config = TrainerConfig(device="cpu", checkpoint_path=str(tmp_path / "c"), resume=True)
    with pytest.raises(UserError, match="no such checkpoint to resume from; start without"):
        Trainer(tiny(dataset), dataset, None, config).train()


def test_another_configuration_is_refused_by_name(tmp_path):
    dataset = CharCorruptionDataset(CORPUS, 32)
    path = str(tmp_path / "c")
    common = dict(device="cpu", max_epochs=2, checkpoint_path=path)
    run = Trainer(tiny(dataset), dataset, None, TrainerConfig(batch_size=7, **common))
    run.prepare()
    run.save_progress(1)
    other = TrainerConfig(batch_size=11, resume=True, **common)
    with pytest.raises(UserError, match="batch_size 7, while this run has 11"):
        Trainer(tiny(dataset), dataset, None, other).train()


def test_a_write_that_fails_leaves_the_checkpoint_readable(tmp_path, monkeypatch):
    dataset = CharCorruptionDataset(CORPUS, 32)
    path = tmp_path / "c"
    config = TrainerConfig(device="cpu", max_epochs=2, batch_size=7, checkpoint_path=str(path))
    run = Trainer(tiny(dataset), dataset, None, config)
    run.prepare()
    run.save_progress(1)
    before = path.read_bytes()

    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        run.save_progress(2)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["c"]


@pytest.mark.parametrize("kind", ["checkpoint", "snapshot"])
def test_a_full_disk_on_the_way_costs_a_line_not_the_run(tmp_path, monkeypatch, capsys, kind):
    dataset = CharCorruptionDataset(CORPUS, 32)
    config = TrainerConfig(device="cpu", max_epochs=1, batch_size=7)
    if kind == "checkpoint":
        config.checkpoint_path, config.checkpoint_minutes = str(tmp_path / "c"), 1e-9
    else:
        config.snapshots = 4
        config.on_snapshot = lambda steps: save_tensors({}, str(tmp_path / "c"))
    run = Trainer(tiny(dataset), dataset, None, config)

    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    run.train()
    said = capsys.readouterr().out.splitlines()
    line = f"{tmp_path / 'c'}: cannot be written (No space left on device); the run continues"
    assert run.total_steps == 4 and os.listdir(tmp_path) == []
    assert said.count(line) == (5 if kind == "checkpoint" else 4)  # and at the end of the run
    if kind == "checkpoint":
        run.stopping = lambda step: True
        with pytest.raises(UserError, match="No space left"):
            run.train()


def test_threads_end_with_a_run_that_fails(monkeypatch):
    dataset = CharCorruptionDataset(CORPUS, 32)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        run = Trainer(tiny(dataset), dataset, None, TrainerConfig(device="cpu", max_epochs=1))
        assert len(dataset) > feed.ROWS_A_PART  # else there are no threads
        monkeypatch.setattr(run, "record", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run.train()
        with pytest.raises(RuntimeError, match="shutdown"):
            run.gradients.threads.pool.submit(print)
    finally:
        torch.set_num_threads(before)


@needs_course_data
def test_parameters_of_the_courses_models():
    sizes = {"vanilla": 3_323_392, "synthesizer": 3_076_988}
    for variant, expected in sizes.items():
        model = GPT(GPTConfig(256, 128, variant=variant))
        assert sum(p.numel() for p in model.parameters()) == expected


# -- pieces side by side -----------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["vanilla", "synthesizer", "perceiver", "aft-conv"])
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_pieces_in_threads_are_pieces_in_turn(monkeypatch, variant, optimizer):
    """The same dropout masks and, but for rounding, the same weights; twice the same, exactly."""
    monkeypatch.setattr(feed, "ROWS_A_PART", 2)
    dataset = CharCorruptionDataset(CORPUS, 32)

    def trained(threads):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            model = tiny(dataset, variant, dropout=0.3).double()
            config = TrainerConfig(
                device="cpu", precision="fp32", max_epochs=2, batch_size=11, learning_rate=1e-3,
                optimizer=optimizer, muon_learning_rate=1e-3,
            )  # fmt: skip
            run = Trainer(model, dataset, None, config)
            run.train()
            assert (run.gradients.threads is not None) == (threads > 1)
        finally:
            torch.set_num_threads(before)
        return model.state_dict()

    alone, together, again = trained(1), trained(2), trained(2)
    # Newton-Schulz runs in bfloat16, where a rounding difference can be one of its steps
    tolerance = dict(rtol=1e-8, atol=1e-10) if optimizer == "adamw" else dict(rtol=0.02, atol=2e-4)
    for name in alone:
        torch.testing.assert_close(together[name], alone[name], **tolerance)
        assert torch.equal(together[name], again[name]), name


def test_threads_share_the_cores_and_leave_the_main_thread_all(monkeypatch):
    dataset = CharCorruptionDataset(CORPUS, 32)
    before = torch.get_num_threads()
    torch.set_num_threads(5)
    try:
        threads = PieceThreads(tiny(dataset), 2)
        assert threads.count == 2 and torch.get_num_threads() == 5
        assert set(threads.pool.map(lambda _: torch.get_num_threads(), range(20))) == {2}
        threads.close()
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("rows, count", [(64, 4), (100, 7), (11, None)])
def test_there_are_as_many_threads_as_a_batch_has_pieces(rows, count):
    """On a machine of many cores too: else the pieces would be computed in turn."""
    dataset = CharCorruptionDataset("\n".join([CORPUS] * 5), 32)
    before = torch.get_num_threads()
    torch.set_num_threads(16)
    try:
        config = TrainerConfig(device="cpu", precision="fp32", max_steps=2, batch_size=rows)
        run = Trainer(tiny(dataset), dataset, None, config)
        run.prepare()
        threads = run.gradients.threads
        assert (threads and threads.count) == count
        if count:
            assert threads.suit(run.gradients.loss_sum, next(run.batches(0)))
            threads.close()
    finally:
        torch.set_num_threads(before)


def test_models_with_random_numbers_of_their_own_go_piece_by_piece():
    """torch's own dropout draws from the one generator, BatchNorm changes buffers: not at once."""
    dataset = CharCorruptionDataset(CORPUS, 32)

    class Own(nn.Module):
        ignore_index = 0

        def __init__(self, *layers):
            super().__init__()
            self.embed = nn.Embedding(dataset.vocab_size, 8)
            self.layers = nn.Sequential(*layers)

        def forward(self, x, y):
            logits = self.layers(self.embed(x).transpose(1, 2)).transpose(1, 2)
            return logits, F.cross_entropy(logits.transpose(1, 2), y, ignore_index=0)

    last = nn.Conv1d(8, dataset.vocab_size, 1)
    pieces = dataset.batch(torch.arange(20), 0, CPU, 3)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for layers, suits in (
            ((last,), True), ((nn.Dropout(0.1), last), False), ((nn.BatchNorm1d(8), last), False),
        ):  # fmt: skip
            model = Own(*layers).train()
            buffers = [buffer.clone() for buffer in model.buffers()]
            threads, state = PieceThreads(model, 8), torch.get_rng_state()
            loss_sum = LossSum(model, torch.float32, CPU)
            assert threads.suit(loss_sum, pieces) is suits
            assert torch.equal(state, torch.get_rng_state())
            assert all(map(torch.equal, buffers, model.buffers()))
            threads.close()
    finally:
        torch.set_num_threads(before)
