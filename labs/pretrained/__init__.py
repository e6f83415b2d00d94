"""Pretrained checkpoints of `transformers`, finetuned: reviews, verbal arithmetic, CLIP."""
