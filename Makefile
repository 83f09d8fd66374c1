# `make demo` and `make test` do their own set-up on a fresh machine; see scripts/setup.
.PHONY: demo test test-editors test-trainers test-cluster lint bench setup clean

SHELL := /bin/bash
BIN := .venv/bin

demo:
	@scripts/setup demo
	@demo/run

test: lint
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest -q --ignore=tests/e2e

# In real editors: Emacs, Neovim, and VS Code in a browser. The first time takes ten minutes more, to install them.
test-editors:
	@scripts/setup test
	@scripts/editors >/dev/null
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest -q tests/e2e

# The trainers' own libraries, in environments of their own: 2.5 GB.
test-trainers:
	@scripts/test_trainers

# The parts that need Ray, in an environment of their own; `make test` skips them.
test-cluster:
	@python=$$(scripts/cluster_venv) && PATH="$$(dirname $$python):$$PATH" PYTHONPATH="$(CURDIR)" $$python -m pytest -q tests/ces/cluster

lint:
	@scripts/setup test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m aid.codegen --check

bench:
	@scripts/setup test
	@export PATH="$(CURDIR)/$(BIN):$$PATH"; for script in bench/[!_]*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
