"""Hooks of mkdocs: adds the generated pages to the site, and follows links out of `docs/`.

In the sources a link to a file elsewhere in the repository is relative, as in
`../results/cartpole/grid.svg`, so that it also works where the repository is browsed. In the site
such a file is copied into `repository/`, and a document of DOCUMENTS becomes a page.
"""

from __future__ import annotations

import json
import posixpath
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))
import generated_pages  # noqa: E402 (mkdocs loads this file by its path)

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
    "results/README.md": "results.md",
    "results/calibration.md": "calibration.md",
}
"""Documents outside `docs/` by their path, and the pages that stand for them in the site."""
COPIED = ("changelog.md", "contributing.md", "calibration.md")
"""Pages whose text is that of the document."""
COPIES = "repository/"
"""The folder of the site with the files outside `docs/` that pages link to."""
LINK = re.compile(r"(?<=\]\()([^)\s:#]+)(#[^)\s]*)?(?=\))")


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages, the copied documents, and the files that pages link to."""
    texts = generated_pages.pages()
    sources = {uri: path for path, uri in DOCUMENTS.items() if uri in COPIED}
    texts |= {uri: (ROOT / path).read_text() for uri, path in sources.items()}
    for name, schema in generated_pages.schemas().items():
        texts[f"schemas/{name}.json"] = json.dumps(schema, indent=2)
    for uri, text in texts.items():
        files.append(File.generated(config, uri, content=text))
    unread = list(files.documentation_pages())
    while unread:
        page = unread.pop()
        for path in outside(page.content_string, _source(page.src_uri)):
            if files.get_file_from_path(COPIES + path) is None:
                copy = File.generated(config, COPIES + path, abs_src_path=str(ROOT / path))
                files.append(copy)
                # A copied document has links of its own.
                unread += [copy] if copy.is_documentation_page() else []
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return the page's text with its links out of `docs/` replaced."""
    uri = page.file.src_uri
    return rewritten(markdown, _source(uri), uri)


def _source(uri: str) -> str:
    """Return the path in the repository of the document that a page is made from."""
    if uri.startswith(COPIES):
        return uri.removeprefix(COPIES)
    by_uri = {page: path for path, page in DOCUMENTS.items() if page in COPIED}
    return by_uri.get(uri, f"docs/{uri}")


def outside(markdown: str, source: str) -> Iterator[str]:
    """Yield the paths of files outside `docs/` that a document links to and that are no pages."""
    for target, _ in LINK.findall(markdown):
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if not path.startswith("docs/") and path not in DOCUMENTS and (ROOT / path).is_file():
            yield path


def rewritten(markdown: str, source: str, uri: str) -> str:
    """Return a document's text with its links as the page `uri` needs them.

    Args:
        markdown: the text.
        source: the document's path in the repository.
        uri: the page's path in the site.
    """

    def replaced(match: re.Match[str]) -> str:
        target, anchor = match[1], match[2] or ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if path.startswith("docs/"):
            inside = path.removeprefix("docs/")
        elif path in DOCUMENTS:
            inside = DOCUMENTS[path]
        elif (ROOT / path).is_file():
            inside = COPIES + path
        else:
            return match[0]
        return posixpath.relpath(inside, posixpath.dirname(uri) or ".") + anchor

    return LINK.sub(replaced, markdown)
