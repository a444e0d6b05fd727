# `make help` lists what a person would run.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python
COLLECTION := .collections/ansible_collections/whisperops/gpu

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

setup: $(VENV)/.setup ## Ansible in .venv, and whisperops.gpu resolved from this checkout

$(VENV)/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Ansible 2.19 needs Python 3.11 or newer; $$($(PYTHON) --version) was found. Run: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet uv==0.13.9
	touch $@

$(COLLECTION):
	mkdir -p $(dir $@)
	ln -sfn ../../.. $@

$(VENV)/.setup: requirements.txt $(VENV)/.uv | $(COLLECTION)
	$(UV) --requirement requirements.txt
	touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt $(VENV)/.setup
	$(UV) --requirement requirements-dev.txt
	touch $@

dev: $(VENV)/.dev ## what the tests need, in .venv

unit: $(VENV)/.dev
	$(BIN)/pytest

.PHONY: help setup dev unit
