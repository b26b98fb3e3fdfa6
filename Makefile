# Every command brings its own environment: all it needs is Python 3.11 or newer.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv/bin
READY := .venv/.ready
CHECKED := governor tests hatch_build.py $(wildcard lambda_layer/python)
TEMPLATES := $(wildcard deploy/cloudformation/*.yaml)
CHECKOV := .cache/checkov-3.3.30/bin/checkov

.DEFAULT_GOAL := help
.PHONY: help demo run test check bench soak clean

help: ## This list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(READY) ## A burst without and with the governor (ARGS=--keep: leave it running, to look around)
	$(VENV)/governor demo $(ARGS)

run: $(READY) ## The service with its own store, to try things out by hand
	$(VENV)/python -m governor.demo.run $(ARGS)

# Most tests wait for processes, and scenarios for minutes to pass: so many run at a time. What
# scenarios print is worth reading.
test: $(READY) ## The tests (ARGS='tests/ledger -k expiry': some of them)
	$(VENV)/python -m pytest $(or $(ARGS),--ignore tests/scenarios -n 3 --dist loadfile)
	$(if $(ARGS),,$(VENV)/python -m pytest tests/scenarios -n 6 --dist worksteal -rP)

check: $(READY) $(CHECKOV) ## The linters: style, types, architecture, templates, Lua
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy $(CHECKED)
	PYTHONPATH=lambda_layer/python $(VENV)/lint-imports --cache-dir .cache/imports
	$(VENV)/cfn-lint -- $(TEMPLATES)
	$(CHECKOV) --quiet --compact --skip-download --framework cloudformation --file $(TEMPLATES)
	@if command -v luacheck >/dev/null; then \
		$(VENV)/python -c 'from governor.ledger.library import shipped; print(shipped().source)' \
			| luacheck --quiet --filename governor/ledger/lua -; \
	elif [ -n "$(CI)" ]; then echo "luacheck is not installed" >&2; exit 1; \
	else echo "luacheck is not installed: the Lua goes unchecked"; fi

bench: $(READY) ## The promised figures, measured
	$(VENV)/python -m tests.bench $(ARGS)

soak: $(READY) ## The tests with far more examples (takes long)
	SOAK=1 $(VENV)/python -m pytest $(or $(ARGS),--ignore tests/scenarios)

# An environment of its own: it wants older versions of what the governor uses.
$(CHECKOV): | $(READY)
	@echo "Setting up checkov, once: this takes about a minute."
	@$(PYTHON) -m venv --clear $(@D)/..
	@$(@D)/python -m pip install --quiet --disable-pip-version-check checkov==$(patsubst .cache/checkov-%/bin/checkov,%,$@)
	@touch $@

clean: ## Remove everything that these commands have made
	rm -rf .venv .cache .hypothesis build dist governor-demo.html governor/service/static/uplot
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt hatch_build.py
	@test -n "$(PYTHON)" || { \
		echo "The governor needs Python 3.11 or newer, and none is on PATH." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "The governor needs Python 3.11 or newer, but $(PYTHON) is not:" >&2; \
		$(PYTHON) --version >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) can't make virtual environments: install Python's venv module" >&2; \
		echo "(on Debian and Ubuntu: apt-get install python3-venv)." >&2; exit 1; }
	@echo "Setting up .venv with $$($(PYTHON) --version), once: this takes about a minute."
	@$(PYTHON) -m venv --clear .venv
	@# As variables the constraints hold in the build's own environment, too.
	@PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
		$(VENV)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,demo]'
	@touch $@
