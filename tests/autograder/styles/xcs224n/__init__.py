from .attention import CausalSelfAttention, SynthesizerAttention  # noqa: F401
from .dataset import CharCorruptionDataset, NameDataset  # noqa: F401
from .helper import (  # noqa: F401
    finetune,
    initialize_synthesizer_model,
    initialize_vanilla_model,
    pretrain,
    train,
)
from .model import GPT, GPTConfig  # noqa: F401
from .trainer import Trainer, TrainerConfig  # noqa: F401
from .utils import evaluate_places, sample  # noqa: F401
