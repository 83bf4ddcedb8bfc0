# What one does with Dophu. Every target sets up what it needs: Debian packages, .tools and .venv (deploy/setup.sh).
SHELL := /bin/bash
PYTHON := .venv/bin/python

.PHONY: help setup demo test lint bench clean

help: ## this list
	@awk -F':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## all that is needed to develop: packages, .venv
	@deploy/setup.sh test

demo: ## a province on this machine, measured; ONESHOT=1 ends after the figures, FRESH=1 forgets earlier runs, PORT=8080
	@deploy/setup.sh demo
	@exec $(PYTHON) -m tests.lab.demo $(if $(ONESHOT),--oneshot) $(if $(FRESH),--fresh) $(if $(PORT),--port $(PORT))

test: setup ## every test; ARGS="-k word tests/inventory" for some
	@exec $(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=10 $(ARGS)

lint: ## ruff, its format, mypy --strict
	@deploy/setup.sh lint
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

bench: ## speed and memory, each beside its limit; BENCH=name for one
	@deploy/setup.sh bench
	@set -e; for name in $(or $(BENCH),$(filter-out _%,$(basename $(notdir $(wildcard bench/*.py))))); do \
		echo "== $$name"; $(PYTHON) -m bench.$$name; done

clean: ## what the targets made: environments, caches, the demo's data
	! grep -qs "Made by make demo" dophu.toml || rm dophu.toml
	rm -rf .venv .tools .lab .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
