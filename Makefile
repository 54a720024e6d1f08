# What a newcomer types. `make help` lists it; every target that needs it sets up .venv first.
SHELL := /bin/sh
BIN := .venv/bin
export PYTHONUNBUFFERED := 1

.DEFAULT_GOAL := help
.PHONY: help run test test-quick lint mutants bench up scale down test-compose compile pictures pages lock clean setup setup-dev

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

run: setup compile ## set up, then backtest a moving-average cross on real daily prices
	@$(BIN)/python examples/sample_data.py
	@$(BIN)/backbus run examples/sma_crossover.toml

test: ## all tests, and how long set-up, compilation and tests took
	@tools/test

test-quick: ## the tests that start nothing and take no time, for while you work
	@tools/test quick

lint: setup-dev ## style, types, layers, no circles, and that pure files stay pure
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/circles.py
	$(BIN)/python tools/purity.py

mutants: setup-dev ## change the rules one place at a time, and say which changes no unit test sees (MUTANTS=n SEED=s ONLY=text)
	@$(BIN)/python -P -m tools.mutants $(if $(MUTANTS),--mutants $(MUTANTS)) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

bench: setup compile ## time backbus beside other engines (BENCH=--long: memory and compilation too; BENCH=--growth: how it grows)
	$(BIN)/python -m benchmarks $(BENCH)

up: setup compile ## start the stack: in containers where a Docker engine answers, as local processes otherwise
	@tools/up

down: ## stop the stack and leave nothing running
	@tools/down

scale: setup ## have WORKERS=n workers compute sweeps, in containers or as local processes
	@tools/scale "$(WORKERS)"

test-compose: setup compile ## build the image, start compose.yaml, and compare its answer with the engine's
	@tools/test-compose

compile: setup ## compile the kernels, where they are not compiled yet
	@$(BIN)/backbus compile

pictures: setup-dev compile ## draw the pictures of the docs anew (needs a Chromium)
	@$(BIN)/python examples/sample_data.py >/dev/null
	@$(BIN)/python -m tools.pictures

pages: setup-dev ## make anew what the pages of the docs take from the code, and wrap them
	@for tool in diagrams growth stream_tables order_states words pages api wrap; do $(BIN)/python tools/$$tool.py || exit 1; done

lock: ## resolve the dependencies anew into the lock files (UPGRADE=1: to their newest versions)
	@tools/lock

clean: ## remove what was made here: the environment, caches and var/
	@tools/down
	rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	@tools/set-up examples

setup-dev:
	@tools/set-up dev
