"""labs/pretrained/clip: pictures and captions made here, a tiny CLIP, no network."""

import os
import random

import pytest
import torch

from base.errors import UserError
from labs.pretrained import clip

os.environ["HF_HUB_OFFLINE"] = "1"
pytest.importorskip("transformers", reason="no transformers: pip install -r requirements-labs.txt")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny CLIP after three steps."""
    path = tmp_path_factory.mktemp("clip")
    clip.train(path, steps=3, batch=7)
    return path


def pictures(n: int):
    which = clip.combinations()[::7][:n]
    return which, [clip.draw(one, random.Random(i)) for i, one in enumerate(which)]


def test_combinations_are_split_without_overlap():
    seen, unseen = clip.held_out()
    assert len(seen) == 256 and len(unseen) == 64 and not set(seen) & set(unseen)
    for part in range(5):  # every word of a held-out caption was seen in training
        assert {one[part] for one in unseen} <= {one[part] for one in seen}


def test_pictures_show_what_the_caption_says():
    for colour, ink in clip.COLOURS.items():
        small, big = (
            clip.draw(("one", size, colour, "circle", "left"), random.Random(3)).astype(int)
            for size in clip.SIZES
        )
        inked = [abs(picture - ink).max(2) <= 15 for picture in (small, big)]
        assert 0 < inked[0].sum() < inked[1].sum()
        assert inked[1][:, :16].sum() > 0.9 * inked[1].sum()
    top = clip.draw(("two", "big", "red", "square", "top"), random.Random(4)).astype(int)
    red = abs(top - clip.COLOURS["red"]).max(2) <= 15
    assert red[:16].sum() > 0.9 * red.sum()
    assert not red[:, 16].any()  # two of them, with a gap between


def test_cosines_do_not_depend_on_the_neighbours(folder):
    tokenizer, model = clip.load(str(folder / "model"))
    which, drawn = pictures(5)
    captions = [clip.phrase(one) for one in which[:3]] + ["a picture of " + clip.phrase(which[3])]
    table = clip.cosines(model, tokenizer, captions, clip.pixels(drawn))
    assert table.shape == (4, 5) and table.abs().max() <= 1 + 1e-5
    alone = clip.cosines(model, tokenizer, captions[:1], clip.pixels(drawn[2:3]))
    assert torch.allclose(alone[0, 0], table[0, 2], atol=1e-5)


def test_rank_share_and_margin():
    table = torch.tensor([[0.5, 0.2, 0.4], [0.1, 0.2, 0.4]])
    first, second = clip.judge(table, 0, 10.0)
    assert (first["rank"], second["rank"]) == (1, 3)
    assert first["margin"] == pytest.approx(0.1) and second["margin"] == pytest.approx(-0.3)
    assert first["share"] == pytest.approx(float((10 * table[0]).softmax(0)[0]))


def test_the_search_lists_the_best_caption_first(folder):
    tokenizer, model = clip.load(str(folder / "model"))
    which, drawn = pictures(5)
    words = [clip.phrase(one) for one in which]
    found = clip.search(model, tokenizer, clip.pixels(drawn), 2, words)
    assert len(found) == 5 * len(clip.TEMPLATES)
    order = [(one["rank"], -one["margin"]) for one in found]
    assert order == sorted(order)
    table = clip.cosines(model, tokenizer, [found[0]["caption"]], clip.pixels(drawn))
    assert int(table.argsort(descending=True)[0].tolist().index(2)) + 1 == found[0]["rank"]


def test_zero_shot_shares_sum_to_one(folder):
    tokenizer, model = clip.load(str(folder / "model"))
    shares = clip.zero_shot(model, tokenizer, clip.pixels(pictures(5)[1]), list(clip.COLOURS))
    assert shares.shape == (5, 5) and torch.allclose(shares.sum(1), torch.ones(5))


def test_the_page_shows_every_picture_and_escapes_captions(folder):
    drawn = pictures(3)[1]
    text = clip.page(drawn, ["a <b> c"], torch.tensor([[0.1, 0.9, -0.2]]))
    assert text.count("data:image/png") == 3 and "a &lt;b&gt; c" in text
    assert text.count("outline") == 1


def test_a_folder_that_is_no_clip_or_has_no_pictures_is_refused(tmp_path, folder):
    with pytest.raises(UserError, match="cannot be loaded as a CLIP"):
        clip.load(str(tmp_path))
    with pytest.raises(UserError, match="no .png or .jpg"):
        clip.read_pictures(tmp_path, None)


@pytest.mark.slow
def test_captions_find_pictures_of_combinations_never_trained_on(tmp_path):
    found = clip.train(tmp_path, steps=250)["held_out"]
    assert found["n"] == 64 and found["caption_to_picture"] >= 0.8  # chance: 1 / 64
