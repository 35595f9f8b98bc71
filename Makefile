# The doors of the repository. `make run` and `make test` need nothing but Python >= 3.11 and a package registry.
.DEFAULT_GOAL := help
.PHONY: help install run test stories bench faults lint fmt lock snapshots clean

PYTHON ?= python3
# A worker waits for its PostgreSQL a third of the time: one more than there are cores.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(8, len(os.sched_getaffinity(0)) + 1))' 2>/dev/null || echo 3)
BIN := .venv/bin
STAMP := .venv/.installed
# The embedded servers ask the platform for a runtime folder and warn when there is none.
export XDG_RUNTIME_DIR ?= /tmp
# These start hundreds of processes of the same modules: whoever keeps Python from writing down what it has compiled, as
# many images do, lets each of them compile all modules anew.
test stories faults: export PYTHONDONTWRITEBYTECODE :=

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

install: $(STAMP) ## Create the virtual environment (the other targets do it by themselves)

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

run: $(STAMP) ## Start the whole house, load the packs, tell the stories, serve on http://127.0.0.1:8000
	$(BIN)/linli up

test: $(STAMP) ## Run the tests, in parallel
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup

stories: $(STAMP) ## Tell the stories in a fresh house; STORY=name tells one
	$(BIN)/linli stories $(STORY)

bench: $(STAMP) ## Measure; BENCH=gateway, cases, events, ledger, growth, matching or proposals measures one
	$(BIN)/python -m tests.benchmarks $(BENCH)

faults: $(STAMP) ## Break things and check that nothing is lost or doubled; SHORT=1 for the short form
	$(BIN)/python -m tests.chaos $(if $(SHORT),--short)

lint: $(STAMP) ## ruff, mypy and import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(STAMP) ## Format the code
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

lock: $(STAMP) ## Resolve the dependencies anew into the two lock files
	$(BIN)/uv pip compile -q pyproject.toml --universal --generate-hashes --no-emit-index-url \
		--python-version 3.11 --no-header -o requirements.lock
	$(BIN)/uv pip compile -q pyproject.toml --extra dev -c requirements.lock --universal --generate-hashes \
		--no-emit-index-url --python-version 3.11 --no-header -o requirements-dev.lock

snapshots: $(STAMP) ## Write the OpenAPI and AsyncAPI snapshots, docs/cases.md and golden events anew, after a change that is meant
	LINLI_WRITE_SNAPSHOTS=1 $(BIN)/pytest -q tests/architecture/test_openapi.py tests/contracts tests/intake/test_case_drawing.py

clean: ## Remove everything that a command can make again
	rm -rf .venv .linli .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
