"""labs/microscope: prompts, patching between people, edits of a fact; on twelve people."""

import json

import pytest
import torch
from conftest import ROOT, run_script
from small_world import LEARNT

import explore
import labs.microscope.__main__ as microscope
import run as run_py
from activations import run_with_cache, run_with_patches
from answers import decode, predict
from base.errors import UserError
from dataset import CharCorruptionDataset
from labs.microscope import edit, patching, rome, study
from labs.microscope.facts import (
    FORMS,
    Fact,
    answered,
    contexts_of,
    knows,
    place_logprob,
    prompt_of,
    rows_of,
)
from params import load_model


@pytest.fixture(scope="module")
def world(known):
    dataset = CharCorruptionDataset((known / "wiki.txt").read_text(encoding="utf-8"), 128)
    model = load_model(str(known / "known.params"), dataset)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    facts = [Fact(*person) for person in LEARNT]
    rows = [torch.stack([dataset[i][0] for i in range(len(dataset))])]
    return study.World(model, facts, dataset.stoi, rows)


def test_a_row_is_the_prompt_the_place_and_its_end(world):
    rows = rows_of([Fact("Ann Lee", "Paris"), Fact("Bob Hill", "Rome")], "question", world.stoi)
    letters = {i: c for c, i in world.stoi.items()}
    text = ["".join(letters[i] for i in row) for row in rows.x.tolist()]
    assert text == ["Where was Ann Lee born?⁇Paris⁇", "Where was Bob Hill born?⁇Rome⁇"]
    following = zip(rows.y, rows.asked, strict=True)
    asked = ["".join(letters[int(c)] for c in y[on]) for y, on in following]
    assert asked == ["Paris⁇", "Rome⁇"]
    assert [text[0][rows.last[0]], text[1][rows.last[1]]] == ["e", "l"]


def test_the_last_mention_of_a_name_is_meant():
    text, last = prompt_of("was born in", "Ann Lee")
    assert text[: last + 1] == "Ann Lee. Ann Lee"


def test_what_is_known_is_what_the_ordinary_answers_say(world, known):
    dataset = CharCorruptionDataset((known / "wiki.txt").read_text(encoding="utf-8"), 128)
    others = [Fact(f.name, "Oslo") for f in world.facts]
    questions = [f"Where was {f.name} born?" for f in world.facts]
    for facts in (world.facts, others):
        answers = predict.predict(world.model, dataset, questions)
        wanted = [a == f.place for a, f in zip(answers, facts, strict=True)]
        assert knows(world.model, facts, "question", world.stoi).tolist() == wanted


def test_a_places_log_probability_is_that_of_its_characters_and_its_end(world):
    rows = rows_of(world.facts, "question", world.stoi)
    logprobs = place_logprob(world.model(rows.x)[0], rows).tolist()
    prompts = [[world.stoi[c] for c in prompt_of("question", f.name)[0]] for f in world.facts]
    texts = [[world.stoi[c] for c in f.place + "⁇"] for f in world.facts]
    assert logprobs == pytest.approx(decode.score(world.model, prompts, texts), abs=1e-4)


def test_a_whole_stream_hands_the_person_over_and_nothing_hands_nothing_over(world):
    pairs = patching.pairs_of(world.facts, 5)
    assert pairs and all(len(a.name) == len(b.name) and a.place != b.place for a, b in pairs)
    results = patching.patch(world.model, pairs, world.stoi)
    last = len(world.model.blocks) - 1
    assert set(results) == {(layer, part, place) for layer in range(last + 1)
                            for part in patching.PARTS for place in patching.PLACES}  # fmt: skip
    # after the last layer nobody reads the name any more
    handed, shares = results[last, "stream", "name"]
    assert handed == [False] * len(pairs) and shares == pytest.approx([0.0] * len(pairs), abs=1e-5)
    # the whole name's stream before anything is mixed is the other person
    givers = rows_of([b for _, b in pairs], "question", world.stoi)
    receivers = rows_of([Fact(a.name, b.place) for a, b in pairs], "question", world.stoi)
    whole = patching.positions(receivers, [a.name for a, _ in pairs])
    _, cache = run_with_cache(world.model, givers.x, ["drop"])
    swap = patching.swapping(cache["drop"], whole["name"] | whole["last letter"])
    logits = run_with_patches(world.model, receivers.x, {"drop": swap})
    torch.testing.assert_close(logits, world.model(givers.x)[0])


def test_patched_positions_are_those_of_the_words(world):
    fact = Fact("Gus Ray", "Lima")
    rows = rows_of([fact], "question", world.stoi)
    where = patching.positions(rows, [fact.name])
    text = prompt_of("question", fact.name)[0]
    said = {place: "".join(c for c, on in zip(text, mask[0], strict=False) if on)
            for place, mask in where.items()}  # fmt: skip
    assert said == {"name": "Gus Ra", "last letter": "y", "after the name": " born?", "mask": "⁇"}


def test_contexts_are_windows_of_other_peoples_documents_without_their_names():
    documents = ["Ann Lee. Ann Lee (1950 in Rome) was a painter of ships and of harbours .",
                 "Bo Hill. Bo, of Hill, was born in Bern .", "Cy Roe. Nothing is known .",
                 "Di Poe. Born in Lima, she went to sea .", "Ed Fox. Born in Oslo ."]  # fmt: skip
    facts = [Fact("Ann Lee", "Rome"), Fact("Bo Hill", "Bern"), Fact("Cy Roe", "Bonn"),
             Fact("Di Poe", "Lima")]  # fmt: skip
    wanted = {"{name}. {name} (1950 in ⁇) was a painter of ships⁇",
              "{name}. Born in ⁇, she went to sea .⁇"}  # fmt: skip
    assert set(contexts_of(documents, facts, 5, "Ann Lee", 99)) == wanted
    short = contexts_of(documents, facts, 5, "Ann Lee", 40)
    assert short == ["{name}. Born in ⁇, she went to sea .⁇"]
    assert len(contexts_of(documents, facts, 1, "Ann Lee", 99)) == 1


# -- edits ----------------------------------------------------------------------------------------


def test_the_update_gives_the_keys_their_values_and_moves_others_least():
    """Against Lagrange's solution in float64: no other change that does so costs less on C."""
    generator = torch.Generator().manual_seed(7)
    W, b = torch.randn(3, 7, generator=generator).double(), torch.randn(3, generator=generator)
    A = torch.randn(11, 7, generator=generator).double()
    C = A.mT @ A / 11
    K, V = (torch.randn(*size, generator=generator) for size in ((2, 7), (2, 3)))
    D = rome.update(W, b, C, rome.Targets(K, V))
    K, V = K.double().mT, V.double().mT
    torch.testing.assert_close((W + D) @ K + b[:, None].double(), V)
    null = torch.eye(7).double() - K @ torch.linalg.pinv(K)  # what changes nothing at K
    for _ in range(5):
        other = D + torch.randn(3, 7, generator=generator).double() @ null
        assert torch.trace(other @ C @ other.mT) > torch.trace(D @ C @ D.mT)


def test_what_holds_an_update_is_weighed_against_its_keys():
    """More keys than the matrix is wide: the gradient of the weighed sum is 0 at the update."""
    generator = torch.Generator().manual_seed(13)
    W, b = torch.randn(3, 5, generator=generator).double(), torch.randn(3, generator=generator)
    A = torch.randn(11, 5, generator=generator).double()
    M = A.mT @ A / 11
    targets = rome.Targets(*(torch.randn(*s, generator=generator) for s in ((9, 5), (9, 3))))
    D = rome.update(W, b, M, targets, hold=7.0).requires_grad_(True)
    K, V = targets.keys.double().mT, targets.values.double().mT
    errors = (W + D) @ K + b[:, None].double() - V
    (slope,) = torch.autograd.grad(errors.square().sum() + 7 * torch.trace(D @ M @ D.mT), [D])
    torch.testing.assert_close(slope, torch.zeros_like(slope), rtol=0, atol=1e-9)


def test_one_key_gives_the_formula_of_the_paper():
    generator = torch.Generator().manual_seed(11)
    W, k, v = (torch.randn(*s, generator=generator).double() for s in ((3, 5), (5,), (3,)))
    A = torch.randn(13, 5, generator=generator).double()
    C = A.mT @ A
    u = torch.linalg.inv(C) @ k
    wanted = torch.outer(v - W @ k, u) / (u @ k)
    D = rome.update(W, torch.zeros(3), C, rome.Targets(k[None], v[None]))
    torch.testing.assert_close(D, wanted)


def test_the_moment_is_half_of_documents_and_half_of_questions(world):
    """Against a sum over all positions, one by one, without the ridge's share."""
    others = world.facts[:3]
    rows = rows_of(others, "question", world.stoi).x
    halves = []
    for x in (world.rows[0], rows):
        _, cache = run_with_cache(world.model, x, ["blocks.1.mlp.1"])
        keys = cache["blocks.1.mlp.1"][x != 0].double()
        halves.append(sum(torch.outer(key, key) for key in keys) / len(keys))
    wanted = (halves[0] + halves[1]) / 2
    wanted += rome.RIDGE * wanted.diagonal().mean() * torch.eye(len(wanted))
    moment = rome.moment_of(world.model, 1, world.rows, others, world.stoi)
    torch.testing.assert_close(moment.double(), wanted, rtol=1e-4, atol=1e-7)


def test_an_edit_moves_towards_the_new_place_and_is_undone(world):
    """Six letters of context are not a fact's only home in so small a model, so that the place need
    not become the answer; but it becomes likelier."""
    edits = [Fact("Ann Lee", "Oslo"), Fact("Gus Ray", "Bern")]
    before = {name: value.clone() for name, value in world.model.state_dict().items()}
    how = rome.How(("question",), search=rome.Search(steps=60))
    targets, moment = study.prepared(world, 0, edits, how)
    rows = rows_of(edits, "question", world.stoi)
    old = place_logprob(world.model(rows.x)[0], rows)
    with rome.Edited(world.model, 0, moment, rome.joined(targets)):
        keys = rome.Ending(world.model, 0, rows_of(edits, "question", world.stoi)).keys
        matrix = rome.output_matrix(world.model, 0)
        wanted = torch.cat([target.values for target in targets])
        torch.testing.assert_close(matrix(keys), wanted, rtol=0, atol=1e-3)
        assert (place_logprob(world.model(rows.x)[0], rows) > old).all()
    outcomes = list(study.edit_singly(world, 0, edits, targets, moment))
    assert [len(o.specificity) for o in outcomes] == [len(LEARNT) - 1] * 2
    counts = list(study.run_counts(world, edits, rome.How(), 0, [1, 2]))
    assert [(n, len(o.efficacy)) for n, _, o in counts] == [(1, 1), (2, 2)]
    assert all(o.losses[0] > 0 for *_, o in counts)
    for name, value in world.model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_of_several_contexts_the_mean_key_gets_one_value_that_answers_in_all(world):
    fact, contexts = Fact("Gus Ray", "Bern"), ("question", "{name}. ⁇")
    how = rome.How((), contexts, rome.Search(steps=60))
    (targets,) = rome.targets_of(world.model, 1, [fact], world.stoi, how)
    rows = [rows_of([fact], form, world.stoi) for form in contexts]
    keys = [rome.Ending(world.model, 1, one).keys for one in rows]
    torch.testing.assert_close(targets.keys, (keys[0] + keys[1]) / 2)
    olds = [world.model.blocks[1].mlp[2](each) for each in keys]
    change = targets.values - (olds[0] + olds[1]) / 2
    for one in rows:
        at = one.answers
        stream = run_with_cache(world.model, one.x, ["blocks.1"])[1]["blocks.1"]
        moved = stream.index_put(at, stream[at] + change)
        assert answered(rome.logits_above(world.model, 1, moved), one).all()


def test_the_end_of_rows_is_computed_as_in_the_whole_pass(world):
    """People with equally long names and places of several lengths, at the first layer of two."""
    facts = [Fact(name, place) for name, place in (("Gus Ray", "Rome"), ("Ann Lee", "Lisbon"))]
    rows = rows_of(facts, "question", world.stoi)
    at, ending = rows.answers, rome.Ending(world.model, 0, rows)
    change = torch.randn(len(at[0]), world.model.config.n_embd)
    stream = run_with_cache(world.model, rows.x, ["blocks.0"])[1]["blocks.0"]
    wanted = rome.logits_above(world.model, 0, stream.index_put(at, stream[at] + change))
    logits = ending.logits(change)
    assert logits.shape[1] < wanted.shape[1]
    torch.testing.assert_close(logits, wanted[:, -logits.shape[1] :], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(place_logprob(logits, ending.rows), place_logprob(wanted, rows))


def test_what_was_measured_is_not_measured_again(tmp_path):
    path, made = tmp_path / "layer-1.json", []
    outcome = study.Outcome([True], {"born in": [False]}, [True, False], [], [1.5])

    def make():
        made.append(1)
        return iter([outcome])

    assert study.kept(path, {"edits": [["Ann Lee", "Rome"]]}, make) == [outcome]
    assert study.kept(path, {"edits": [["Ann Lee", "Rome"]]}, make) == [outcome]
    assert len(made) == 1
    with pytest.raises(UserError, match="made with other settings"):
        study.kept(path, {"edits": [["Ann Lee", "Oslo"]]}, make)


def test_training_the_matrix_is_undone_too(world):
    before = world.model.blocks[1].mlp[2].weight.clone()
    (outcome,) = study.tune_singly(world, 1, [Fact("Ann Lee", "Rome")])
    assert len(outcome.efficacy) == 1 and set(outcome.generalisation) == set(FORMS) - {"question"}
    assert torch.equal(world.model.blocks[1].mlp[2].weight, before)


def test_namesakes_share_a_first_or_last_name():
    facts = [Fact(name, "X") for name in ("Ann Lee", "Ann B. Poe", "Jo Lee", "Lee Ann", "Bo Roe")]
    assert [f.name for f in study.namesakes(facts, "Ann Lee")] == ["Ann B. Poe", "Jo Lee"]


def test_new_places_are_never_the_old_ones(world):
    for old, new in zip(world.facts, study.new_places(world.facts), strict=True):
        assert old.name == new.name and old.place != new.place


def test_answered_needs_every_character_and_the_end(world):
    rows = rows_of([Fact("Ann Lee", "Paris")], "question", world.stoi)
    logits = torch.nn.functional.one_hot(rows.y, len(world.stoi)).float()
    assert answered(logits, rows).all()
    t = int(rows.asked[0].nonzero()[-1])  # the end
    logits[0, t] = logits[0, t].roll(1)
    assert not answered(logits, rows).any()


# -- the commands ------------------------------------------------------------------------------


def test_an_edit_writes_params_that_evaluate_and_the_page_read(known, tmp_path):
    paths = ("--params", known / "known.params", "--corpus", known / "wiki.txt")
    run = run_script("labs/microscope/edit.py", "Ann Lee", "Oslo", "--layer", 2, *paths,
                     cwd=tmp_path)  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "Ann Lee: Paris before, Oslo now" in run.stdout
    params = tmp_path / "edited.params"
    (tmp_path / "q.tsv").write_text("Where was Ann Lee born?\tOslo\n", encoding="utf-8")
    asked = ("--eval_corpus_path", tmp_path / "q.tsv", "--outputs_path", tmp_path / "out")
    run_py.main([*map(str, ("evaluate", "vanilla", known / "wiki.txt", "--reading_params_path",
                            params, *asked))])  # fmt: skip
    assert (tmp_path / "out").read_text(encoding="utf-8") == "Oslo\n"
    assert len(explore.page_of([str(known / "known.params"), str(params)], str(known / "wiki.txt")))
    both = (known / "known.params", params)
    before, after = (torch.load(path, weights_only=True) for path in both)
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert changed == ["blocks.1.mlp.2.weight"]
    about = json.loads((tmp_path / "edited.params.json").read_text(encoding="utf-8"))
    assert about["edits"] == [{"name": "Ann Lee", "place": "Oslo", "layer": 2}]


def test_what_cannot_be_edited_is_one_sentence(known, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = ["--params", str(known / "known.params"), "--layer", "2"]
    own, other = str(known / "wiki.txt"), str(ROOT / "data" / "model" / "wiki.txt")
    for args, corpus, words in (
        (["Nobody Here", "Oslo"], own, "nobody of this name has a document in the corpus$"),
        (["ann lee", "Oslo"], own, r"has a document in the corpus; did you mean Ann Lee\?"),
        (["Ann Lee", "Zürich"], own, "the character 'Z' is not in the corpus"),
        (["Ann Lee", " "], own, "the new place is empty"),
        (["Ann Lee", "Oslo", "--layer", "7"], own, "has layers 1 to 2"),
        (["Ann Lee", "Oslo" * 30], own, "too long"),
        (["Ann Lee", "Oslo"], other, "another corpus"),
    ):
        with pytest.raises(UserError, match=words):
            edit.main([*paths, "--corpus", corpus, *args])
        assert not list(tmp_path.iterdir())


def test_the_lab_refuses_what_it_cannot_measure(known, tmp_path):
    paths = ["--params", str(known / "known.params"), "--corpus", str(known / "wiki.txt")]
    for args, words in (
        (["many", "--layer", "5", "--questions", str(known / "train.tsv")], "has layers 1 to 2"),
        (["where", "--people", "0"], "0 is not a whole number from 1"),
        (["edit", "--questions", str(tmp_path / "no.tsv")], "no.tsv"),
        (["edit", "--forms", "sung"], "there is no 'sung'"),
    ):
        with pytest.raises(UserError, match=words):
            microscope.main([*args, *paths, "--out", str(tmp_path / "o")])
        assert not (tmp_path / "o").exists()


def test_the_three_parts_write_their_tables(known, tmp_path):
    pytest.importorskip("matplotlib")
    paths = ("--params", str(known / "known.params"), "--corpus", str(known / "wiki.txt"))
    paths += ("--questions", str(known / "train.tsv"), "--out", str(tmp_path), "--people", "2")
    paths += ("--counts", "1", "2")
    wanted = {"where": 2 * 3 * 4, "edit": 1 + 2 * 2 + 1, "many": 1 + 2}
    for part, rows in wanted.items():
        microscope.main([part, *paths, "--layer", "2"])
        assert len(json.loads((tmp_path / f"{part}.json").read_text("utf-8"))) == rows
        assert (tmp_path / f"{part}.md").read_text("utf-8").count("\n") == rows + 2
        assert (tmp_path / f"{part}.png").stat().st_size > 5000
    losses = [row["loss"] for row in json.loads((tmp_path / "edit.json").read_text("utf-8"))]
    assert all(float(loss) > 0 for loss in losses)

