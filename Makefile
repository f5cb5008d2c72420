# `make demo` and `make test` set up everything they need; a second run does no set-up over again.

PYTHON ?= python3
VENV := .venv
LOWEST := .venv-lowest
BIN := $(VENV)/bin
NATIVE := $(shell find kernels -type f) CMakeLists.txt pyproject.toml
# A worker for each core, up to eight: beyond that, starting them takes longer than they save.
PARALLEL := -n logical --maxprocesses 8 --dist loadgroup
# What a version of a package can break. Spark, browsers, emulation and UMAP are too slow for it, each version of matplotlib
# draws a little differently, Schemathesis enters an application twice where Starlette is old, a long chain calls what a short
# one does, and what tests the tests uses no other package.
QUICK := -m "not needs" -k "not plain_sampler" $(addprefix --ignore tests/,spark kernels mutants web/end_to_end \
	web/test_serving.py web/api/test_openapi.py plots/test_images.py end_to_end/test_documents.py test_components.py) \
	--deselect tests/plots/test_map.py::test_umap_keeps_neighbours_together

# Threads of BLAS that outnumber the cores use several times as much of them as one thread does, waiting for each other.
test test-lowest coverage sanitize clang mutants: export OPENBLAS_NUM_THREADS := 1

.PHONY: demo test test-lowest coverage sanitize races clang fuzz mutants lint types docs dist lock bench clean

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

# The kernels as a preset of CMakePresets.json builds them. Python is not built for sanitizers: their library is loaded first,
# and what Python itself never frees is no finding. Left out: what compiles kernels of its own, a limit of address space, of
# which AddressSanitizer takes terabytes, what it keeps itself of freed memory, and long fits that call the kernels as shorter
# ones do.
SANITIZED := tests/kernels tests/solving tests/models tests/files -k "not plain_sampler" \
	--deselect tests/kernels/test_kept_memory.py::test_what_is_kept_does_not_grow \
	$(addprefix --ignore tests/,kernels/test_constants.py models/bayes/test_features.py) $(addprefix --deselect tests/models/,\
	test_als.py::test_more_threads_than_the_system_gives_still_fit \
	test_implicit.py::test_all_solvers_end_within_half_a_percent_of_one_objective \
	test_momentum.py::test_the_objective_never_rises_where_momentum_overshoots)
LIBRARY = $(shell g++ -print-file-name=$(1))
sanitize: .venv-sanitize/built
	LD_PRELOAD="$(call LIBRARY,libasan.so) $(call LIBRARY,libstdc++.so)" \
	ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 MATINEE_EXTREME_ROWS=160 \
		.venv-sanitize/bin/python -m pytest $(PARALLEL) $(SANITIZED) $(PYTEST_OPTIONS)

races: .venv-races/built
	LD_PRELOAD="$(call LIBRARY,libtsan.so) $(call LIBRARY,libstdc++.so)" OPENBLAS_NUM_THREADS=1 \
		.venv-races/bin/python tests/kernels/races.py

clang: .venv-clang/built
	.venv-clang/bin/python -m pytest $(PARALLEL) tests/kernels tests/solving $(PYTEST_OPTIONS)

# Strange files and requests for so many seconds, from a seed or from the time; what they break is kept in build/fuzz.
SECONDS ?= 120
fuzz: $(VENV)/tested
	$(BIN)/python -m tests.fuzz.fuzz $(SECONDS) $(if $(SEED),--seed $(SEED))

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

# What an index would get, and whether a user without a compiler could install it.
dist: .venv-release/installed
	scripts/build-dist .venv-release/bin/python
	scripts/check-dist .venv-release/bin/python
	scripts/try-wheel $(PYTHON) dist/*.whl

# The newest versions that go together, on every system and Python, of all that developers install.
lock: $(VENV)/created
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/python -m uv export --quiet --upgrade --all-extras --all-groups --no-emit-project --no-hashes --no-annotate \
		--output-file requirements-dev.txt >/dev/null

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

# It takes its libraries from $(VENV), and its Matinee from a build of its own: a path in a path file leads to no path file.
.venv-%/built: $(VENV)/tested $(NATIVE) CMakePresets.json
	$(BIN)/python -m venv --without-pip $(@D)
	site='import sysconfig; print(sysconfig.get_path("purelib"))'; \
		$(BIN)/python -c "$$site" >"$$($(@D)/bin/python -c "$$site")/libraries.pth"
	$(BIN)/python -m pip --python $(@D)/bin/python install --quiet --no-deps --editable . -C build-dir=build/$* \
		-C cmake.args=--preset=$* -C cmake.build-type=$(if $(filter debug,$*),Debug,RelWithDebInfo)
	touch $@

# Not among the libraries of $(VENV), which Matinee is tested with.
.venv-release/installed: pyproject.toml
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --upgrade pip
	$(@D)/bin/python -m pip install --quiet --group release
	touch $@

$(VENV)/linted: $(VENV)/tested
	$(BIN)/python -m pip install --quiet --group lint
	touch $@

$(VENV)/documented: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group docs
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-* build dist out docs/_build
