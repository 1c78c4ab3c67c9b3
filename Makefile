# `make repro` and `make test` set up what they need; nothing has to be installed by hand but Python, git and make.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

# What is imported is compiled once and kept, also where the environment says not to: without that each of the many
# processes of a run would compile torch and transformers anew, for half a minute.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: repro test test-long check fix ablation benchmark serve load streaming pictures browser install clean

repro: install  ## rebuild every number; measure the speed of what has not been measured yet, and put it into the report
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/dvc repro
	$(BIN)/python -m pipeline.benchmark --missing
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/dvc repro --single-item report

benchmark: install  ## measure speed and size of the exported models anew, and put them into the report
	$(BIN)/python -m pipeline.benchmark $(ARGS)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/dvc repro --single-item report

serve: install  ## the page and the HTTP endpoint; ARGS="--port 8001"
	$(BIN)/python -m pipeline.serve $(ARGS)

load: install  ## load on the server; ARGS="--seconds 30 --clients 8"
	$(BIN)/python -m benchmarks.load $(ARGS)

streaming: install  ## memory and speed of predict over a million rows; ARGS="--rows 100000"
	$(BIN)/python -m benchmarks.streaming $(ARGS)

pictures: install browser  ## pictures of the report for the README
	$(BIN)/python -m benchmarks.pictures $(ARGS)

test: install browser  ## lint, types, tests
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder -m "not long"

test-long: install browser  ## the tests that `make test` leaves out: recipes on a slice, more kills, servers and workers
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder -m long

browser: install  ## a Chromium for the tests of the pages: the one there is, or Playwright's, or the system's package
	@$(BIN)/python -m tests.browser 2>/dev/null \
	|| $(BIN)/python -m playwright install --with-deps --only-shell chromium \
	|| (apt-get update -q && apt-get install -q -y --no-install-recommends chromium)

check: install  ## lint, types, fast tests
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -m "not slow and not long"

fix: install  ## format and mend what ruff can mend
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

ablation: install  ## what each ingredient of the transfer is worth; ARGS="--seeds 13 --students bilstm"
	$(BIN)/python -m benchmarks.ablation $(ARGS)

install: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Graft needs Python 3.11 or newer, this is {sys.version.split()[0]}; set PYTHON=")'
	$(PYTHON) -m venv .venv
	@# Python compiles what is imported; pip would compile all there is, for minutes.
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -r requirements.lock
	@touch $@

lock: install  ## renew requirements.lock from pyproject.toml
	$(BIN)/python -m pip install --quiet pip-tools
	$(BIN)/python -m piptools compile --quiet --extra dev --extra remotes --strip-extras --no-annotate --no-header --output-file requirements.lock pyproject.toml
	@# Names and versions alone: no index, no folder and no local build of this machine.
	sed -i.bak 's/+cpu$$//; /^[#-]/d; /^$$/d' requirements.lock && rm requirements.lock.bak

clean:  ## remove what was built, but not DVC's cache
	rm -rf data/raw data/prepared data/tokenized models/pretrained models/teacher models/students models/controls signals exports metrics predictions report .checkpoints
