"""The page that holds a model: its arithmetic and its answers, in a real browser, against Python's.

`half(model)` is the model with its weights rounded to 16 bits, as the page holds them.
"""

import copy
import json
import shutil

import pytest
import small_world
import torch
from conftest import ROOT, run_script
from small_world import PEOPLE, other_params, question

import explore
from activations import run_with_cache
from answers import confidence, evidence, predict
from answers.provenance import Corpus
from attention import VARIANTS
from base.errors import UserError
from base.questions import person
from dataset import CharCorruptionDataset
from model import GPT, GPTConfig
from page.explorer import SHARED, Shown, check_variant, described, page
from page.explorer import tensors as tensors_of
from params import describe, load_model, save_params, vocabulary_hash

IDX = [2, 3, 5, 7, 11, 2, 2, 13, 1]
SIZES = {"n_layer": 2, "n_head": 3, "n_embd": 30, "block_size": 13}


def half(model):
    rounded = copy.deepcopy(model)
    for parameter in rounded.parameters():
        parameter.data = parameter.data.half().float()
    return rounded.eval()


def wild(variant, positions=None):
    """A small model whose random weights are far from zero, so that every part of it matters."""
    torch.manual_seed(7)
    model = GPT(GPTConfig(17, variant=variant, positions=positions, **SIZES))
    for parameter in model.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return model.eval()


def shown(model):
    return described(Shown("a", model, {}, [0.0, 0.5, 0.5], False), [0, 1], 32)


@pytest.fixture
def opened(browser, tmp_path):
    """Open a page that holds these models of the small vocabulary, or this HTML."""

    def open_page(*models, html=None):
        data = {"models": [shown(model) for model in models]}
        data |= {"vocabulary": list("□⁇abcdefghijklmno"), "reserved": [], "mask": 1}
        data |= {"recall": ". ", "documents": [], "names": [], "invented": []}
        path = tmp_path / "page.html"
        path.write_text(html or page(data), encoding="utf-8")
        browser.get(path.as_uri())
        return browser

    yield open_page
    assert browser.get_log("browser") == []


READ = """
const model = MODELS[0], traces = model.readAll(model.start(), arguments[0]);
return traces.map(({logits, residuals, weights}) => ({logits: Array.from(logits),
  residuals: residuals.map((x) => Array.from(x)), weights: weights[0].map((x) => Array.from(x))}));
"""
CASES = [(variant, None) for variant in SHARED]
CASES += [("vanilla", name) for name in ("sinusoidal", "alibi", "none")]
CASES += [("synthesizer", "alibi")]


@pytest.mark.parametrize("variant, positions", CASES)
def test_the_browser_computes_what_python_does(opened, variant, positions):
    model = half(wild(variant, positions))
    logits, cache = run_with_cache(model, torch.tensor([IDX]))
    assert logits.std() > 1  # or there would be nothing to compare
    traces = opened(model).execute_script(READ, IDX)
    theirs = torch.tensor([trace["logits"] for trace in traces])
    torch.testing.assert_close(theirs, logits[0], rtol=0, atol=1e-4)
    streams = [cache["drop"][0], cache["blocks.0"][0], cache["blocks.1"][0]]
    for layer, stream in enumerate(streams):
        own = torch.tensor([trace["residuals"][layer] for trace in traces])
        torch.testing.assert_close(own, stream, rtol=0, atol=1e-4)


@pytest.mark.parametrize("variant", ["vanilla", "rope"])
def test_the_weights_of_attention_are_the_softmax_of_query_and_key(opened, variant):
    """Against the equation in float64, for the first layer."""
    model = half(wild(variant)).double()
    block = model.blocks[0]
    query, past = block.attn.project(block.ln1(model.embed(torch.tensor([IDX]))), 0)
    scores = query @ past[0].mT / 10**0.5
    wanted = scores.masked_fill(torch.ones(9, 9).triu(1) > 0, -torch.inf).softmax(-1)[0]
    traces = opened(model.float()).execute_script(READ, IDX)
    for t, trace in enumerate(traces):
        own = torch.tensor(trace["weights"], dtype=torch.float64)
        torch.testing.assert_close(own, wanted[:, t, : t + 1], rtol=0, atol=1e-5)


def test_the_error_function(opened):
    points = [-7, -3.1, -2.5, -1, -1e-9, 0, 0.3, 2.4999, 2.5, 4, 6]
    theirs = opened(wild("vanilla")).execute_script("return arguments[0].map(erf)", points)
    wanted = torch.erf(torch.tensor(points, dtype=torch.float64)).tolist()
    assert theirs == pytest.approx(wanted, abs=1e-11)


def test_half_precision_is_read_bit_for_bit(opened):
    """Also the smallest numbers, which have fewer digits."""
    model = wild("vanilla")
    values = torch.tensor([6e-8, -6e-8, 3e-5, 65504.0, -0.333251953125, 0.0])
    model.head.weight.data.flatten()[: len(values)] = values
    script = "return Array.from(MODELS[0].tensors['head.weight'].slice(0, 6))"
    assert opened(model).execute_script(script) == values.half().tolist()


def test_weights_too_large_for_the_page_are_refused():
    model = wild("vanilla")
    model.head.weight.data[0, 0] = 7e4
    with pytest.raises(ValueError, match="head.weight: .*65,504"):
        shown(model)


def test_every_parameter_of_a_model_is_on_the_page():
    for variant in SHARED:
        model = wild(variant)
        held = {name for name, _ in model.named_parameters()} - {"pos_emb"}
        assert held <= set(tensors_of(model))


# -- the page of a trained model ----------------------------------------------------------------


@pytest.fixture(scope="module")
def html(known, tmp_path_factory):
    """The page of the small world's model, made by the command."""
    path = tmp_path_factory.mktemp("page") / "model.html"
    run = run_script(
        "src/explore.py", known / "known.params", known / "wiki.txt", "-o", path, cwd=path.parent
    )
    assert run.returncode == 0, run.stderr
    return path.read_text(encoding="utf-8")


ASK = """
const done = arguments[arguments.length - 1];
ask(arguments[0]).then(() => done({...VIEWS[0].result, ready: document.body.dataset.ready,
  shown: VIEWS[0].answer.textContent, panel: VIEWS[0].panel.textContent,
  marks: Array.from(document.querySelectorAll("mark"), (mark) => mark.textContent),
  message: document.getElementById("message").textContent,
  meant: document.getElementById("meant").textContent}));
"""


def test_answers_and_confidence_are_those_of_the_report(opened, html, known):
    text = (known / "wiki.txt").read_text(encoding="utf-8")
    dataset = CharCorruptionDataset(text, 128)
    model = half(load_model(str(known / "known.params"), dataset))
    answers = evidence.open_answers(model, dataset, str(known / "known.params"))
    browser = opened(html=html)
    rows = answers.details([question(name) for name, _ in PEOPLE])
    for (name, _), row in zip(PEOPLE, rows, strict=True):
        theirs = browser.execute_async_script(ASK, name)
        assert (theirs["shown"], theirs["ready"]) == (row.answer, name)
        assert theirs["logprob"] == pytest.approx(row.signals.logprob, abs=1e-3)
        assert theirs["recall"] == pytest.approx(row.signals.recall_logprob, abs=1e-3)
        assert theirs["confidence"] == pytest.approx(row.confidence, abs=1e-3)
        assert theirs["runnerUp"] == row.signals.runner_up
        assert theirs["marks"] == ([row.answer] if row.evidence.answer_in_document else [])


def test_names_are_shown_as_they_are(opened, html):
    browser = opened(html=html)
    for name in ("Ed <Fox>", "Flo & Co", "Cy O'Dyck"):
        assert name in browser.execute_async_script(ASK, name)["panel"]
    assert browser.execute_script("return document.querySelectorAll('fox').length") == 0


SHIPPED = ROOT / "data" / "model"
ANSWERS = """
return arguments[0].map((name) => {
  const {text, traces} = answer(MODELS[0], characters(`Where was ${name} born?`).concat(DATA.mask));
  return [written(text), traces.map(({logits}) => Array.from(logits))];
});"""


@torch.no_grad()
def check_answers(browser, model, dataset, names):
    """Every greedy answer is Python's, and every logit on the way to 1e-3."""
    wanted = predict.predict(model, dataset, [question(name) for name in names])
    for name, place in zip(names, wanted, strict=True):
        ((text, logits),) = browser.execute_script(ANSWERS, [name])
        assert text == place
        read = [dataset.stoi[c] for c in f"{question(name)}\u2047{text}"]
        ours = model(torch.tensor([read]))[0][0, : len(logits)]
        torch.testing.assert_close(torch.tensor(logits), ours, rtol=0, atol=1e-3)
    return wanted


@pytest.mark.slow
def test_the_shipped_model_gives_its_119_answers(opened):
    model_path, corpus = SHIPPED / "model.params", SHIPPED / "wiki.txt"
    html = explore.page_of([str(model_path)], str(corpus))
    assert len(html.encode()) < 10e6
    dataset = CharCorruptionDataset(corpus.read_text(encoding="utf-8"), 128)
    rows = (SHIPPED / "birth_dev.tsv").read_text(encoding="utf-8").splitlines()
    places = dict(row.split("\t") for row in rows)
    names = [person(asked) for asked in places]
    model = half(load_model(str(model_path), dataset))
    browser = opened(html=html)
    answers = check_answers(browser, model, dataset, names)
    right = sum(a == p for a, p in zip(answers, places.values(), strict=True))
    assert (len(names), right) == (119, 114)


@pytest.mark.parametrize("variant", ["rope", "synthesizer"])
def test_trained_models_of_other_variants_give_their_answers(opened, known, tmp_path, variant):
    path = str(small_world.train(known, tmp_path / "own.params", variant))
    corpus = str(known / "wiki.txt")
    dataset = CharCorruptionDataset((known / "wiki.txt").read_text(encoding="utf-8"), 128)
    model = half(load_model(path, dataset))
    browser = opened(html=explore.page_of([path], corpus))
    answers = check_answers(browser, model, dataset, [name for name, _ in PEOPLE])
    assert sum(a == place for a, (_, place) in zip(answers, PEOPLE, strict=True)) >= 7


FOUND = """
return arguments[1].map(([name, place]) => {
  const {lines, sentence: s, line} = lookUp(arguments[0], name, place);
  return [lines[0] ?? null, line, s && s.text, s && s.start, s && s.end];
});"""
HARD = [  # names and places inside longer ones, several documents, sentences and their ends
    "Ann Lee. Ann Lee (born in New York) was a poet. She died in York. She lived.",
    "Bo Roe. Born in Chicago Illinois. Mr. Roe met J. R. Roe at St. Ives. Élan Ölten wrote.",
    "Ann Lee Poe. She was from Ann, Lima. Here is Chicago, Illinois and Stoke-on-Trent.",
    "Ann Lee. A second one, of Lima", "Ida P. Ida P. was born in Zürich City, Paris Opera.",
]
ASKED_OF_HARD = ("York", "New York", "Chicago", "Illinois", "Roe", "Ives", "Ölten", "Élan", "Lima",
                 "Trent", "Zürich", "Paris", "Ann", "Lee", "", "poet")  # fmt: skip


def test_sentences_are_those_that_python_finds(opened, html):
    """lookup.js against answers/provenance.py, on the shipped world and on hard cases."""
    rows = (SHIPPED / "birth_dev.tsv").read_text(encoding="utf-8").splitlines()
    people = [(person(q), place) for q, place in (row.split("\t") for row in rows)]
    places = sorted({place for _, place in people})[:7]
    pairs = people + [(name, place) for name, _ in people[:31] for place in places]
    hard = [(name, place) for name in ("Ann Lee", "Bo Roe", "Ida P.", "Nobody")
            for place in ASKED_OF_HARD]  # fmt: skip
    browser = opened(html=html)
    shipped = (SHIPPED / "wiki.txt").read_text(encoding="utf-8")
    for text, asked in ((shipped, pairs), ("\n".join(HARD), hard)):
        corpus = Corpus(text)
        wanted = []
        for name, place in asked:
            evidence = corpus.look_up(name, place)
            s = evidence.provenance
            found = (s.line, s.sentence, s.start, s.end) if s else (None,) * 4
            wanted.append([evidence.document_line, *found])
        assert browser.execute_script(FOUND, corpus.documents, asked) == wanted
        assert 0 < sum(w[1] is not None for w in wanted) < len(wanted)


def test_a_document_cannot_end_the_script():
    """`</script>` in a corpus would end the page's data, if it stood there as it is."""
    data = {"models": [], "documents": ["Ann. </script><b>"]}
    text = page(data)
    assert "</script><b>" not in text
    held = text.split('type="application/json">')[1].split("</script>")[0]
    assert json.loads(held) == data


def test_what_the_page_says_of_names_it_cannot_answer(opened, html):
    browser = opened(html=html)
    near = browser.execute_async_script(ASK, "ann lee")
    assert "Did you mean Ann Lee" in near["meant"]
    assert "Nobody of this name" in near["panel"]
    unread = browser.execute_async_script(ASK, "Zoë")
    assert "The character Z is not in the corpus" in unread["message"]
    long = browser.execute_async_script(ASK, "Ann" * 40)
    assert "too long" in long["message"]
    nobody = browser.execute_script("return DATA.invented[0]")
    assert "Nobody of this name" in browser.execute_async_script(ASK, nobody)["panel"]


def test_it_can_be_used_by_keyboard_and_read_aloud(opened, html):
    browser = opened(html=html)
    browser.execute_async_script(ASK, "Ann Lee")
    unnamed = browser.execute_script("""
        const named = (e) => e.textContent.trim() || e.ariaLabel || e.labels?.length;
        return Array.from(document.querySelectorAll("button, input, [tabindex]"))
          .filter((e) => !named(e)).map((e) => e.outerHTML);""")
    assert unnamed == []
    pressed = "[...document.querySelectorAll('.overview [aria-pressed=true]')].map(b => b.title)"
    assert browser.execute_script(f"return {pressed}") == []
    browser.execute_script("document.querySelector('.overview button').click()")
    assert browser.execute_script(f"return {pressed}") == ["layer 1, head 1"]
    listed = "return document.querySelector('[aria-live] li').textContent"
    assert "%" in browser.execute_script(listed)


@pytest.mark.parametrize("width", [400, 1400])
def test_nothing_is_wider_than_the_window(opened, html, width):
    browser = opened(html=html)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False},
    )
    browser.execute_async_script(ASK, "Ann Lee")
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= width


def test_two_models_and_where_they_part(opened, known, tmp_path):
    """The second is the first with random numbers added: it writes something else."""
    other, _, _ = other_params(known, tmp_path)
    path = tmp_path / "two.html"
    explore.main([str(known / "known.params"), str(known / "wiki.txt"), "--compare", other,
                  "-o", str(path)])  # fmt: skip
    browser = opened(html=path.read_text(encoding="utf-8"))
    browser.execute_async_script(ASK, "Ann Lee")
    answers = browser.execute_script("return VIEWS.map((view) => view.answer.textContent)")
    assert answers[0] == "Paris" != answers[1]
    line = browser.execute_script("return document.getElementById('parted').textContent")
    assert line.startswith("The two part at character ")
    assert browser.execute_script("return document.querySelectorAll('.parted').length") == 2


@pytest.mark.parametrize("pretrained", [False, True])
def test_the_confidence_is_calibrated_where_the_page_can_tell(known, tmp_path, pretrained, capsys):
    """A calibration by the recall of the params before finetuning is not for the page."""
    for name in ("known.params", "known.params.json"):
        shutil.copy(known / name, tmp_path)
    path = str(tmp_path / "known.params")
    fitted = dict(zip(confidence.WEIGHTS, (0.25, 0.5, 0.125), strict=True)) | {"questions": 9}
    confidence.write_calibration(fitted, path, pretrained)
    html = explore.page_of([path], str(known / "wiki.txt"))
    assert ('"confidence": [0.25, 0.5, 0.125], "calibrated": true' in html) != pretrained
    assert ("shown uncalibrated" in capsys.readouterr().out) == pretrained


def test_a_variant_that_the_page_cannot_compute_is_one_sentence(known, tmp_path):
    """Params of every other variant, with random weights."""
    dataset = CharCorruptionDataset((known / "wiki.txt").read_text(encoding="utf-8"), 128)
    others = [variant for variant in VARIANTS if variant not in SHARED]
    assert len(others) > 5
    for variant in others:
        sizes = {"n_layer": 3, "n_head": 2, "n_embd": 16}
        model = GPT(GPTConfig(dataset.vocab_size, 128, variant=variant, **sizes))
        about = describe(model.config) | {"vocabulary": vocabulary_hash(dataset)}
        save_params(model, str(tmp_path / "other.params"), about)
        with pytest.raises(UserError, match=f"other.params: .* the variant {variant}; give"):
            explore.page_of([str(tmp_path / "other.params")], str(known / "wiki.txt"))
    run = run_script("src/explore.py", tmp_path / "other.params", known / "wiki.txt", cwd=tmp_path)
    assert (run.returncode, run.stderr.count("\n")) == (2, 1), run.stderr
    assert not (tmp_path / "model.html").exists()


def test_bad_input_is_one_sentence(known, tmp_path):
    params, corpus = known / "known.params", known / "wiki.txt"
    before = corpus.read_bytes()
    for args, words in (
        ((params, corpus, "-o", corpus), "would be overwritten"),
        ((params, corpus, "-o", tmp_path / "no" / "a.html"), "no folder"),
        ((corpus, corpus), "not a params file"),
        ((params, ROOT / "data" / "wiki.txt"), "another corpus"),
    ):
        run = run_script("src/explore.py", *args, cwd=tmp_path)
        assert (run.returncode, run.stderr.count("\n")) == (2, 1), run.stderr
        assert words in run.stderr
        assert corpus.read_bytes() == before and not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="a.params: the page cannot compute the variant cosine;"):
        check_variant("cosine", "a.params")


def test_the_benchmark_counts_equal_answers(browser, known):
    """It takes the `browser` fixture to be skipped where there is none."""
    run = run_script("bench/explorer.py", known / "known.params", known / "wiki.txt",
                     known / "dev.tsv")  # fmt: skip
    assert run.returncode == 0, run.stderr
    figures = json.loads(run.stdout.splitlines()[-1])
    assert figures["questions"] == figures["equal answers"] == len(PEOPLE)
    assert figures["largest difference of a logit"] < 0.1 and figures["page MB"] < 1
