# The table of contents: `make help` lists every chore. CI calls the same targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
MANIFEST := dbt_project/target/manifest.json
DOCS_PORT ?= 8590
# PyTorch's CPU build; set it empty, or to another of PyTorch's indexes, for a machine with a GPU.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
PIP := $(BIN)/python -m pip --disable-pip-version-check
# How many tests run at a time. A worker takes whole files, and has a database server of its own.
WORKERS ?= 2
BY_FILE := --dist loadfile --no-loadscope-reorder

##@ Run
demo: setup ## Start everything, replay a plant and show what came out. ONCE=1 exits at the end; DATA=<folder> replays CSVs
	@$(BIN)/python -m orchestration demo $(if $(ONCE),--once) $(if $(DATA),--data "$(DATA)")

up: setup ## Start the platform without the demo's input, until Ctrl-C
	@$(BIN)/python -m orchestration up

doctor: setup ## Look at versions, ports, databases, clocks, disks, queues, backups: each line ok, or with what to do
	@$(BIN)/python -m orchestration doctor

as-known-at: setup ## Build the marts as known at AT=2026-03-02T10:00Z [FROM=, TO= local dates] [NAME=] beside the real ones
	@test -n "$(AT)" || { echo "millrace: say the moment: make as-known-at AT=2026-03-02T10:00Z"; exit 1; }
	@$(BIN)/python -m orchestration as-known-at "$(AT)" $(if $(FROM),--from $(FROM)) $(if $(TO),--to $(TO)) $(if $(NAME),--name $(NAME))

drop-as-known: setup ## Drop what as-known-at has built [NAME=]
	@$(BIN)/python -m orchestration drop-as-known $(if $(NAME),--name $(NAME))

docs: setup ## Build the docs of all tables and serve them on DOCS_PORT (8590); ONCE=1 only builds them
	@$(BIN)/python -m orchestration docs --port $(DOCS_PORT) $(if $(ONCE),--once)

##@ Check
test: setup ## Run every test. WORKERS=2 at a time
	@$(BIN)/python -m pytest -n $(WORKERS) $(BY_FILE) --durations 20 $(PYTEST_ARGS)

coverage: setup ## Run every test but those of the whole platform, and show the lines that none of them reaches
	@$(BIN)/python -m pytest -n $(WORKERS) $(BY_FILE) --cov --cov-report=term-missing:skip-covered tests/unit tests/integration

test-unit: setup ## Run the unit tests alone (under a minute, no database)
	@$(BIN)/python -m pytest -q tests/unit

# What it leaves out: tests of plain tables, and of single figures, whose SQL the tests of builds run on either server.
test-timescale: setup ## Run the tests of the warehouse and of what dbt builds on timescale-up's TimescaleDB
	@urls="$${MILLRACE_TEST_WAREHOUSE_URL:-$$(tests/timescale.sh up $(WORKERS))}" && test -n "$$urls" && \
		MILLRACE_TEST_WAREHOUSE_URL="$$urls" $(BIN)/python -m pytest -q -n $$(wc -w <<<"$$urls") $(BY_FILE) \
			tests/integration/warehouse tests/integration/dbt_project \
			tests/integration/orchestration/test_storage.py --ignore tests/integration/warehouse/test_embedded.py \
			--ignore tests/integration/dbt_project/test_first_builds.py --ignore tests/integration/dbt_project/test_hourly_retention.py \
			--ignore tests/integration/dbt_project/figures

timescale-up: ## Start a real TimescaleDB for the tests and print its URLs (needs Debian or Ubuntu and root; 800 MB)
	@tests/timescale.sh up $(WORKERS)

timescale-down: ## Stop it and delete its data; it stays installed
	@tests/timescale.sh down

drill: setup ## Lose a throw-away database and restore it: recovery point and time against their targets. SECONDS=180
	@$(BIN)/python -m warehouse drill --seconds $(or $(SECONDS),180)

check: setup ## Format, lint, types, import contracts, SQL lint, generated pages
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/sqlfluff lint --processes 0 dbt_project/macros dbt_project/models dbt_project/tests
	@$(BIN)/python -m orchestration.settings_reference --check

format: setup ## Format the code and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

schema-docs: setup ## Write docs/schema from the migrations: SQL, ER diagrams, DBML
	@$(BIN)/python -m warehouse.schema_docs

bench: setup ## Measure beside InfluxDB, a plain endpoint, COPY. ONLY=warehouse: that alone. MINUTES=10 watches memory longer
	@$(BIN)/python -m bench --minutes $(or $(MINUTES),1) $(if $(ONLY),--only $(ONLY))

bench-ml: setup ## Judge the models on public data: tables and figures in OUT (.millrace/bench) [ONLY=skab or rul] [MLFLOW=uri]
	@$(BIN)/python -m bench.ml $(if $(ONLY),--only $(ONLY)) $(if $(OUT),--out "$(OUT)") $(if $(MLFLOW),--mlflow "$(MLFLOW)")

bench-deps: ## Install what the benchmark needs: Debian's influxdb, redis-server and wrk (needs root)
	@command -v apt-get >/dev/null || { echo "millrace: no apt-get here; install InfluxDB 1.x, Redis and wrk yourself"; exit 1; }
	@test "$$(id -u)" = 0 || { echo "millrace: installing needs root: sudo make bench-deps"; exit 1; }
	@apt-get install -y --no-install-recommends influxdb redis-server wrk

##@ Set up
setup: $(STAMP) $(MANIFEST) ## Create .venv and install the pinned versions (done by every other target)

# Torch first and alone: a range elsewhere would pull gigabytes of CUDA. uv where it can, pip where it cannot; compiled, as
# pip does by itself: where Python may not write bytecode, each of the platform's processes would compile what it imports.
$(STAMP): constraints.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "millrace: no $(PYTHON) found; install Python 3.11 or 3.12, or say make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' \
		|| { echo "millrace: needs Python 3.11 or 3.12, $(PYTHON) is $$($(PYTHON) -V 2>&1); say make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
		|| { echo "millrace: $(PYTHON) has no venv module; on Debian or Ubuntu: apt install python3-venv"; exit 1; }
	@$(PYTHON) -c 'import shutil, sys; sys.exit(shutil.disk_usage(".").free < 4e9)' \
		|| { echo "millrace: less than 4 GB free in $$PWD; free some room and run make again"; exit 1; }
	@echo "Installing into .venv (about 2.5 GB; once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) install -q 'pip>=26' && { $(PIP) install -q uv || echo "uv is not to be had; going on with pip"; }
	@$(BIN)/python -c 'import torch; assert torch.__version__.startswith("2.13.0")' 2>/dev/null \
		|| $(PIP) install -q --no-deps $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) torch==2.13.0
	@$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python -r constraints.txt 2>/dev/null || $(PIP) install -q -r constraints.txt
	@$(BIN)/python -c 'import torch' 2>/dev/null || $(PIP) install -q torch==2.13.0
	@PYTHONWARNINGS=ignore $(PIP) install -q --no-deps -e .
	@touch $@

# Dagster reads the manifest at start; building it ahead keeps every process from parsing the project again.
$(MANIFEST): $(STAMP) $(shell find dbt_project -name target -prune -o \( -name '*.sql' -o -name '*.yml' -o -name '*.md' -o -name '*.csv' \) -print)
	@$(BIN)/dbt --quiet parse --project-dir dbt_project --profiles-dir dbt_project && touch $@

clean: ## Delete what the platform wrote (databases, runs, models) and caches; keeps .venv
	@! test -e .millrace/timescale || tests/timescale.sh down
	@rm -rf .millrace dbt_project/target dbt_project/logs .pytest_cache .mypy_cache .ruff_cache .coverage .coverage.*

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo up doctor as-known-at drop-as-known docs test coverage test-unit test-timescale timescale-up timescale-down drill check format schema-docs bench bench-ml bench-deps setup clean help
