"""What scripts written for the original trainer read and give."""

import torch
from test_trainer import CORPUS, fit, tiny

from dataset import CharCorruptionDataset
from trainer import Trainer, TrainerConfig
from training.runlog import RunLog


def test_a_script_of_the_originals_finds_what_it_reads(tmp_path):
    """By keyword or by position; save_checkpoint writes the state_dict to config.ckpt_path."""
    dataset = CharCorruptionDataset(CORPUS, 32)
    tconf = TrainerConfig(
        max_epochs=1, batch_size=7, learning_rate=6e-4, lr_decay=True, warmup_tokens=512 * 20,
        final_tokens=200 * len(dataset) * 32, num_workers=4, ckpt_path=None, writer=None,
    )  # fmt: skip
    tconf.device = "cpu"
    model = tiny(dataset)
    trained = Trainer(model=model, train_dataset=dataset, test_dataset=None, config=tconf)
    trained.train()
    assert trained.tokens == 25 * 31 and trained.config is tconf and trained.model is model
    trained.save_checkpoint()  # nowhere to write to: nothing happens
    trained.config.ckpt_path = str(tmp_path / "model.pt")
    trained.save_checkpoint()
    saved = torch.load(tmp_path / "model.pt", weights_only=True)
    assert all(torch.equal(saved[name], value) for name, value in model.state_dict().items())


def test_a_writer_of_later_editions_gets_the_curves():
    class Writer:
        def __init__(self):
            self.seen = []

        def add_scalar(self, name, value, step):
            self.seen.append((name, step))

    dataset, writer = CharCorruptionDataset(CORPUS, 32), Writer()
    fit(tiny(dataset), dataset, max_steps=2, batch_size=7, writer=writer, log=None)
    names = ("loss", "rate", "grad_norm")
    assert sorted(writer.seen) == sorted((name, step) for name in names for step in (0, 1))


def test_no_attribute_is_born_outside_init(tmp_path):
    """Whoever reads __init__ knows all that a Trainer and its parts hold."""
    dataset = CharCorruptionDataset(CORPUS, 32)
    config = TrainerConfig(
        device="cpu", precision="fp32", max_minutes=0.01, batch_size=7, shuffle=True, snapshots=2,
        on_snapshot=lambda steps: None, checkpoint_path=str(tmp_path / "c"), eval_every=3,
        evaluate=lambda model: {}, log=RunLog(str(tmp_path / "r")),
    )  # fmt: skip
    run = Trainer(tiny(dataset), dataset, dataset, config)
    held = (run, run.feed, run.log, run.signals)
    before = [set(vars(each)) for each in held]
    run.train()
    assert [set(vars(each)) for each in held] == before
    assert run.total_steps > 1 and (tmp_path / "c").exists()
