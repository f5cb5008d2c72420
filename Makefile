# `make demo` and `make test` set up everything they need; a second run does no set-up over again.

PYTHON ?= python3
VENV := .venv
LOWEST := .venv-lowest
BIN := $(VENV)/bin
NATIVE := $(shell find kernels -type f) CMakeLists.txt pyproject.toml
# A worker for each core, up to eight: beyond that, starting them takes longer than they save.
PARALLEL := -n logical --maxprocesses 8 --dist loadgroup
# What a version of a package can break. Spark, browsers, emulation and UMAP are too slow for it, each version of matplotlib
# draws a little differently, and Schemathesis enters an application twice where Starlette is old.
QUICK := -m "not needs" $(addprefix --ignore tests/,spark kernels web/end_to_end web/test_serving.py \
	web/api/test_openapi.py plots/test_images.py end_to_end/test_documents.py) \
	--deselect tests/plots/test_map.py::test_umap_keeps_neighbours_together

.PHONY: demo test test-lowest coverage fuzz mutants lint types docs bench clean

demo: $(VENV)/installed
	$(BIN)/matinee demo --output out

test: $(VENV)/tested
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_OPTIONS)

# With the lowest versions that pyproject.toml declares, whose own warnings are no fault of ours.
test-lowest: $(LOWEST)/tested
	$(LOWEST)/bin/python -m pytest $(PARALLEL) $(QUICK) -o filterwarnings=default --disable-warnings $(PYTEST_OPTIONS)

coverage: $(VENV)/tested
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report term --cov-report html $(PYTEST_OPTIONS)
	@echo "build/coverage/index.html"

# Strange files and requests for so many seconds; what they break is kept in build/fuzz.
SECONDS ?= 60
fuzz: $(VENV)/tested
	$(BIN)/python -m tests.fuzz.fuzz $(SECONDS)

# So many faults put into a copy of the code, one at a time, and those of the kernels; a few hours, run by hand.
COUNT ?= 300
mutants: $(VENV)/tested
	$(BIN)/python -m tests.mutants.mutants --count $(COUNT) --seed $(or $(SEED),0); \
	python=$$?; $(BIN)/python -m tests.mutants.mutants --kernels && exit $$python

lint: $(VENV)/linted
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: $(VENV)/linted
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/mypy.ini

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

# The group names the extras of Matinee, which is installed: pip does not look for it anywhere else.
$(VENV)/tested: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group test
	touch $@

$(LOWEST)/tested: $(VENV)/created $(NATIVE)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/python -m uv venv --quiet --clear --python $(BIN)/python $(LOWEST)
	$(BIN)/python -m uv pip install --quiet --python $(LOWEST)/bin/python \
		--resolution lowest-direct --requirements pyproject.toml --all-extras --group test --editable .
	touch $@

$(VENV)/linted: $(VENV)/tested
	$(BIN)/python -m pip install --quiet --group lint
	touch $@

$(VENV)/documented: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group docs
	touch $@

clean:
	rm -rf $(VENV) $(LOWEST) build out docs/_build
