"""The site of the documentation: built without a warning, its links all lead somewhere."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

pytest.importorskip("mkdocs")
pytest.importorskip("mkdocstrings")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT, capture_output=True, text=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def test_every_link_of_the_site_leads_to_a_file_and_an_anchor_of_it(site):
    pages = {path: path.read_text() for path in site.rglob("*.html") if path.name != "404.html"}
    anchors = {path: set(re.findall(r'\bid="([^"]+)"', text)) for path, text in pages.items()}
    checked = 0
    for page, text in pages.items():
        for target in re.findall(r'\b(?:href|src)="([^"]+)"', text):
            if target.startswith(("https:", "http:", "data:", "mailto:", "javascript:")):
                continue
            path, _, anchor = target.partition("#")
            file = (page.parent / unquote(path)).resolve() if path else page
            file = file / "index.html" if file.is_dir() else file
            assert file.is_file(), f"{page.relative_to(site)}: {target}"
            if anchor and file in anchors and not anchor.startswith("__"):
                assert anchor in anchors[file], f"{page.relative_to(site)}: {target}"
            checked += 1
    assert checked > 1000


def test_the_site_has_the_generated_pages_and_the_schemas(site):
    assert 'id="rlid-run"' in (site / "reference/command-line.html").read_text()
    assert "rlid.wrapping.module.wrap" in (site / "reference/python.html").read_text()
    assert "0.2.0" in (site / "changelog.html").read_text()
    schema = json.loads((site / "schemas/trial-record.json").read_text())
    assert "status" in schema["required"]
    assert (site / "repository/results/cartpole/grid.svg").is_file()
