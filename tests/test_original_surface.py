"""What a script written for the original minGPT and the course's program reads from our modules."""

import argparse
import dataclasses

import pytest
import torch
from torch.nn import functional as F

import attention
import dataset
import model
import params
import trainer
import utils

CORPUS = "Ada Byron. Ada Byron was born in London.\nBo Ek. Bo Ek was born in Lund.\nWhere?\n" * 3
ROWS = "Where was Ada Byron born?\tLondon\nWhere was Bo Ek born?\tLund\n"


@pytest.fixture
def corpus():
    return dataset.CharCorruptionDataset(CORPUS, 64)


def small(corpus, **more):
    return model.GPTConfig(
        corpus.vocab_size, corpus.block_size, n_layer=2, n_head=2, n_embd=32, **more
    )


def test_attributes_of_the_datasets(corpus):
    names = dataset.NameDataset(corpus, ROWS)
    for data in (corpus, names):
        assert (data.MASK_CHAR, data.PAD_CHAR) == ("\u2047", "\u25a1")
        assert data.stoi[data.PAD_CHAR] == 0 and data.itos[1] == data.MASK_CHAR
        assert data.vocab_size == len(data.stoi) == len(data.itos) and data.block_size == 64
        assert all(part.dtype == torch.long and part.shape == (63,) for part in data[0])
    assert corpus.data[1] == "Bo Ek. Bo Ek was born in Lund." and corpus.masking_percent == 0.25
    assert len(names) == 2 and list(names.data) == ROWS.splitlines()


def test_configurations():
    big = model.GPT1Config(100, 128)
    assert (big.n_layer, big.n_head, big.n_embd) == (12, 12, 768)
    config = model.GPTConfig(vocab_size=100, block_size=128, additional=True, synthesizer=True)
    assert config.additional and config.synthesizer and config.embd_pdrop == 0.1
    names = {each.name for each in dataclasses.fields(model.GPTConfig)}
    assert names == vars(model.GPTConfig(100, 128)).keys() > set(params.ARCHITECTURE)
    for wrong, right in (("n_embed", "n_embd"), ("n_layers", "n_layer"), ("resid_drop", "resid_p")):
        with pytest.raises(ValueError, match=f"did you mean '{right}"):
            model.GPTConfig(100, 128, **{wrong: 2})


@pytest.mark.parametrize("flag", ["synthesizer", "rope", "perceiver"])
def test_flags_set_after_the_configuration_is_made(corpus, flag):
    config = small(corpus)
    setattr(config, flag, True)
    config.bottleneck_dim = 8
    net = model.GPT(config)
    assert net.variant == flag and net.get_block_size() == 64
    x, y = corpus[0]
    logits, loss = net(x[None], targets=y[None])
    assert logits.shape == (1, 63, corpus.vocab_size) and loss.ndim == 0 and net(x[None])[1] is None


def test_attributes_of_the_model(corpus):
    net = model.GPT(small(corpus))
    for name in ("tok_emb", "pos_emb", "drop", "blocks", "ln_f", "head", "block_size"):
        assert hasattr(net, name)
    block = net.blocks[0]
    for name in ("ln1", "ln2", "attn", "mlp"):
        assert hasattr(block, name)
    assert isinstance(block.attn, attention.CausalSelfAttention) and block.attn.n_head == 2


def test_configure_optimizers_decays_all_but_biases(corpus):
    net = model.GPT(small(corpus))
    config = trainer.TrainerConfig(learning_rate=1e-3, betas=(0.8, 0.9), weight_decay=0.3)
    decayed, others = net.configure_optimizers(config).param_groups
    names = {id(p): name for name, p in net.named_parameters()}
    assert decayed["weight_decay"] == 0.3 and others["weight_decay"] == 0
    assert decayed["lr"] == 1e-3 and decayed["betas"] == (0.8, 0.9)
    assert {names[id(p)] for p in others["params"]} == {n for n in names.values() if "bias" in n}
    assert len(decayed["params"]) + len(others["params"]) == len(names)


def test_sampling_by_position_and_by_keyword(corpus):
    net, x = model.GPT(small(corpus)), torch.tensor([[2, 3, 4]])
    greedy = utils.sample(net, x, 5)
    assert torch.equal(utils.sample(net, x, steps=5, temperature=1.0, sample=False), greedy)
    assert utils.sample(net, x, 5, 1.0, True, top_k=3).shape == (1, 8)
    cut = utils.top_k_logits(torch.tensor([[1.0, 3.0, 2.0]]), 2)
    assert F.softmax(cut, -1)[0, 0] == 0


def original_run(function, folder):
    """A run.py in the style of the original: its own flags, its own loops around our modules."""
    parser = argparse.ArgumentParser()
    parser.add_argument("function")
    parser.add_argument("variant")
    parser.add_argument("pretrain_corpus_path")
    parser.add_argument("--reading_params_path")
    parser.add_argument("--writing_params_path")
    parser.add_argument("--finetune_corpus_path")
    parser.add_argument("--eval_corpus_path")
    args = parser.parse_args([
        function, "vanilla", f"{folder}/wiki.txt",
        "--reading_params_path", f"{folder}/a.params",
        "--writing_params_path", f"{folder}/a.params",
        "--finetune_corpus_path", f"{folder}/q.tsv", "--eval_corpus_path", f"{folder}/q.tsv",
    ])  # fmt: skip
    text = open(args.pretrain_corpus_path, encoding="utf-8").read()
    pretrain_dataset = dataset.CharCorruptionDataset(text, 64)
    net = model.GPT(small(pretrain_dataset))
    if args.function == "evaluate":
        net.load_state_dict(torch.load(args.reading_params_path))
        predictions = []
        for line in open(args.eval_corpus_path, encoding="utf-8"):
            x = line.split("\t")[0] + dataset.MASK_CHAR
            x = torch.tensor([pretrain_dataset.stoi[s] for s in x], dtype=torch.long)[None, ...]
            pred = utils.sample(net, x, 32, sample=False)[0]
            completion = "".join(pretrain_dataset.itos[int(i)] for i in pred)
            predictions.append(completion.split(dataset.MASK_CHAR)[1])
        return utils.evaluate_places(args.eval_corpus_path, predictions)
    rows = open(args.finetune_corpus_path, encoding="utf-8").read()
    data = dataset.NameDataset(pretrain_dataset, rows)
    tconf = trainer.TrainerConfig(
        max_epochs=150, batch_size=2, learning_rate=3e-3, lr_decay=True, warmup_tokens=512,
        final_tokens=200 * len(pretrain_dataset) * 64, num_workers=0,
    )  # fmt: skip
    trainer.Trainer(net, data, None, tconf).train()
    torch.save(net.state_dict(), args.writing_params_path)


def test_a_run_py_written_for_the_original_trains_and_evaluates(tmp_path):
    (tmp_path / "wiki.txt").write_text(CORPUS, encoding="utf-8")
    (tmp_path / "q.tsv").write_text(ROWS, encoding="utf-8")
    torch.manual_seed(0)
    original_run("finetune", tmp_path)
    assert original_run("evaluate", tmp_path) == (2.0, 2.0)
