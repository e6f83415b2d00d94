"""labs/common: families of runs, intervals."""

import json
from dataclasses import dataclass

import pytest

from base.errors import UserError
from base.locks import file_lock
from labs.common import family, intervals

MODULE = """
from dataclasses import dataclass

@dataclass
class Settings:
    number: int

def run(settings):
    print("at work")
    if settings.number < 0:
        raise ValueError("below zero")
    return {"square": settings.number ** 2}
"""


@dataclass
class Settings:
    number: int


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A lab of one file, where other processes find it."""
    (tmp_path / "squares_lab.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "squares_lab"


def test_runs_write_results_and_are_not_repeated(module, tmp_path, capsys):
    out = tmp_path / "out"
    wanted = {f"run{n}": Settings(n) for n in (3, 5)}
    assert family.run_all(module, wanted, out, jobs=2) == []
    assert [row["square"] for row in family.results(out)] == [9, 25]
    assert (out / "run3" / "log.txt").read_text(encoding="utf-8") == "at work\n"
    before = (out / "run3" / "result.json").stat().st_mtime_ns
    assert family.run_all(module, wanted | {"run7": Settings(7)}, out, jobs=1) == []
    assert (out / "run3" / "result.json").stat().st_mtime_ns == before
    assert "2 of 3 runs are there" in capsys.readouterr().out
    with pytest.raises(UserError, match="made with number 3, not 4; give another --out"):
        family.run_all(module, {"run3": Settings(4), "run8": Settings(8)}, out, jobs=1)
    assert not (out / "run8").exists()


def test_a_run_that_fails_is_named_and_has_no_result(module, tmp_path):
    failed = family.run_all(module, {"bad": Settings(-1), "good": Settings(2)}, tmp_path, jobs=1)
    assert failed == ["bad"] and not (tmp_path / "bad" / "result.json").exists()
    assert "below zero" in (tmp_path / "bad" / "log.txt").read_text(encoding="utf-8")
    with pytest.raises(UserError, match="bad: failed; read log.txt"):
        family.refuse_failed(failed, tmp_path)


def test_a_run_that_another_process_makes_is_left_to_it(module, tmp_path, capsys):
    (tmp_path / "run3").mkdir()
    with file_lock(str(tmp_path / "run3" / "run")):
        assert family.run_all(module, {"run3": Settings(3)}, tmp_path, jobs=1) == []
    assert "run3: another process is at it" in capsys.readouterr().out
    assert not (tmp_path / "run3" / "result.json").exists()


def test_a_run_that_wants_its_folder_gets_it(module, tmp_path):
    text = MODULE.replace("run(settings)", "run(settings, folder)")
    text = text.replace('print("at work")', '(folder / "kept").touch()')
    (tmp_path / "squares_lab.py").write_text(text, encoding="utf-8")
    assert family.run_all(module, {"run3": Settings(3)}, tmp_path / "out", jobs=1) == []
    assert (tmp_path / "out" / "run3" / "kept").exists()


def test_nothing_to_rank_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="no results in it; run the study first"):
        family.results(tmp_path)
    with pytest.raises(UserError, match="--jobs 0"):
        family.run_all("m", {}, tmp_path, jobs=0)


def test_settings_are_compared_as_json_has_them(tmp_path):
    (tmp_path / "result.json").write_text("{}", encoding="utf-8")
    (tmp_path / "settings.json").write_text(json.dumps({"sizes": [2, 3]}), encoding="utf-8")
    assert family.exists(tmp_path, {"sizes": (2, 3)})


def test_intervals():
    low, high = intervals.t_interval([0.1, 0.2, 0.3])  # mean 0.2, s = 0.1, t(2) = 4.303
    assert (low, high) == pytest.approx((0.2 - 4.303 * 0.1 / 3**0.5, 0.2 + 4.303 * 0.1 / 3**0.5))
    for freedom, expected in ((11, 2.201), (20, 2.086), (60, 2.000)):
        assert intervals.t_975(freedom) == pytest.approx(expected, abs=3e-3)
    assert intervals.share([5], [10]) == pytest.approx((0.5, 0.2366, 0.7634), abs=1e-4)
    assert intervals.share([1, 2, 3], [10, 10, 10])[1:] == pytest.approx((low, high))
