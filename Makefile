# Needs git, make and python3 (3.11 or newer); `make setup` brings the rest, and with EXTRA=NAME[,NAME] the packages of
# requirements-NAME.lock. Settings: BACKOUT_PORT, BACKOUT_HOST, BACKOUT_DATABASE_URL and BACKOUT_BROKER_URL (servers that
# exist), as environment variables.

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-handling up down status clean test unit crash long chaos fuzz bench security large screenshots browser lint format
python := .venv/bin/python

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

setup: ## Make .venv, install what is missing (programs by apt if you are root; EXTRA=NAME: optional packages)
	@python3 scripts/setup $(if $(EXTRA),--extra "$(EXTRA)")

demo: setup ## Start everything, import a file, stop another half-way, look at the count
	@$(python) -m app.cli demo

demo-handling: setup ## Handle imported orders in bulk, against a sandbox of other companies' services
	@$(python) -m app.cli demo-handling

up: setup ## Start the local stack: database, broker, web server, worker, sweeper (S3=1: the spool in an object store)
	@$(if $(S3),python3 scripts/setup --extra seaweedfs)
	@S3=$(S3) $(python) -m app.cli up

down: | $(python) ## Stop it all, keep the data
	@$(python) -m app.cli down

status: | $(python) ## What of it runs, and where
	@$(python) -m app.cli status

clean: | $(python) ## Stop it and forget its data
	@$(python) -m app.cli clean

test: ## All that CI runs: lint, then the tests on private servers of their own
	@$(MAKE) --no-print-directory --jobs 2 lint browser audit store # apt waits for the network while mypy calculates
	@PYTHONDONTWRITEBYTECODE= $(python) -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder -m "not long"

unit: setup ## The tests that need no server and no second, in half a minute
	@PYTHONDONTWRITEBYTECODE= $(python) -m pytest tests/unit --quiet --numprocesses 2 --dist loadfile \
		-m "not long and not slow and not property"

crash: setup ## The whole crash matrix and its mutants, into docs/internals/reliability.md (MINUTES=60)
	@$(python) -m tests.crash --minutes $(or $(MINUTES),60) --report docs/internals/reliability.md

long: setup ## The tests that `test` leaves out, and the properties with far more examples
	@PROPERTY_FACTOR=10 PROPERTY_EXAMPLES=1000 $(python) -m pytest -m "long or property"

chaos: setup ## Random imports, stops, kills and cuts, then every promise is checked (MINUTES=5 SEED= DATABASE=mariadb)
	@$(python) -m tests.chaos --minutes $(or $(MINUTES),5) --seed "$(SEED)" --database $(or $(DATABASE),mariadb)

fuzz: setup ## Random requests to the web server, random files against the readers (MINUTES=10)
	@python3 scripts/setup --extra fuzz
	@$(python) -m tests.fuzz --minutes $(or $(MINUTES),10)

screenshots: setup browser ## Pictures of the page in every state, and the README's two
	@$(python) -m tests.browser

bench: setup ## Benchmarks beside peers, into docs/internals/benchmarks.md (QUICK=1: in three minutes; MYSQLD=path: MySQL too)
	@python3 scripts/setup --extra bench
	@$(python) -m benchmarks $(if $(QUICK),--quick,--write) $(if $(MYSQLD),--mysqld "$(MYSQLD)")

security: setup ## Answers beside connections that hold on, by strangers and by one client (docs/security.md)
	@$(python) -m tests.security

large: setup ## A file of 10 million rows from end to end: time, rows/s, peak memory (ROWS=10000000)
	@$(python) -m benchmarks.large --rows $(or $(ROWS),10000000)

browser: setup # for the tests of the page, which are skipped where it can't be had
	@python3 scripts/setup --browser

store: setup # for the tests of the object store, which are skipped without it
	@python3 scripts/setup --extra seaweedfs

audit: setup ## Known weaknesses in our code and in the packages that we ship
	@python3 scripts/setup --extra audit
	@$(python) scripts/audit

sbom: setup ## What the server is made of, as CycloneDX: sbom.cdx.json
	@python3 scripts/setup --extra audit
	@PYTHONWARNINGS=ignore .venv/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible \
		--output-file sbom.cdx.json
	@echo "Written: sbom.cdx.json"

lint: setup ## Format, lint, types, direction of imports
	@$(python) -m ruff format --check .
	@$(python) -m ruff check .
	@$(python) -m mypy
	@.venv/bin/lint-imports
	@$(python) scripts/lint-node
	@scripts/check-commits
	@scripts/check-words

format: setup ## Put the code into its format
	@$(python) -m ruff format .
	@$(python) -m ruff check --fix .

$(python):
	@python3 scripts/setup
