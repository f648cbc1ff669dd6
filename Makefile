# The doors of the repository. Each makes what it needs; nox does the work (noxfile.py).
#
#   make demo           install, migrate, and play real cases through the public API
#   make serve          the example site on http://127.0.0.1:8000/   (PORT=8001 for another port)
#   make test           the test suite on SQLite, without any server
#   make check          format, lint, types, layers, migrations, speed, messages, docs, wheels
#   make test-services  the test suite on PostgreSQL and on MariaDB (both must be running)
#   make bench          what operations take beside the bare ORM and plain SQL (SQLite, PostgreSQL)
#   make wheels         build both wheels and run the test suite against them
#   make docs           the documentation, in docs/_build/html
#   make messages       compile the translations after a .po file has changed
#   make clean          remove what the doors have made

SHELL := /bin/bash
PYTHON ?= python3
PORT ?= 8000

VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
PIP := $(VENV_PYTHON) -m pip --disable-pip-version-check --no-input -qq
NOX := $(VENV_PYTHON) -m nox
MANAGE := $(VENV_PYTHON) -u example_project/manage.py

PACKAGES := $(wildcard packages/*/pyproject.toml)

.PHONY: help demo serve test check test-services bench wheels docs messages clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   //p' Makefile

demo: $(VENV)/.demo
	@echo "==> migrating the database of the example project"
	@$(MANAGE) migrate --verbosity 0
	@echo "==> playing the cases"
	@$(MANAGE) demo

serve: $(VENV)/.demo
	@echo "==> migrating the database of the example project"
	@$(MANAGE) migrate --verbosity 0
	@echo "==> people, roles, forms and workflows"
	@$(MANAGE) seed
	@echo "==> the site is at http://127.0.0.1:$(PORT)/ (Ctrl-C ends it)"
	@$(MANAGE) runserver 127.0.0.1:$(PORT)

test: $(VENV)/.dev
	@$(NOX) -s tests

check: $(VENV)/.dev
	@$(NOX) -t check

test-services: $(VENV)/.services
	@$(NOX) -s services tests_postgres tests_mariadb

bench: $(VENV)/.dev
	@$(NOX) -s bench -- $(BENCH)

wheels: $(VENV)/.dev
	@$(NOX) -s wheels

docs: $(VENV)/.dev
	@$(NOX) -s docs

messages: $(VENV)/.dev
	@$(VENV_PYTHON) tools/messages.py compile

clean:
	rm -rf $(VENV) .nox dist build docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -rf .import_linter_cache .coverage htmlcov example_project/db.sqlite3* example_project/sent_mail
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One file in the virtual environment for each set that has been installed into it.

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "$(PYTHON) is not installed; on Debian: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version)." \
	    "Name another one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; \
	  exit 1; }
	@echo "==> creating the virtual environment"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.made requirements-demo.txt $(PACKAGES)
	@echo "==> installing both packages (half a minute the first time)"
	@$(PIP) install -r requirements-demo.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.made requirements-demo.txt requirements-test.txt requirements-dev.txt $(PACKAGES)
	@echo "==> installing both packages and the development tools (about a minute the first time)"
	@$(PIP) install -r requirements-dev.txt
	@touch $(VENV)/.demo $@

$(VENV)/.services: $(VENV)/.dev requirements-services.txt
	@echo "==> building the MariaDB driver"
	@$(PIP) install -r requirements-services.txt || { \
	  echo "On Debian: apt-get install gcc pkg-config python3-dev libmariadb-dev" >&2; exit 1; }
	@touch $@
