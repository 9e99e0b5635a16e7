# Touchline. `make demo` shows it, `make test` proves it; both install what they need into .venv.
PYTHON ?= python3
BIN := .venv/bin
SECONDS := 120
JOBS := 3
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url
.DEFAULT_GOAL := help

.PHONY: help demo test lint types unit slow coverage faults faults-long fuzz fuzz-live bench soak bundle lock clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else f"Touchline needs Python 3.11, 3.12 or 3.13; this is {sys.version.split()[0]}. Try: make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the pinned packages into .venv (about 250 MB once; later starts need no network)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@echo "Compiling the kernels (once, about half a minute)"
	@$(BIN)/python -m streams.predicting.warming
	@touch $@

demo: .venv/installed ## Kafka, registry, workers and a real match day, live in the terminal
	@$(BIN)/touchline demo

test: lint types unit ## every check and all tests but the slow ones, on a real broker that it starts itself

lint: .venv/installed ## ruff and the import contracts
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports

types: .venv/installed ## mypy --strict
	@$(BIN)/mypy

unit: .venv/installed ## unit, property and integration tests
	@$(BIN)/pytest -m "not slow" --numprocesses 3 --dist loadfile --no-loadscope-reorder

slow: .venv/installed ## the tests that take most of a minute or more each: kills, seasons, roll-outs
	@$(BIN)/pytest -m slow --numprocesses 3 --dist loadfile --no-loadscope-reorder

coverage: .venv/installed ## all tests with coverage, which takes half as long again
	@$(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder --cov --cov-report=term

faults: .venv/installed ## break workers, brokers, network and disk under load and count the cost (ONLY="kill zombie" ARGS=--help)
	@$(BIN)/python -m tests.faults --only "$(ONLY)" $(ARGS)

faults-long: .venv/installed ## the same at a low rate, each fault 20 times at random moments (hours; JOBS=3 at once); goes on where it ended
	@$(BIN)/python -m tests.faults --only "$(ONLY)" $(ARGS) --events 200 --first-rate 10 --rate 10 --times 20 --jobs $(JOBS) --out build/faults-long.json --resume

fuzz: .venv/installed ## look for inputs that break a promise, guided by coverage (TARGETS="codec fold" SECONDS=120)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement tests/fuzz/fuzz.lock
	@$(BIN)/python -m tests.fuzz $(TARGETS) --seconds $(SECONDS)

fuzz-live: .venv/installed ## a million records, three of ten changed at random, through a live worker
	@$(BIN)/python -m tests.fuzz.live

build/peers/installed: benchmarks/peers/peers.lock
	@$(PYTHON) -m venv build/peers
	@echo "Installing Faust, Quix Streams and Bytewax into build/peers (about 600 MB once)"
	@build/peers/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $<
	@touch $@

bench: .venv/installed build/peers/installed ## against Faust, Quix Streams and Bytewax on the same events (ARGS="--quick", ARGS=--help)
	@$(BIN)/python -m benchmarks.bench $(ARGS)

soak: .venv/installed ## half an hour at 3,000 events a second while a worker comes and goes (ARGS="--minutes 5")
	@$(BIN)/python -m benchmarks.soak $(ARGS)

bundle: .venv/installed ## train the shipped bundles anew (needs ../shared/data; same data, same models)
	@for kind in stack mean xgboost lightgbm mlp forest tree heuristic; do \
	  out=models/bundles/internationals-3; test $$kind = stack || out=$$out-$$kind; \
	  $(BIN)/touchline train --kind $$kind --version 3 --until 2022-11-19 --share 0.2 --out $$out || exit 1; \
	done

lock: ## renew the five lock files from pyproject.toml (needs uv)
	$(COMPILE) --extra dev --output-file requirements.lock pyproject.toml
	$(COMPILE) --constraint requirements.lock --extra tracing --output-file deploy/service.lock pyproject.toml
	echo hatchling | $(COMPILE) --constraint requirements.lock --output-file deploy/build.lock -
	printf '%s\n' 'atheris<3.1; python_version < "3.12"' 'atheris>=3.1; python_version >= "3.12"' | $(COMPILE) --output-file tests/fuzz/fuzz.lock -
	$(COMPILE) --output-file benchmarks/peers/peers.lock benchmarks/peers/peers.in

clean: ## remove the environment and what was built
	rm -rf .venv build dist .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis
