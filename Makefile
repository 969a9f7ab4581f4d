# Every target sets up what it needs; a second run starts in seconds.
# TORCH_BACKEND=cpu takes the CPU build of torch (smaller); the default is what the package index gives (CUDA on Linux).
PYTHON := .venv/bin/python
export TORCH_BACKEND

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test test-browser test-cluster test-s3 check format pins clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

setup:  ## install uv, the pinned packages and headless OpenGL where they are missing
	@bash scripts/setup.sh runtime

setup-dev:  ## the same, with what the tests need
	@bash scripts/setup.sh dev

demo: setup  ## the whole story in minutes; ends in runs/demo/report.html
	@.venv/bin/procmem demo

# One thread a worker: OpenMP's and the software renderer's threads wait for each other where they outnumber the cores.
test: setup-dev  ## lint, types and the test suite (set PROCMEM_DATA to test on real images too)
	@$(PYTHON) -m ruff format --check --quiet .
	@$(PYTHON) -m ruff check --quiet .
	@$(PYTHON) -m codespell_lib *.md docs procmem procgen pretrain memory eval tests benchmarks
	@$(PYTHON) -m mypy
	@OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n auto --dist worksteal

test-cluster: setup-dev  ## launching, preemption, requeueing on a real SLURM of one node (as root; installs it if missing)
	@bash tests/cluster/with_slurm.sh $(PYTHON) -m pytest -m cluster tests/cluster

test-browser: setup-dev  ## drive the explorer with a real headless Chromium
	@bash scripts/setup_browser.sh
	@$(PYTHON) -m pytest -m browser tests/browser

# An environment of its own: moto wants older versions of what we pin.
test-s3: setup-dev  ## a memory in an object store, on moto's S3 server
	@test -x .tools/moto/bin/moto_server || ($(PYTHON) -m venv .tools/moto && \
		.tools/moto/bin/pip install --quiet 'moto[s3]>=5' 'flask>=3' 'flask-cors>=5')
	@PATH="$(CURDIR)/.tools/moto/bin:$$PATH" $(PYTHON) -m pytest -n 0 tests/memory/test_object_store.py

check: setup-dev  ## lint and types only, on what you changed
	@$(PYTHON) -m pre_commit run

format: setup-dev  ## format the code
	@$(PYTHON) -m ruff format .
	@$(PYTHON) -m ruff check --fix .

pins: setup-dev  ## compile requirements/*.txt anew from pyproject.toml
	@bash scripts/pins.sh

clean:  ## remove the environment and caches (runs/ stays)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
