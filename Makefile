# Each target is the only set-up needed: python3, git and make are enough.
PYTHON ?= python3
VENV := .venv
STATE := $(or $(ROONEY_STATE),$(CURDIR)/.rooney)
STAMP := $(VENV)/.installed
# One more than cores: the tests of the trader wait for its clock most of their time.
SIDE_BY_SIDE := -n $(shell expr 1 + $$(getconf _NPROCESSORS_ONLN)) --dist loadgroup --no-loadscope-reorder

.PHONY: help demo test soak drill ui lint lock clean

help: ## what there is to do
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

$(STAMP): requirements/dev.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "python3 (3.11 or later) is needed"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.8"
	$(VENV)/bin/uv pip sync --quiet --compile-bytecode --require-hashes --python $(VENV)/bin/python requirements/dev.lock
	$(VENV)/bin/uv pip install --quiet --no-deps --no-build-isolation --python $(VENV)/bin/python --editable .
	@touch $@

demo: $(STAMP) ## the whole graph on the embedded simulated market, tuned quickly, and a summary
	@echo "Models are tuned quickly here: 10 sets each. Without --quick, 420."
	$(VENV)/bin/rooney materialize --quick --summary

test: $(STAMP) ## every test but the drill, lint and type check
	$(VENV)/bin/python -m pytest $(SIDE_BY_SIDE) -m "not drill"

soak: $(STAMP) ## 500 rehearsals of the whole trader with drawn faults, killed at every step
	SOAK_RUNS=500 $(VENV)/bin/python -m pytest $(SIDE_BY_SIDE) -q rooney_assets_tests/live/test_live_crash_soak.py

drill: $(STAMP) ## an edge dies under a real daemon: from the fetch to the trader's preflight
	$(VENV)/bin/python -m pytest -q -m drill rooney_assets_tests/automation

ui: $(STAMP) ## Dagster UI and daemon on http://127.0.0.1:3000
	@mkdir -p $(STATE)
	ROONEY_STATE=$(STATE) DAGSTER_HOME=$(CURDIR) \
		$(VENV)/bin/dagster dev -w workspace.yaml -h 127.0.0.1 -p 3000

lint: $(STAMP) ## format, lint, types, import contracts, definitions
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	ROONEY_STATE=$(STATE) $(VENV)/bin/dagster definitions validate -w workspace.yaml

lock: $(STAMP) ## resolve the dependencies anew
	$(VENV)/bin/uv pip compile --quiet pyproject.toml --extra dev --universal --generate-hashes \
		--no-header --no-annotate --output-file requirements/dev.lock
	$(VENV)/bin/uv pip compile --quiet pyproject.toml --extra live --universal --generate-hashes \
		--no-header --no-annotate --constraint requirements/dev.lock --output-file requirements/live.lock

clean: ## remove the environment, the state and the lake; paid downloads (data_lake/_downloads) stay
	rm -rf $(VENV) .rooney data_lake/[!_]*/ data_lake/lake.duckdb
