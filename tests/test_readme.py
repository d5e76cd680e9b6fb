"""README and the tutorials name paths that exist, and plug-ins that work as they are written."""

import re
import tomllib

from documents import DOCUMENTS, ROOT, blocks, text_of

PATH = re.compile(r"`((?:rlid|envs|agents|results|tests|docs)/[a-z_/-]*(?:\.\w+)?)`")
TUTORIALS = [name for name in DOCUMENTS if name.startswith("docs/tutorials/")]


def test_every_path_that_a_document_names_exists():
    named = {
        (document, path)
        for document in DOCUMENTS
        if document not in ("CHANGELOG.md", "docs/architecture.md")
        for path in PATH.findall(text_of(document))
    }
    assert len(named) > 20
    for document, path in named:
        assert (ROOT / path).exists(), f"{document}: {path}"


def test_the_tutorials_have_a_task_an_agent_and_a_project_that_names_both():
    files = {block.file: block.text for name in TUTORIALS for block in blocks(name) if block.file}
    assert {"my_task.py", "my_agent.py", "my_environment.py", "pyproject.toml"} <= set(files)
    project = tomllib.loads(files["pyproject.toml"])
    for group in ("rlid.tasks", "rlid.agents"):
        for target in project["project"]["entry-points"][group].values():
            module, _, name = target.partition(":")
            assert re.search(rf"^(def|class) {name}\b", files[f"{module}.py"], re.M), target


def test_the_readme_has_two_commands_and_one_picture():
    text = text_of("README.md")
    assert len(re.findall(r"!\[", text)) == 1
    assert {"make run", "make test"} <= {
        line.partition("  #")[0].strip() for block in blocks("README.md") for line in block.lines
    }
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M)
    assert {"run", "test", "docs"} <= set(targets)
