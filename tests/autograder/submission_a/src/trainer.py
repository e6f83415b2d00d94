import math

import torch
from torch.utils.data.dataloader import DataLoader


class TrainerConfig:
    max_epochs = 10
    batch_size = 64
    learning_rate = 3e-4
    lr_decay = False
    warmup_tokens = 375e6
    final_tokens = 260e9
    num_workers = 0

    def __init__(self, **kwargs):
        for k, v in kwargs.items():
            setattr(self, k, v)


class Trainer:
    def __init__(self, model, train_dataset, test_dataset, config):
        self.model = model
        self.train_dataset = train_dataset
        self.test_dataset = test_dataset
        self.config = config

    def train(self):
        config, tokens = self.config, 0
        optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=config.learning_rate, betas=(0.9, 0.95)
        )
        for _ in range(config.max_epochs):
            self.model.train()
            for x, y in DataLoader(self.train_dataset, batch_size=config.batch_size):
                _, loss = self.model(x, y)
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
                optimizer.step()
                tokens += y.numel()
                rate = min(1.0, tokens / config.warmup_tokens)
                if tokens > config.warmup_tokens:
                    done = tokens / config.final_tokens
                    rate = max(0.1, 0.5 * (1 + math.cos(math.pi * done)))
                for group in optimizer.param_groups:
                    group["lr"] = rate * config.learning_rate
