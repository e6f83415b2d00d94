"""The functions that students of XCS224N write."""

import torch

from .attention import SynthesizerAttention  # noqa: F401
from .dataset import NameDataset
from .model import GPT
from .trainer import Trainer, TrainerConfig


def initialize_vanilla_model(mconf):
    return GPT(mconf)


def initialize_synthesizer_model(mconf):
    mconf.synthesizer = True
    return GPT(mconf)


def settings(pretrain_dataset, block_size, **more):
    return TrainerConfig(lr_decay=True, warmup_tokens=512 * 20, num_workers=4,
                         final_tokens=200 * len(pretrain_dataset) * block_size, **more)  # fmt: skip


def finetune(reading_params_path, finetune_corpus_path, pretrain_dataset, block_size, model):
    epochs = 75
    if reading_params_path is not None:
        model.load_state_dict(torch.load(reading_params_path))
        epochs = 10
    with open(finetune_corpus_path, encoding="utf-8") as file:
        data = NameDataset(pretrain_dataset, file.read())
    tconf = settings(pretrain_dataset, block_size, max_epochs=epochs, batch_size=256,
                     learning_rate=6e-4)  # fmt: skip
    return tconf, Trainer(model, data, None, tconf)


def pretrain(pretrain_dataset, block_size, model):
    tconf = settings(pretrain_dataset, block_size, max_epochs=650, batch_size=128,
                     learning_rate=6e-3)  # fmt: skip
    return tconf, Trainer(model, pretrain_dataset, None, tconf)


def train(model, writing_params_path, trainer_obj):
    trainer_obj.train()
    torch.save(model.state_dict(), writing_params_path)
