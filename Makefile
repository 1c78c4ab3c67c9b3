# `make repro` and `make test` set up what they need; nothing has to be installed by hand but Python, git and make.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: repro test check fix ablation install clean

repro: install  ## rebuild every number
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/dvc repro

test: install  ## lint, types, all tests
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest

check: install  ## lint, types, fast tests
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -m "not slow"

fix: install  ## format and mend what ruff can mend
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

ablation: install  ## what each ingredient of the transfer is worth; ARGS="--seeds 13 --students bilstm"
	$(BIN)/python -m benchmarks.ablation $(ARGS)

install: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Graft needs Python 3.11 or newer, this is {sys.version.split()[0]}; set PYTHON=")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@touch $@

lock: install  ## renew requirements.lock from pyproject.toml
	$(BIN)/python -m pip install --quiet pip-tools
	$(BIN)/python -m piptools compile --quiet --extra dev --extra remotes --strip-extras --no-annotate --no-header --output-file requirements.lock pyproject.toml
	@# Names and versions alone: no index, no folder and no local build of this machine.
	sed -i.bak 's/+cpu$$//; /^[#-]/d; /^$$/d' requirements.lock && rm requirements.lock.bak

clean:  ## remove what was built, but not DVC's cache
	rm -rf data/raw data/prepared data/tokenized models/pretrained models/teacher models/students models/controls signals metrics predictions report .checkpoints
