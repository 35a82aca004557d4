# Black Average Drop: every figure and table of the paper, from one command. `make` lists the targets.

PROFILE ?= demo
DATA    ?= data
PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin

# A kernel named python3 in the user's home would otherwise shadow the one of this environment.
export JUPYTER_PREFER_ENV_PATH = 1
export TF_CPP_MIN_LOG_LEVEL = 3

LIBRARIES = build/benchmark/libraries
OLDEST = build/oldest
PIPELINE = $(BIN)/python -m black_average_drop.pipeline
# Start what computes with the settings of allocator.py; EFFORT also says in the end what it cost.
ALLOCATOR = $(BIN)/python -m black_average_drop.allocator
EFFORT = $(BIN)/python -m black_average_drop.effort

# TensorFlow takes all cores, or the whole GPU: the notebooks run one at a time, also under -j.
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help env data data-report reproduce choose test test-oldest reliability mutate lab report benchmark verify notebooks clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  PROFILE=smoke|demo|laptop|paper (now $(PROFILE)) and DATA=folder (now $(DATA)) choose what runs on what."

env:  ## build .venv from requirements.lock; nothing to do while the lock is unchanged
	@cmp -s requirements.lock $(VENV)/requirements.lock || $(MAKE) --no-print-directory $(VENV)/rebuild

.PHONY: $(VENV)/rebuild
$(VENV)/rebuild:
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 13) else "Python %d.%d has no TensorFlow wheels: name one of 3.11 to 3.13, for example make env PYTHON=python3.12." % sys.version_info[:2])'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@cp requirements.lock $(VENV)/requirements.lock

reproduce: env  ## regenerate every figure and table of PROFILE into paper_figures/PROFILE (smoke: build/smoke)
	@$(EFFORT) $(PIPELINE) run --profile $(PROFILE) --data "$(DATA)"

data: env  ## fetch the images and weights that PROFILE reads into DATA; what is there already stays
	@$(PIPELINE) data --profile $(PROFILE) --data "$(DATA)"

data-report: env  ## print the table of data/README.md, counted anew from the files in DATA
	@$(PIPELINE) data-report --data "$(DATA)"

choose: env  ## which map suits your MODEL=model.keras on the images in DATA=folder? SET="name=value ..." sets more
	@$(PIPELINE) choose --model "$(MODEL)" --data "$(DATA)" $(foreach setting,$(SET),--set "$(setting)")

report: reproduce  ## figures, tables, claims, notebooks and where each comes from: build/PROFILE/site/index.html
	@$(PIPELINE) report --profile $(PROFILE)

verify: env  ## re-hash results: current, stale (a warning), altered, missing or unrecorded (an error)? PROFILE= for one
	@$(PIPELINE) verify $(if $(filter file,$(origin PROFILE)),,--profile "$(PROFILE)") --data "$(DATA)"

test: env  ## check the code style and run every test, the notebooks on the smoke profile among them
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(EFFORT) $(BIN)/python -m pytest

# On the oldest Python: with a newer one the packages of the lock do not go with the oldest NumPy.
test-oldest:  ## run every test with the oldest TensorFlow, Keras and NumPy that pyproject.toml allows
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info[:2] == (3, 11) else "Python %d.%d is not the oldest that pyproject.toml allows: make test-oldest PYTHON=python3.11." % sys.version_info[:2])'
	@mkdir -p $(OLDEST)
	@$(PYTHON) .ci/oldest.py > $(OLDEST)/constraints.txt
	@cmp -s $(OLDEST)/constraints.txt $(OLDEST)/venv/constraints.txt || $(MAKE) --no-print-directory $(OLDEST)/venv
	@$(OLDEST)/venv/bin/python -m pip list --format=freeze | grep -E '^(jax|keras|numpy|tensorflow)='
	$(OLDEST)/venv/bin/python -m black_average_drop.effort $(OLDEST)/venv/bin/python -m pytest

.PHONY: $(OLDEST)/venv
$(OLDEST)/venv:
	$(PYTHON) -m venv --clear $(OLDEST)/venv
	$(OLDEST)/venv/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint $(OLDEST)/constraints.txt --editable '.[tensorflow,dev]'
	@cp $(OLDEST)/constraints.txt $(OLDEST)/venv/constraints.txt

reliability: env  ## the long checks: killed, disk full, run twice, many images, honest intervals (CHECK=file of one)
	$(ALLOCATOR) $(BIN)/python -m pytest reliability/$(CHECK) -s

# With lib copied to src, since mutmut takes a module's name from its path and leaves out no other folder; its own
# dozen of packages stay out of the environment.
mutate: env  ## change cams, masks and metrics in each little way: which changes does no test notice? Minutes
	rm -rf build/mutation && mkdir -p build/mutation
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --target build/mutation/tools mutmut==3.8.1
	cp -R lib build/mutation/src && cp -R tests pyproject.toml build/mutation
	cd build/mutation && export PYTHONPATH="$$PWD/tools" && $(CURDIR)/$(ALLOCATOR) $(CURDIR)/$(BIN)/python -m mutmut run && \
	$(CURDIR)/$(BIN)/python -m mutmut results && $(CURDIR)/$(BIN)/python -m mutmut export-cicd-stats

lab: env  ## open the notebooks in JupyterLab, first the one to explore maps by hand
	$(ALLOCATOR) $(BIN)/jupyter lab --notebook-dir=notebooks --LabApp.default_url=/lab/tree/explore.ipynb

# The libraries that it compares with are no part of the lock: they would pin TensorFlow, NumPy and SciPy to what they
# were tested with. Without their dependencies they lie in a folder of their own, from which nothing else reads. One that
# cannot be installed is a row that says so.
benchmark: env  ## measure evaluation against its forward passes and other libraries, into paper_figures/benchmark/
	@cmp -s benchmark-requirements.txt $(LIBRARIES).txt || $(MAKE) --no-print-directory $(LIBRARIES)
	@$(ALLOCATOR) $(BIN)/python -m black_average_drop.benchmark $(if $(filter file,$(origin DATA)),,--data "$(DATA)")

.PHONY: $(LIBRARIES)
$(LIBRARIES):
	@rm -rf $(LIBRARIES)
	@sed 's/ *#.*//; /^$$/d' benchmark-requirements.txt | xargs -n 1 $(BIN)/python -m pip install --quiet \
		--disable-pip-version-check --no-deps --target $(LIBRARIES) \
		&& cp benchmark-requirements.txt $(LIBRARIES).txt \
		|| echo "Not every library to compare with could be installed: the rows of those will say so."

notebooks: env  ## regenerate notebooks/*.ipynb from the percent scripts, which are the source
	@$(PIPELINE) notebooks

clean:  ## remove everything that was built, the environment included; paper_figures/ stays
	rm -rf build $(VENV) lib/*.egg-info
