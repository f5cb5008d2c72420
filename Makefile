# `make demo` and `make test` set up everything they need; a second run does no set-up over again.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NATIVE := $(shell find kernels -type f) CMakeLists.txt pyproject.toml

.PHONY: demo test lint types docs bench clean

demo: $(VENV)/installed
	$(BIN)/matinee demo --output out

test: $(VENV)/tested
	$(BIN)/python -m pytest $(PYTEST_OPTIONS)

lint: $(VENV)/linted
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: $(VENV)/linted
	$(BIN)/mypy

# A warning or a cell of a notebook that fails is an error.
docs: $(VENV)/documented
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -d docs/_build/pages docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench: $(VENV)/tested
	$(BIN)/python benchmarks/explicit.py

$(VENV)/created:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	touch $@

# Editable: the Python sources are used where they stand, and only a change of the kernels builds again.
$(VENV)/installed: $(VENV)/created $(NATIVE)
	$(BIN)/python -m pip install --quiet --editable ".[plots]"
	touch $@

$(VENV)/tested: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group test
	touch $@

$(VENV)/linted: $(VENV)/tested
	$(BIN)/python -m pip install --quiet --group lint
	touch $@

$(VENV)/documented: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group docs
	touch $@

clean:
	rm -rf $(VENV) build out docs/_build
