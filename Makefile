# Everything a newcomer needs: make demo, make test. The rest is for those who work on it.
PYTHON ?= python3
PORT ?= 3000
DATA ?= data
VENV := .venv
BIN := $(VENV)/bin
DEMO := examples/manage_my_career
NPM := $(addsuffix /node_modules/ready,tests/interop tests/interop/css tests/interop/oidc)
PEER := tests/benchmarks/jss/node_modules/ready

.DEFAULT_GOAL := help
.PHONY: help demo flow clean-demo test check bench conformance lock

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/runtime  ## seed the Manage My Career ecosystem and serve it on http://localhost:$(PORT)
	@$(BIN)/datakluis demo $(DEMO)/seed.json --data $(DATA) --port $(PORT)

flow: $(VENV)/runtime  ## run the Manage My Career flow against the running demo
	@$(BIN)/python $(DEMO)/flow.py http://localhost:$(PORT)/

clean-demo:  ## forget the demo's data
	rm -rf $(DATA)

test: $(VENV)/dev $(NPM)  ## the whole suite
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/journeys tests

check: $(VENV)/dev  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

conformance: $(VENV)/dev  ## every requirement and how it fares; BASE_URL=… asks a running deployment
	$(BIN)/python -m tests.conformance.matrix $(if $(BASE_URL),--base-url $(BASE_URL))

bench: $(VENV)/dev $(if $(PEERS),$(NPM) $(PEER))  ## hot paths beside a bare aiohttp handler; PEERS=1: and beside two other servers
	$(BIN)/python -m tests.benchmarks $(if $(PEERS),--peers)

lock: $(VENV)/dev  ## make both lock files anew from pyproject.toml
	$(BIN)/python tests/house/lock.py

# A stamp file stands for "installed as this lock says"; a changed lock installs again.
$(VENV)/python-ok:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name it with: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/runtime: $(VENV)/python-ok requirements.lock pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev: $(VENV)/python-ok requirements-dev.lock pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/runtime

# The accessibility checker of the browser tests, the clients of the interop tests, the server they are tried across, and
# the other OpenID provider; and a server that only `make bench PEERS=1` asks for. Without npm those tests say so and are
# skipped. The folders are kept apart: see tests/interop/README.md.
$(NPM) $(PEER): %/node_modules/ready: %/package-lock.json
	@if command -v npm >/dev/null 2>&1; then \
		cd $* && npm ci --silent --ignore-scripts --no-audit --no-fund && touch node_modules/ready; \
	else echo "npm is not installed: what needs $* will be skipped"; fi
