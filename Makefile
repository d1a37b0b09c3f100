# Few verbs. Each sets up .venv in this folder first, from the hashed locks; nothing outside the folder is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
.PHONY: help run test test-long check bench lock servers clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

run: $(VENV)/.run ## set up and play the demonstration; stays up until Ctrl-C
	$(BIN)/meterwatch demo

test: $(VENV)/.dev ## set up and run the tests (under two minutes; absent servers are skipped with a reason)
	$(BIN)/pytest -n auto --dist loadgroup -m "not long"

test-long: $(VENV)/.dev ## run the full counts (up to 20 minutes; needs mosquitto and influxd, see tests/servers/get)
	$(BIN)/pytest -n auto --dist loadgroup -m long

check: $(VENV)/.dev ## lint, types, floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## measure ratios side by side and print the table
	$(BIN)/python -m bench

servers: ## install or build the servers the tests talk to (mosquitto, influxd)
	tests/servers/get

lock: ## write the hashed locks anew (needs uv)
	uv pip compile pyproject.toml --group build --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header -o locks/run.txt
	uv pip compile pyproject.toml --group build --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header -c locks/run.txt -o locks/dev.txt

clean: ## remove the environment and everything generated
	rm -rf $(VENV) meterwatch-demo .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.run: locks/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "meterwatch needs Python 3.11 or later; name one: make run PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: locks/dev.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/dev.txt
	@touch $@
