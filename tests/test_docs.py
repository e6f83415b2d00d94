"""README, docs and results: complete, current, and without a broken link."""

import re

import make_variants
import pytest
from conftest import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "results" / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    for link in links:
        if not link.startswith(("http", "#")):
            assert (page.parent / link.split("#")[0]).exists(), link


def test_readme_fits_on_a_page():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) < 1000


def test_readme_has_every_room_and_file_of_src():
    tree = (ROOT / "README.md").read_text(encoding="utf-8").split("## The house")[1]
    names = [path.name + "/" * path.is_dir() for path in (ROOT / "src").iterdir()]
    missing = [name for name in names if "__pycache__" not in name and name not in tree]
    assert missing == []


def test_every_result_is_in_the_index_newest_first():
    index = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[(\d{4}-\d\d-\d\d-[\w-]+)\]", index, re.MULTILINE)
    folders = {path.name for path in (ROOT / "results").iterdir() if path.is_dir()}
    assert set(listed) == folders and len(listed) == len(set(listed))
    days = [name[:10] for name in listed]
    assert days == sorted(days, reverse=True)


def test_variants_page_is_current():
    page = (ROOT / "docs" / "variants.md").read_text(encoding="utf-8")
    assert page == make_variants.page(), "run python docs/make_variants.py"
