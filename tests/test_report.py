"""The report: its figures, its escaping, and the page itself in a real browser."""

import json
import re
import sys
import time
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pytest
import small_world

import report
from answers.answer import read_answer
from base.errors import UserError
from page.numbers import grouped
from page.sections import PLACE_COUNTS

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

HOSTILE = [
    ("Ann <b>Lee</b>", "Paris & <i>Co</i>"), ('Bob "Q" Hill', 'New "York"'),
    ("</td></table>", "<script>alert(1)</script>"), ("O'Dyck &amp; Zoë 北", "$x$ {{ 7*7 }}"),
]  # fmt: skip


def row(i, name, answer, correct, sure, supported):
    """A row as `evaluate --report` writes it."""
    text = f"Say {name} was born in {answer}."
    source = {"line": i + 1, "sentence": text, "start": len(text) - len(answer) - 1,
              "end": len(text) - 1}  # fmt: skip
    return {
        "question": f"Where was {name} born?", "answer": answer,
        "gold": answer if correct else "Rome", "correct": correct,
        "logprob": -2.0 + sure, "logprob_per_character": -0.2, "runner_up": "Ghent & Lille",
        "runner_up_logprob": -3.0, "margin": 1.0 + sure, "first_entropy": 0.7, "agreement": 0.6,
        "confidence": sure, "calibrated": False, "name_in_corpus": True, "documents": 1 + i % 2,
        "document_line": i + 1, "answer_in_document": supported,
        "provenance": source if supported else None, "gold_in_document": True,
        "gold_documents": 1 + i, "in_finetuning_answers": i % 3 == 0,
    }  # fmt: skip


def make_rows(count=23):
    rows = [row(i, *named, True, 0.9 - i / 10, True) for i, named in enumerate(HOSTILE)]
    for i in range(len(rows), count):
        right = i % 3 == 0
        place = ("London", "Lima", "Oslo")[i % 3]
        rows.append(row(i, f"Person {i:03d}", place, right, (i * 7 % count) / count, i % 2 == 0))
    return rows


def write(folder, name="vanilla", rows=None, about=None):
    """The files of a run in `folder`: the path of its rows."""
    rows = make_rows() if rows is None else rows
    if about is None:
        rows = [r | {"calibrated": True} for r in rows]
    path = folder / f"{name}.predictions.jsonl"
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), "utf-8")
    if about is None:
        nobody = [r | {"gold": None, "correct": None, "confidence": 0.1} for r in make_rows(7)]
        about = {"variant": "vanilla", "calibration": {"questions": 200}, "invented": nobody,
                 "finetuning_answers": {"London": 5, "$5 < 6$": 2, "Oslo": 1}}  # fmt: skip
    (folder / f"{name}.predictions.run.json").write_text(json.dumps(about), "utf-8")
    return str(path)


class Texts(HTMLParser):
    """What a browser shows of a page's table cells; and the names of all elements."""

    def __init__(self):
        super().__init__()
        self.cells, self.elements, self.inside, self.links = [], set(), False, []

    def handle_starttag(self, tag, attributes):
        self.elements.add(tag)
        self.links += [v for n, v in attributes if n in ("src", "href", "xlink:href")]
        if tag == "td":
            self.inside = True
            self.cells.append("")

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "td"

    def handle_data(self, data):
        if self.inside:
            self.cells[-1] += data


def test_names_are_shown_as_they_are_and_make_no_elements(tmp_path):
    report.main([write(tmp_path), "-o", str(tmp_path / "r.html")])
    page = Texts()
    page.feed((tmp_path / "r.html").read_text("utf-8"))
    shown = " ".join(page.cells)
    for name, place in HOSTILE:
        assert name in page.cells
        assert f"{place} ✓ right" in shown and f"Say {name} was born in {place}." in shown
    assert not {"b"} & page.elements and "alert(1)" in shown and "{{ 7*7 }}" in shown


def test_nothing_is_fetched_and_the_size_holds(tmp_path):
    output = tmp_path / "r.html"
    report.main([write(tmp_path, rows=make_rows(500)), "-o", str(output)])
    page = Texts()
    page.feed(output.read_text("utf-8"))
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttpRequest", output.read_text("utf-8"))
    assert output.stat().st_size < 2_000_000


def test_charts_are_well_formed_and_ids_do_not_clash(tmp_path):
    files = [write(tmp_path), write(tmp_path, "other", make_rows(17))]
    report.main([*files, "-o", str(tmp_path / "r")])
    drawn = re.findall(r"<svg.*?</svg>", (tmp_path / "r").read_text("utf-8"), re.S)
    assert len(drawn) == 2 * (4 + 5)
    seen = {}
    for svg in drawn:
        ElementTree.fromstring(svg)
        assert "#010203" not in svg and "currentColor" in svg
        for name in set(re.findall(r'\bid="([^"]+)"', svg)):
            assert seen.setdefault(name, svg) == svg, f"{name} stands for two things"


def test_the_figures_by_hand(tmp_path):
    rows = [
        row(0, "A B", "London", True, 0.9, True), row(1, "C D", "Lima", False, 0.8, False),
        row(2, "E F", "Oslo", True, 0.7, True), row(3, "G H", "Bern", False, 0.3, True),
    ]  # fmt: skip
    about = {"calibration": None, "invented": [row(9, "I J", "Rome", False, 0.8, False)]}
    report.main([write(tmp_path, rows=rows, about=about), "--numbers", str(tmp_path / "n.json")])
    (found,) = json.loads((tmp_path / "n.json").read_text())
    assert found["right"] == 2 and found["accuracy"] == 0.5 and found["london"] == 0.25
    assert found["mentioned"] == 0.75 and found["calibrated"] is False
    assert found["auroc"] == pytest.approx(3 / 4)  # 0.9 > both; 0.7 > 0.3 and < 0.8
    assert found["accuracy_of_surer_half"] == 0.5
    assert found["brier"] == pytest.approx((0.01 + 0.64 + 0.09 + 0.09) / 4)
    assert found["calibration_error"] == pytest.approx((0.1 + 0.8 + 0.3 + 0.3) / 4)
    assert found["invented"]["auroc_right_against_invented"] == pytest.approx(1 / 2)
    assert not (tmp_path / "report.html").exists()


def test_numbers_hold_no_name_and_no_place(tmp_path):
    report.main([write(tmp_path), "--numbers", str(tmp_path / "n.json")])
    text = (tmp_path / "n.json").read_text("utf-8")
    for word in ("Person", "London" + '"', "Oslo", "Lee", "Say"):
        assert word not in text


def test_groups_count_every_question_once():
    rows = make_rows(41)
    rows[0]["gold_documents"] = 0
    answers = [read_answer(each, "row") for each in rows]
    groups = grouped(answers, lambda each: each.evidence.gold_documents, PLACE_COUNTS)
    assert [g["label"] for g in groups] == ["0", "2–3", "4–10", "11–30", "> 30"]
    assert [g["count"] for g in groups] == [1, 2, 7, 20, 11]
    assert sum(g["right"] for g in groups) == sum(r["correct"] for r in rows)


@pytest.mark.parametrize("known", ["nothing", "no places", "all right", "one row"])
def test_pages_of_poor_data(tmp_path, known):
    rows = make_rows(11)
    if known == "no places":
        rows = [r | {"gold": None, "correct": None} for r in rows]
    if known == "all right":
        rows = [r | {"correct": True} for r in rows]
    if known == "one row":
        rows = rows[:1]
    path = write(tmp_path, rows=rows, about={})
    if known == "nothing":
        (tmp_path / "vanilla.predictions.run.json").unlink()
    report.main([path, "-o", str(tmp_path / "r.html"), "--numbers", str(tmp_path / "n.json")])
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "uncalibrated" in page and "nan" not in (tmp_path / "n.json").read_text()
    assert ("nothing is judged" in page) == (known == "no places")


def test_rows_tell_themselves_whether_they_are_calibrated(tmp_path):
    path = write(tmp_path)
    (tmp_path / "vanilla.predictions.run.json").unlink()
    report.main([path, "-o", str(tmp_path / "r.html"), "--numbers", str(tmp_path / "n.json")])
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "Confidence: calibrated." in page and "uncalibrated" not in page
    assert json.loads((tmp_path / "n.json").read_text())[0]["calibrated"] is True


def test_a_recall_is_shown_and_whose_it_is(tmp_path):
    rows = [row(0, "Ann", "Rome", True, 0.5, True) | {"recall_logprob": -3.125}]
    for before in ("before.params", None):
        about = {"calibration": None, "pretrained_params": before}
        report.main([write(tmp_path, rows=rows, about=about), "-o", str(tmp_path / "r.html")])
        page = (tmp_path / "r.html").read_text("utf-8")
        assert "recall log p -3.12" in page
        assert ("that of the params before finetuning" in page) == (before is not None)


def with_model(folder, known):
    """The rows of a run by the small world's model, made by `evaluate --report`."""
    small_world.evaluate(known, out=folder / "own.predictions")
    return str(folder / "own.predictions.jsonl")


def test_a_question_can_be_looked_at_from_inside(browser, known, tmp_path):
    rows = [with_model(tmp_path, known), write(tmp_path)]
    output = tmp_path / "r.html"
    with pytest.raises(UserError, match="does not say which params"):
        report.main([*rows, "-o", str(output), "--inside"])
    report.main([rows[0], "-o", str(output), "--inside"])
    browser.get(output.as_uri())
    for name in ("Ed <Fox>", "Bob Hill"):
        button = browser.execute_script(
            "const looks = [...document.querySelectorAll('.look')];"
            "return looks.find((button) => button.dataset.name === arguments[0])",
            name,
        )
        button.send_keys("\ue007")  # Enter
        browser.switch_to.frame(0)
        wait = "document.body.dataset.ready === arguments[0]"
        for _ in range(100):
            if browser.execute_script(f"return {wait}", name):
                break
            time.sleep(0.1)
        asked = "return [document.getElementById('name').value, VIEWS[0].answer.textContent]"
        answers = [read_answer(json.loads(line), "row") for line in open(rows[0], encoding="utf-8")]
        (wanted,) = {a.answer for a in answers if a.question == f"Where was {name} born?"}
        assert browser.execute_script(asked) == [name, wanted]
        browser.switch_to.default_content()
        browser.execute_script("document.querySelector('dialog button').click()")
        assert not browser.execute_script("return document.querySelector('dialog').open")
    assert browser.get_log("browser") == []


def test_a_model_that_is_gone_or_another_is_not_shown(known, tmp_path):
    rows, output = with_model(tmp_path, known), tmp_path / "r.html"
    path = rows.replace(".jsonl", ".run.json")
    about = json.loads(open(path, encoding="utf-8").read())
    trained = about["trained"] | {"params": "0" * 64}
    for change, words in (
        ({"params": str(tmp_path / "no.params")}, "no.params is not there; start the command in"),
        ({"trained": trained}, "not the model that gave the answers"),
    ):
        (tmp_path / "own.predictions.run.json").write_text(json.dumps(about | change), "utf-8")
        with pytest.raises(UserError, match=words):
            report.main([rows, "-o", str(output), "--inside"])
    with pytest.raises(UserError, match="--inside is for the page"):
        report.main([rows, "--numbers", str(tmp_path / "n.json"), "--inside"])
    assert not output.exists()


NO_ROWS = ["{", "[1]", '{"question": "q"}', "7", '"question answer gold correct"', "null"]
CHANGES = [{"confidence": None}, {"confidence": float("nan")}, {"confidence": 1.5}, {"gold": 3}]
CHANGES += [{"correct": "yes"}, {"logprob": "-1"}, {"answer": None}, {"answer_in_document": None}]
NO_ROWS += [json.dumps(make_rows(1)[0] | change) for change in CHANGES]


@pytest.mark.parametrize("line", NO_ROWS)
def test_a_line_that_is_no_row_is_named(tmp_path, line):
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(make_rows(1)[0]) + "\n" + line + "\n")
    with pytest.raises(UserError, match="row 2.*evaluate --report"):
        report.main([str(path), "-o", str(tmp_path / "r.html")])
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize("field, value", [
    ("documents", "2"), ("documents", -1), ("gold_documents", 1.5), ("margin", "x"),
    ("margin", 1e999),
    ("runner_up", 3), ("agreement", 2), ("recall_logprob", []), ("calibrated", "no"),
    ("provenance", "line 3"), ("provenance", {"line": 1}), ("in_finetuning_answers", 1),
    ("answer", "\ud800"), ("logprob", 700.0), ("document_line", True),
    ("provenance", {"line": 1, "sentence": "Rome", "start": 2, "end": 9}),
])  # fmt: skip
def test_the_row_and_the_field_are_named(tmp_path, field, value):
    path = tmp_path / "x.jsonl"
    good = make_rows(1)[0]
    path.write_text("\n".join(json.dumps(each) for each in (good, good | {field: value})))
    with pytest.raises(UserError, match=f"x.jsonl, row 2: {field}.*again"):
        report.main([str(path), "-o", str(tmp_path / "r.html")])


@pytest.mark.parametrize("about, words", [
    ([], "not a JSON object"), (3, "not a JSON object"),
    ({"invented": [{"answer": "x"}]}, "invented person 1: has no "),
    ({"invented": {"a": 1}}, "invented cannot be"),
    ({"calibration": {"bias": 0}}, "calibration: has no number of questions"),
    ({"finetuning_answers": ["Rome"]}, "finetuning_answers cannot be"),
    ({"finetuning_answers": {"Rome": "1"}}, "the count of 'Rome' cannot be"),
    ({"variant": 7}, "variant cannot be 7"), ({"trained": [1]}, "trained cannot be"),
])  # fmt: skip
def test_facts_that_are_none_are_named(tmp_path, about, words):
    path = write(tmp_path, about=about)
    with pytest.raises(UserError, match=rf"run\.json.*{words}.*again"):
        report.main([path, "-o", str(tmp_path / "r.html")])


def test_the_best_run_is_first_and_marked(tmp_path):
    worse = [each | {"correct": False, "gold": "Rome"} for each in make_rows(9)]
    unknown = [each | {"correct": None, "gold": None} for each in make_rows(9)]
    files = [write(tmp_path, "a", unknown), write(tmp_path, "b", worse), write(tmp_path, "c")]
    report.main([*files, "-o", str(tmp_path / "r.html")])
    page = Texts()
    page.feed((tmp_path / "r.html").read_text("utf-8"))
    firsts = [cell for cell in page.cells if cell.split(" ")[0] in ("a", "b", "c")][:3]
    assert [cell.split() for cell in firsts] == [
        ["c", "vanilla", "best"], ["b", "vanilla"], ["a", "vanilla"],
    ]  # fmt: skip


def test_where_nothing_is_right_the_figures_are_dashes(tmp_path):
    rows = [each | {"correct": False, "gold": "Rome"} for each in make_rows(9)]
    path = write(tmp_path, rows=rows)
    report.main([path, "-o", str(tmp_path / "r.html"), "--numbers", str(tmp_path / "n.json")])
    (found,) = json.loads((tmp_path / "n.json").read_text())
    for name in ("calibration_error", "brier", "auroc", "auroc_low"):
        assert found[name] is None and found["of_plain_probability"][name] is None
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "No answer is right, so" in page and "0.000" not in page.split("<h3>Every question")[0]


def test_when_and_from_what_the_report_is_made(tmp_path):
    about = {
        "date": "2031-02-03 04:05 UTC", "commit": "abc1234", "corpus": "some/wiki.txt",
        "questions": "some/dev.tsv", "params": "x.params",
        "trained": {"steps": 300, "of_steps": 700, "epochs": 12.5, "recipe": "course",
                    "function": "finetune", "seed": 0, "commit": "def5678"},
    }  # fmt: skip
    report.main([write(tmp_path, about=about), "-o", str(tmp_path / "r.html")])
    page = re.sub("<[^>]*>", " ", (tmp_path / "r.html").read_text("utf-8"))
    shown = " ".join(page.split())
    for words in ("2031-02-03 04:05 UTC", "abc1234", "some/wiki.txt", "some/dev.tsv", "x.params",
                  "300 steps of 700 (12.5 epochs)", "finetune course", "seed 0", "def5678"):
        assert words in shown


def test_outputs_are_no_inputs_and_not_one_file(tmp_path):
    path = write(tmp_path)
    before = open(path, encoding="utf-8").read()
    for words in (["-o", path], ["--numbers", path], ["-o", path.replace(".jsonl", ".run.json")]):
        with pytest.raises(UserError, match="give the output another name"):
            report.main([path, *words])
    with pytest.raises(UserError, match="give each a name of its own"):
        report.main([path, "-o", str(tmp_path / "r"), "--numbers", str(tmp_path / "r")])
    assert open(path, encoding="utf-8").read() == before


@pytest.mark.parametrize("package", ["matplotlib", "jinja2"])
def test_a_missing_package_is_one_sentence(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=f"{package}; pip install -r requirements-dev.txt"):
        report.main([write(tmp_path), "-o", str(tmp_path / "r.html")])
    assert not (tmp_path / "r.html").exists()


# -- in a browser -------------------------------------------------------------------------------



@pytest.fixture(scope="module")
def page_path(tmp_path_factory):
    """A page of two runs on the disk."""
    folder = tmp_path_factory.mktemp("page")
    none_right = [each | {"correct": False, "gold": "Rome"} for each in make_rows(11)]
    files = [write(folder, "other", none_right), write(folder)]
    report.main([*files, "-o", str(folder / "report.html")])
    return folder / "report.html"


@pytest.fixture
def opened(browser, page_path):
    """The browser with the page open from disk; its log is empty at the end."""
    browser.get(page_path.as_uri())
    yield browser
    assert browser.get_log("browser") == []


VISIBLE = """return [...document.querySelectorAll(arguments[0] + " .answers tbody tr")]
    .filter(row => row.offsetParent !== null).map(row => [...row.cells].map(c => c.innerText))"""


def visible(browser, run="#run-1"):
    return browser.execute_script(VISIBLE, run)


def click(browser, text, run="#run-1"):
    script = """[...document.querySelectorAll(arguments[0] + " button")]
        .filter(button => button.textContent === arguments[1]).at(-1).click()"""
    browser.execute_script(script, run, text)


def test_search_and_filters(opened):
    assert len(visible(opened)) == 23
    field = opened.find_element("css selector", "#run-1 input")
    field.send_keys("person 01")
    assert [cells[0] for cells in visible(opened)] == [f"Person {i:03d}" for i in range(10, 20)]
    assert opened.find_element("css selector", "#run-1 output").text == "10 of 23"
    field.clear()
    field.send_keys("<B>lee")
    assert [cells[0] for cells in visible(opened)] == ["Ann <b>Lee</b>"]
    field.clear()
    field.send_keys(" ")
    rows = make_rows()
    click(opened, "wrong")
    assert len(visible(opened)) == sum(not r["correct"] for r in rows)
    click(opened, "not mentioned")
    expected = [r for r in rows if not r["correct"] and not r["answer_in_document"]]
    assert len(visible(opened)) == len(expected) > 0
    click(opened, "right")
    click(opened, "mentioned in the document")
    expected = [r for r in rows if r["correct"] and r["answer_in_document"]]
    assert len(visible(opened)) == len(expected) > 0
    assert len(visible(opened, "#run-2")) == 11, "the other run is left alone"


def test_sorting_by_number_and_by_name(opened):
    rows = make_rows()
    click(opened, "confidence")
    shown = [float(cells[3].split()[0]) for cells in visible(opened)]
    assert shown == sorted((round(100 * r["confidence"], 1) for r in rows), reverse=True)
    click(opened, "confidence")
    assert [float(cells[3].split()[0]) for cells in visible(opened)] == shown[::-1]
    click(opened, "right place")
    golds = [cells[2] for cells in visible(opened) if cells[2][0].isalpha()]
    assert golds == sorted(golds, key=str.casefold) and golds.index("London") < golds.index("Rome")
    click(opened, "right place")
    assert [cells[2] for cells in visible(opened)][0] == "Rome"
    state = "return document.querySelector('#run-1 th[aria-sort]').innerText"
    assert "right place" in opened.execute_script(state)


def channels(color):
    return [int(float(value)) for value in re.findall(r"[\d.]+", color)[:3]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_it_fits_the_width_and_is_readable(opened, width, scheme):
    feature = {"name": "prefers-color-scheme", "value": scheme}
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    wide = "return [document.documentElement.scrollWidth, innerWidth]"
    needed, given = opened.execute_script(wide)
    assert needed <= given == width
    outside = """return [...document.querySelectorAll("td, th, figure, input, button, h1, svg")]
        .filter(e => e.offsetParent || e.tagName === "svg")
        .filter(e => { const box = e.getBoundingClientRect();
                       return box.width && (box.left < -1 || box.right > innerWidth + 1) })
        .map(e => e.outerHTML.slice(0, 80))"""
    assert opened.execute_script(outside) == []
    colors = "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
    ink, paper = (sum(channels(color)) for color in opened.execute_script(colors))
    assert (ink < paper - 400) if scheme == "light" else (ink > paper + 400)
    chart = """return getComputedStyle(document.querySelector("svg text")).fill"""
    assert sum(channels(opened.execute_script(chart))) == ink, "the charts follow the page"


def test_the_place_is_marked_in_its_sentence(opened):
    marks = "return [...document.querySelectorAll('#run-1 mark')].map(m => m.textContent)"
    expected = [r["answer"] for r in make_rows() if r["provenance"]]
    assert opened.execute_script(marks) == expected
