# Everything stays in .venv/ in this checkout. `make help` lists what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PAGES := gateway/web/pages/node_modules
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.DEFAULT_GOAL := help
.PHONY: run test check prove bench screens format lock help servers

run: $(VENV)/.run $(PAGES)/.run ## set everything up and serve on http://127.0.0.1:8080
	@exec $(BIN)/jiesu serve

# Tests wait for processes most of the time: three workers keep two cores busy. In the order of their
# names long files are not all at the end, as those with few tests are in xdist's own order.
test: $(VENV)/.dev $(PAGES)/.dev servers ## run the tests (under 15 minutes)
	$(BIN)/python -m pytest -q -m "not prove" -n 3 --dist loadfile --no-loadscope-reorder

check: $(VENV)/.dev ## lint, types, imports, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/docs tests/test_architecture.py -m "not prove"

prove: $(VENV)/.dev servers ## the long ones: nothing lost over every backend, migration under load
	$(BIN)/python -m pytest -q -s -m prove

bench: $(VENV)/.dev ## measure speed and memory beside the floors of the same run
	$(BIN)/jiesu bench

screens: $(VENV)/.dev $(PAGES)/.dev servers ## take every page, narrow and wide, light and dark, into var/screens
	$(BIN)/python -m tests.browser.screens

format: $(VENV)/.dev ## put the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## pin all dependencies anew (needs uv)
	uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --extra postgres --extra s3 --extra media -o requirements.lock
	uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url \
	  --extra postgres --extra s3 --extra media --extra speech --extra train --extra otel --extra dev -o requirements-dev.lock

servers: ## what the tests need beside Python: PostgreSQL, Redis, Chromium, a font, from Debian's packages
	@.ci/servers

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python requirements.lock pyproject.toml
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps -e .
	@touch $@

# torch is not locked: which build fits is the machine's to choose (docs/triage.md).
$(VENV)/.dev: $(VENV)/bin/python requirements-dev.lock pyproject.toml
	$(PIP) install --require-hashes -r requirements-dev.lock
	$(PIP) install torch==2.13.0
	$(PIP) install --no-deps -e .
	@touch $@ $(VENV)/.run

# What the pages are made with; the tests need axe beside it.
$(PAGES)/.run: gateway/web/pages/package-lock.json | $(VENV)/bin/python
	@.ci/pages --omit=dev
	@touch $@

$(PAGES)/.dev: gateway/web/pages/package-lock.json | $(VENV)/bin/python
	@.ci/pages
	@touch $@ $(PAGES)/.run
