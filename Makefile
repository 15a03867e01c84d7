# Two commands do everything on a machine with Python 3.11 or newer and make: `make demo` and `make test`.
# Everything is installed in .venv, except Chromium if there is none (see scripts/find_browser.py).
# To use another interpreter: make PYTHON=python3.12 demo

SHELL := /bin/sh
PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet install -c constraints.txt
WANTED := pyproject.toml constraints.txt
NODE := frontend/node_modules/.installed
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix frontend --silent

.PHONY: help demo lab test check test-matrix format widgets docs screenshots bench constraints clean

help:
	@echo "make demo         make one video from two pictures on this machine, free of charge"
	@echo "make lab          open JupyterLab on the notebooks"
	@echo "make test         check format, lint and types, and run every test, including those in Chromium"
	@echo "make check        the same without browser, kernel and notebook tests (faster)"
	@echo "make test-matrix  queue cells on several versions of ipykernel and Python"
	@echo "make format       format the code and fix what the linters can fix"
	@echo "make widgets      rebuild the scripts and stylesheets of the widgets from frontend/src"
	@echo "make docs         build the documentation in docs/_build; a warning is an error"
	@echo "make screenshots  make the pictures in docs/images from a real JupyterLab"
	@echo "make bench        run the benchmarks"
	@echo "make constraints  update constraints.txt"
	@echo "make clean        remove the environment and build results, but no videos"

demo: $(VENV)/.lab
	@$(BIN)/pixverse-nb demo </dev/null

lab: $(VENV)/.lab
	@$(BIN)/jupyter lab $$(test "$$(id -u)" = 0 && echo --allow-root) notebooks

test: $(VENV)/.test $(NODE) $(VENV)/.browser
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(NPM) run lint </dev/null
	@$(NPM) run types </dev/null
	@$(BIN)/python scripts/run_tests.py </dev/null

check: $(VENV)/.test $(NODE)
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(NPM) run lint </dev/null
	@$(NPM) run types </dev/null
	@$(BIN)/python -m pytest --color=no -q --ignore=tests/browser --ignore=tests/kernel --ignore=tests/test_notebooks.py </dev/null

test-matrix: $(VENV)/.venv
	@$(BIN)/python scripts/test_matrix.py </dev/null

format: $(VENV)/.test $(NODE)
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .
	@$(NPM) run format </dev/null

widgets: $(NODE)
	@$(NPM) run build </dev/null

docs: $(VENV)/.docs
	@$(BIN)/python -m sphinx -q -W --keep-going -n -d docs/_build/.cache docs docs/_build </dev/null
	@echo "docs/_build/index.html"

screenshots: $(VENV)/.test $(VENV)/.browser
	@$(BIN)/python scripts/make_screenshots.py </dev/null

bench: $(VENV)/.test
	@$(BIN)/python -m bench </dev/null

constraints: $(VENV)/.venv
	@$(BIN)/python -m pip --disable-pip-version-check --no-input --quiet install uv
	@$(BIN)/uv --quiet pip compile pyproject.toml --all-extras --universal --python-version 3.11 --no-annotate --no-header --upgrade -o constraints.txt >/dev/null

clean:
	@rm -rf $(VENV) .matrix frontend/node_modules demo build dist docs/_build test-results .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamp files, so that what is up to date is not installed again.
$(VENV)/.venv: scripts/make_venv.sh
	@sh scripts/make_venv.sh $(VENV) $(PYTHON) </dev/null
	@touch $@

$(VENV)/.lab: $(VENV)/.venv $(WANTED)
	@echo "Installing into $(VENV) (a minute or two the first time) ..."
	@$(PIP) -e '.[sandbox,lab,sweep]' </dev/null
	@touch $@

$(VENV)/.test: $(VENV)/.venv $(WANTED)
	@echo "Installing into $(VENV) (a minute or two the first time) ..."
	@$(PIP) -e '.[sandbox,lab,sweep,dask,test]' </dev/null
	@touch $@ $(VENV)/.lab

$(VENV)/.docs: $(VENV)/.venv $(WANTED)
	@echo "Installing Sphinx into $(VENV) ..."
	@$(PIP) -e '.[docs]' </dev/null
	@touch $@

# node and npm come with the test extra; frontend/package.json pins the tools that build and check the widgets.
$(NODE): $(VENV)/.test frontend/package.json
	@$(NPM) install </dev/null
	@touch $@

$(VENV)/.browser: $(VENV)/.test scripts/find_browser.py
	@$(BIN)/python scripts/find_browser.py --install </dev/null
	@touch $@
