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

# The smallest set that covers the boundaries: before PTX ISA 8 and 90a, before Blackwell, with f forms, after Volta.
TOOLKITS ?= 11.8 12.4 12.9 13.5
unit-cuda: $(VENV)/.dev ## the CUDA tables and cuda_image_info against NVIDIA's compilers; TOOLKITS=all for every one
	$(BIN)/python tests/cuda/fetch.py .cache/cuda $(TOOLKITS)
	WHISPEROPS_NVCC="$$(cat .cache/cuda/WHISPEROPS_NVCC)" $(BIN)/pytest --quiet \
	  tests/unit/plugins/module_utils/_cuda/test_tables_against_nvcc.py \
	  tests/unit/plugins/module_utils/_image/test_fatbin_against_cuobjdump.py

FUZZ := .cache/fuzz/venv
$(FUZZ)/.installed: tests/fuzz/requirements.txt $(VENV)/.uv
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(FUZZ)
	$(BIN)/uv pip install --quiet --python $(FUZZ)/bin/python --requirement $<
	touch $@

SECONDS ?= 20
fuzz: $(FUZZ)/.installed | $(COLLECTION) ## each parser of foreign data: make fuzz SECONDS=20
	$(FUZZ)/bin/python tests/fuzz/run.py --seconds $(SECONDS)

# The engine and the virtual environment are made side by side.
LAB := export PATH="$(CURDIR)/$(BIN):$$PATH" DOCKER_HOST="$$(tests/lab/engine host)" &&
LAB_INVENTORY := inventories/lab

lab-engine:
	tests/lab/engine up trixie

unit-docker: $(VENV)/.dev ## cuda_image_info against the lab's Docker Engine
	tests/lab/engine up trixie
	WHISPEROPS_DOCKER_HOST="$$(tests/lab/engine host)" $(BIN)/pytest --quiet \
	  tests/unit/plugins/module_utils/_image/test_image_on_docker.py

demo: ## from a bare machine to transcribed speech on a lab host
	@$(MAKE) --no-print-directory --jobs=2 dev lab-engine
	$(LAB) ansible-playbook tests/lab/up.yml -i $(LAB_INVENTORY) --limit demo
	$(LAB) ansible-playbook site.yml -i $(LAB_INVENTORY) --limit demo

demo-down: ## take the lab away, and all it installed
	tests/lab/engine down

SCENARIO ?= default
molecule: $(VENV)/.dev ## one scenario on lab hosts: make molecule SCENARIO=default
	tests/lab/engine up trixie bookworm
	$(LAB) MOLECULE_COMMAND_BORDERS=false molecule test --scenario-name $(SCENARIO)

.PHONY: help setup dev unit unit-cuda unit-docker fuzz lab-engine demo demo-down molecule
