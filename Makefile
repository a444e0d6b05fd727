# `make help` lists what a person would run.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# Another ansible-core than the newest that the Python at hand can run, of those in tests/cores/cores.txt: make unit CORE=2.21
CORE ?=
PYTHON ?= $(if $(CORE),$(firstword $(shell tests/cores/further of $(CORE))),python3)
VENV := $(if $(CORE),.cache/cores/$(CORE),.venv)
BIN := $(VENV)/bin
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python $(if $(CORE),--overrides $(VENV)/ansible.txt)
# What Python has compiled it keeps: Ansible starts four times as fast, and it starts some thousand times.
unexport PYTHONDONTWRITEBYTECODE
COLLECTION := .collections/ansible_collections/whisperops/gpu

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 24

setup: $(VENV)/.setup ## Ansible in .venv, and whisperops.gpu resolved from this checkout
	@$(BIN)/python tests/cores/which.py

$(VENV)/.uv:
	@[[ "$(PYTHON)" ]] || exit 1
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Ansible needs Python 3.11 or newer; $$($(PYTHON) --version) was found. Run: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet uv==0.13.9
	touch $@

.cache/cores/%/ansible.txt: tests/cores/cores.txt
	mkdir -p $(dir $@)
	tests/cores/further of $* | sed 's/.* /ansible==/' >$@

$(COLLECTION):
	mkdir -p $(dir $@)
	ln -sfn ../../.. $@

$(VENV)/.setup: requirements.txt $(VENV)/.uv $(if $(CORE),$(VENV)/ansible.txt) | $(COLLECTION)
	$(UV) --requirement requirements.txt
	touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt $(VENV)/.setup
	$(UV) --requirement requirements-dev.txt
	touch $@

dev: $(VENV)/.dev ## what the tests need, in .venv

# Several of the tools look for others of them in PATH.
TOOLS := export PATH="$(CURDIR)/$(BIN):$$PATH" &&
# Every shell script that git tracks or that waits to be added.
SHELL_SCRIPTS = $(shell git grep --untracked -lE '^\#!/(usr/bin/env bash|bin/bash|bin/sh)$$')

lint: $(VENV)/.dev ## every linter, nothing skipped
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy -p ansible_collections.whisperops.gpu.plugins
	$(BIN)/mypy roles/*/files/*.py roles/*/files/*/*.py
	$(BIN)/vermin --quiet --no-tips --violations --target=3.8- plugins/modules plugins/module_utils roles/*/files/*.py roles/*/files/*/*.py
	$(BIN)/yamllint --strict .
	$(TOOLS) ansible-lint --offline -q
	$(TOOLS) antsibull-docs lint-collection-docs --plugin-docs .
	$(TOOLS) antsibull-changelog lint
	$(BIN)/shellcheck $(SHELL_SCRIPTS)

SANITY ?=
SANITY_OF ?= all
sanity: $(VENV)/.dev ## ansible-test sanity, on each Python that is here
	$(TOOLS) tests/sanity/run $(SANITY_OF) $(SANITY)

UNIT ?=
unit: $(VENV)/.dev ## unit tests on the control node's Python
	$(TOOLS) pytest --quiet $(UNIT)

unit-coverage: $(VENV)/.dev ## the branches of plugins/ that the unit tests reach
	@# The collection loader resolves the link in .collections, so that coverage sees plugins/ itself.
	$(BIN)/coverage run -m pytest --quiet
	$(BIN)/coverage report

unit-guards: $(VENV)/.dev ## the unit tests of each fault without its guard, which must fail
	$(BIN)/python tests/guards/unit.py

HOST_PYTHONS ?= all
unit-pythons: $(VENV)/.dev ## what runs on hosts, tested on each Python from 3.8 that is here
	$(TOOLS) tests/unit/on_each_python $(HOST_PYTHONS)

build-check: $(VENV)/.dev ## build the collection, install it elsewhere, use it there
	$(TOOLS) tests/release/build-check

# The smallest set that covers the boundaries: before PTX ISA 8 and 90a, before Blackwell, with f forms, after Volta.
TOOLKITS ?= 11.8 12.4 12.9 13.5
unit-cuda: $(VENV)/.dev ## the CUDA tables and cuda_image_info against NVIDIA's compilers; TOOLKITS=all for every one
	$(BIN)/python tests/cuda/fetch.py .cache/cuda $(TOOLKITS)
	WHISPEROPS_NVCC="$$(cat .cache/cuda/WHISPEROPS_NVCC)" $(BIN)/pytest --quiet \
	  tests/unit/plugins/plugin_utils/_plan/test_tables_against_nvcc.py \
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
LAB := export PATH="$(CURDIR)/$(BIN):$$PATH" DOCKER_HOST="$$(tests/lab/engine host)" ANSIBLE_DEPRECATION_WARNINGS=true &&
LAB_INVENTORY := inventories/lab

lab-engine:
	tests/lab/engine up trixie

unit-docker: $(VENV)/.dev ## cuda_image_info against the lab's Docker Engine
	tests/lab/engine up trixie
	WHISPEROPS_DOCKER_HOST="$$(tests/lab/engine host)" $(BIN)/pytest --quiet \
	  tests/unit/plugins/module_utils/_image/test_image_on_docker.py

gpu: ## on a machine with an NVIDIA GPU and its toolkit, without Docker: build, proof, speed; results in docs/
	tests/gpu/run

demo: ## from a bare machine to transcribed speech on a lab host
	@$(MAKE) --no-print-directory --jobs=2 dev lab-engine
	$(LAB) ansible-playbook tests/lab/up.yml -i $(LAB_INVENTORY) --limit demo
	$(LAB) ansible-playbook site.yml -i $(LAB_INVENTORY) --limit demo

demo-down: ## take the lab away, and all it installed
	tests/lab/engine down

SCENARIO ?= default
RELEASES = trixie bookworm $(if $(filter toolkit,$(SCENARIO)),forky) $(if $(filter engine29,$(SCENARIO)),resolute)
molecule: $(VENV)/.dev ## one scenario on lab hosts: make molecule SCENARIO=default
	tests/lab/engine up $(RELEASES)
	@# What failed stands long before the hosts are taken away: it is said once more at the end.
	@mkdir -p .cache
	$(LAB) set -o pipefail && { MOLECULE_COMMAND_BORDERS=false molecule test --scenario-name $(SCENARIO) 2>&1 | tee .cache/molecule-$(SCENARIO).log || \
	  { sed 's/\x1b\[[0-9;]*m//g' .cache/molecule-$(SCENARIO).log | tac | awk '{ print } /^(\[ERROR\]: |ERROR! )/ { exit }' | tac | head -n 25; exit 1; }; }
	tests/cores/no_deprecation .cache/molecule-$(SCENARIO).log

guards: $(VENV)/.dev ## the test of each fault without its guard, which must fail: make guards SCENARIO=faults
	tests/lab/engine up $(RELEASES)
	$(LAB) molecule converge --scenario-name $(SCENARIO)
	$(LAB) python tests/guards/run.py $(SCENARIO)
	$(LAB) molecule destroy --scenario-name $(SCENARIO)

HOSTS ?= 300
report: $(VENV)/.setup | $(COLLECTION) ## the fleet's report of made-up hosts, to look at: make report HOSTS=300
	$(BIN)/python tests/report/made_up_hosts.py $(HOSTS) reports/made-up

REPORT := .cache/report
$(REPORT)/venv/.installed: tests/report/requirements.txt $(VENV)/.uv
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(REPORT)/venv
	$(BIN)/uv pip install --quiet --python $(REPORT)/venv/bin/python --requirement $<
	touch $@

report-check: $(VENV)/.setup $(REPORT)/venv/.installed | $(COLLECTION) ## that report in a real browser: 1, 30 and 300 hosts
	set -e; for hosts in 1 30 300; do $(BIN)/python tests/report/made_up_hosts.py $$hosts $(REPORT)/hosts-$$hosts; done
	$(REPORT)/venv/bin/python -m pytest --quiet tests/report

page-check: $(REPORT)/venv/.installed ## the page of the API in a real browser
	$(REPORT)/venv/bin/python -m pytest --quiet tests/page

API := .cache/api
$(API)/.installed: tests/api/package.json
	mkdir -p $(API)
	cp $< $(API)/
	cd $(API) && npm install --silent --no-audit --no-fund
	touch $@

api-check: $(VENV)/.dev $(API)/.installed ## OpenAI's client for JavaScript against the API; needs Node.js
	$(BIN)/python tests/api/run.py $(API)

EE := .cache/execution-environment
$(EE)/venv/.installed: tests/execution_environment/requirements.txt $(VENV)/.uv
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(EE)/venv
	$(BIN)/uv pip install --quiet --python $(EE)/venv/bin/python --requirement $<
	touch $@

execution-environment: $(EE)/venv/.installed | $(COLLECTION) ## the requirements and the build context of an execution environment
	$(EE)/venv/bin/python tests/execution_environment/check.py

readmes: $(VENV)/.setup | $(COLLECTION) ## the plan in README.md and the README of each role, from the code
	$(BIN)/python tests/docs/plan_example.py
	$(BIN)/python tests/docs/role_readmes.py

DOCS := .cache/docs
$(DOCS)/venv/.installed: requirements-docs.txt $(VENV)/.uv
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(DOCS)/venv
	$(BIN)/uv pip install --quiet --python $(DOCS)/venv/bin/python --requirement $<
	touch $@

docs: $(DOCS)/venv/.installed | $(COLLECTION) ## the documentation as a site, in .cache/docs/html, with every link followed
	rm -rf $(DOCS)/source $(DOCS)/html
	mkdir -p -m 755 $(DOCS)/source/collections
	cp docs/*.md docs/site/* $(DOCS)/source
	export PATH="$(CURDIR)/$(DOCS)/venv/bin:$$PATH" ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/.collections" && \
	  antsibull-docs collection --use-current --squash-hierarchy --fail-on-error --dest-dir $(DOCS)/source/collections whisperops.gpu && \
	  sphinx-build --quiet --fail-on-warning --keep-going $(DOCS)/source $(DOCS)/html
	$(BIN)/python tests/docs/site_links.py $(DOCS)/html

$(VENV)/.kubernetes: tests/kubernetes/requirements.txt $(VENV)/.dev
	$(UV) --requirement $<
	touch $@

kube-api: $(VENV)/.kubernetes ## the part of kube-check that applies nothing, or once
	tests/kubernetes/build api
	$(TOOLS) pytest --quiet -m 'not night' tests/kubernetes

kube-check: $(VENV)/.kubernetes ## playbooks/kubernetes.yml against a real API server, which Go builds once: ten minutes of a processor
	tests/kubernetes/build api
	$(TOOLS) pytest --quiet tests/kubernetes

kube-demo: $(VENV)/.kubernetes ## on Kubernetes in the lab: from nothing to a transcript, and servers on simulated GPUs kept out
	tests/kubernetes/build
	$(MAKE) --no-print-directory demo
	$(LAB) python tests/kubernetes/lab/demo.py gpu

kube-faults: $(VENV)/.kubernetes ## changes and faults of a cluster in the lab under load: how many requests each costs
	tests/kubernetes/build
	$(MAKE) --no-print-directory demo
	$(LAB) python tests/kubernetes/lab/faults.py

kube-demo-down:
	$(LAB) python tests/kubernetes/lab/cluster.py down

cuda-build: $(VENV)/.dev ## the image for a GTX 1080 by NVIDIA's compiler, checked with cuobjdump and run on the CPU
	tests/lab/engine up trixie
	$(LAB) ansible-playbook tests/lab/up.yml -i $(LAB_INVENTORY) --limit lab_cuda
	$(LAB) ansible-playbook tests/cuda/build.yml -i $(LAB_INVENTORY) --limit lab_cuda
	$(LAB) ansible-playbook tests/lab/down.yml -i $(LAB_INVENTORY) --limit lab_cuda

# The further ansible-cores. What a core changes is how Ansible reads and runs what is here, not what a host does with it. So
# each runs the units and the sanity tests that load Ansible or its rules, and scenario default with one host, which goes the
# whole way from bare to taken away (check mode, deployment, second run, verification, removal) with a pulled image: the
# compiler, the second release of Debian and the host of somebody else's, which are most of the scenario's minutes, see no
# difference. All units and all of sanity: make unit sanity CORE=2.21, as the GitHub workflow does for each core and Python.
FURTHER = set -e; own=$$($(BIN)/python tests/cores/which.py core); further=$$(tests/cores/further "$$own"); for core in $$further; do
CORE_TARGETS ?= unit sanity
CORE_UNIT := $(addprefix --ignore tests/unit/,plugins/module_utils plugins/plugin_utils/_plan roles/whisper_api)
CORE_SANITY := $(addprefix --test ,action-plugin-docs ansible-doc runtime-metadata validate-modules)
cores-static: $(VENV)/.dev ## what each further ansible-core may change of units and sanity, where this machine has a Python for it
	$(FURTHER) $(MAKE) --no-print-directory $(CORE_TARGETS) CORE=$$core UNIT='$(CORE_UNIT)' SANITY='$(CORE_SANITY)'; done

cores-default: $(VENV)/.dev ## scenario default with one host on each further ansible-core
	$(FURTHER) LAB_HOSTS=lab-debian12 $(MAKE) --no-print-directory molecule SCENARIO=default CORE=$$core; done

cores-dev: $(VENV)/.dev
	$(FURTHER) $(MAKE) --no-print-directory dev CORE=$$core; done

scenario-default: $(VENV)/.dev
	$(MAKE) --no-print-directory molecule SCENARIO=default
	$(MAKE) --no-print-directory cores-default

lab-releases:
	tests/lab/engine up $(RELEASES)

# In a lab of their own: hosts, network and state have other names.
scenarios-beside: export DOCKER_HOST = $(shell tests/lab/engine host)
scenarios-beside: export WHISPEROPS_LAB_STATE = $(shell tests/lab/engine state)/beside
scenarios-beside: export WHISPEROPS_LAB_NAME = whisperops-lab-beside
scenarios-beside: export WHISPEROPS_LAB_SUBNET = 198.18.118
scenarios-beside: $(VENV)/.dev
	set -e; for scenario in refusals engine; do $(MAKE) --no-print-directory molecule SCENARIO=$$scenario; done

# A scenario also waits for its hosts: three at a time keep two processors busy throughout.
# The longest come first, so that all end together.
STATIC := kube-api cores-static sanity lint unit unit-guards unit-pythons unit-cuda report-check fuzz docs build-check page-check unit-docker execution-environment
test: $(VENV)/.dev $(VENV)/.kubernetes ## what needs no GPU and no night
	$(MAKE) --no-print-directory --jobs=2 lab-releases cores-dev
	@# Of the Pythons of hosts the oldest and the newest, and sanity of what is published; the night runs each, and sanity of all.
	$(MAKE) --no-print-directory --jobs=3 --output-sync=target scenario-default scenarios-beside $(STATIC) HOST_PYTHONS=outer SANITY_OF=published

# Some of it compiles for a GPU: a machine with two cores or more and 15 GB of disk.
NIGHTLY := defaults defaults_cuda toolkit toolkit_dnf odd_hosts engine29 faults api gateway proof metrics benchmark image unload
nightly: ## the scenarios that take long, each Python of hosts, and the image for an old GPU by NVIDIA's compiler
	$(MAKE) --no-print-directory unit-coverage unit-pythons sanity
	set -e; for scenario in default $(NIGHTLY); do $(MAKE) --no-print-directory molecule SCENARIO=$$scenario; done
	@# Its image for the card is the one that was just built.
	$(MAKE) --no-print-directory cuda-build
	$(MAKE) --no-print-directory molecule SCENARIO=gpu
	$(MAKE) --no-print-directory kube-demo kube-faults kube-demo-down kube-check
	@# No sanity: that of 2.22.0rc1 takes a part from GitHub, which a closed network does not reach.
	WHISPEROPS_PRERELEASES=yes $(MAKE) --no-print-directory cores-static cores-default CORE_TARGETS=unit

.PHONY: help setup dev lint sanity unit unit-coverage unit-guards unit-pythons build-check unit-cuda unit-docker fuzz gpu lab-engine demo demo-down \
  molecule guards cores-static cores-default cores-dev scenario-default scenarios-beside lab-releases report report-check page-check execution-environment readmes docs cuda-build api-check kube-api kube-check kube-demo kube-faults kube-demo-down test nightly
