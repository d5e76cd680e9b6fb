# `make run` measures CartPole's intrinsic dimension; `make test` runs the tests on every core.
# Both make the virtual environment and install into it when that is missing.

PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed

.PHONY: run test slow check docs clean

run: $(STAMP)
	$(VENV)/bin/rlid run cartpole --dmax 20

test: $(STAMP)
	$(VENV)/bin/pytest -q -n auto

slow: $(STAMP)
	$(VENV)/bin/pytest -q -m slow

check: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/check-jsonschema -q --builtin-schema vendor.github-actions action.yml
	$(VENV)/bin/check-jsonschema -q --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(VENV)/bin/check-jsonschema -q --builtin-schema vendor.citation-file-format CITATION.cff
	$(VENV)/bin/check-jsonschema -q --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/*.yml

# The site of the documentation, in site/; a warning is an error.
docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict

TORCH_INDEX := https://download.pytorch.org/whl/cpu
HASHED := $(VENV)/bin/pip install -q --require-hashes --no-deps

# torch comes first and alone: asked for by another package it may come as a build for GPUs.
# `make LOCKED=1 test` takes packages with the hashes of locks/ alone (CPython 3.11, Linux, x86-64).
$(STAMP): pyproject.toml constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
ifdef LOCKED
	$(HASHED) --index-url $(TORCH_INDEX) -r locks/torch.txt
	$(HASHED) -r locks/check.txt
	$(HASHED) -r locks/docs.txt
	$(VENV)/bin/pip install -q --no-deps --no-build-isolation -e .
else
	$(VENV)/bin/pip install -q -c constraints.txt torch
	$(VENV)/bin/pip install -q -c constraints.txt -e '.[dev,docs]'
endif
	touch $(STAMP)

clean:
	rm -rf $(VENV) build dist site *.egg-info
