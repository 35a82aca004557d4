# Black Average Drop: every figure and table of the paper, from one command. `make` lists the targets.

# What is set on the command line is text, such as a folder's name. Make would expand it, and run what it says, wherever
# it is mentioned or handed on to a command: here it is made text for good. In recipes it stands as "$$NAME", a variable
# of the shell's, so that the shell does not read it either.
$(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),\
	$(eval override $(name) := $$(value $(name)))$(eval export $(name))))

PROFILE ?= demo
DATA    ?= data
PYTHON  ?= python3
MODEL   ?=
SET     ?=
CODE    ?=
TRUST   ?=
MAPS    ?=
LESIONS ?=
CHECK   ?=
export PROFILE DATA PYTHON MODEL SET CODE TRUST MAPS LESIONS CHECK
VENV    := .venv
BIN     := $(VENV)/bin

# A kernel named python3 in the user's home would otherwise shadow the one of this environment.
export JUPYTER_PREFER_ENV_PATH = 1
export TF_CPP_MIN_LOG_LEVEL = 3

LIBRARIES = build/benchmark/libraries
OLDEST = build/oldest
TORCH = build/torch
PEERS = build/peers
PIPELINE = $(BIN)/python -m black_average_drop.artifact
# Start what computes with the settings of allocator.py; EFFORT also says in the end what it cost.
ALLOCATOR = $(USING) $(BIN)/python -m black_average_drop.artifact.allocator
EFFORT = $(USING) $(BIN)/python -m black_average_drop.artifact.effort
# Tests run make themselves, with values of their own; what stands here by default is none that a user gave.
UNSET = env -u PROFILE -u DATA -u MODEL -u SET -u CODE -u TRUST -u MAPS -u LESIONS -u CHECK
# Commands that use the environment hold its lock together, and one that builds or removes it holds it alone.
LOCK = env BAD_TARGET="make $@" "$$PYTHON" lib/black_average_drop/artifact/locks.py
USING = env BAD_TARGET="make $@" $(BIN)/python lib/black_average_drop/artifact/locks.py --shared $(VENV).lock

# TensorFlow takes all cores, or the whole GPU: the notebooks run one at a time, also under -j.
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help env data data-report reproduce tables choose test test-torch zoo peers test-oldest reliability mutate lab report benchmark verify notebooks pages clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '  PROFILE=smoke|demo|laptop|paper|paper_cpu|rsna (now %s) and DATA=folder (now %s) choose what runs on what.\n' "$$PROFILE" "$$DATA"

env:  ## build .venv from requirements.lock; nothing to do while the lock is unchanged
	@cmp -s requirements.lock $(VENV)/requirements.lock || { \
		"$$PYTHON" -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 13) else "Python %d.%d has no TensorFlow wheels: name one of 3.11 to 3.13, for example make env PYTHON=python3.12." % sys.version_info[:2])' && \
		$(LOCK) $(VENV).lock $(MAKE) --no-print-directory $(VENV)/rebuild; }

# Whoever had to wait for the lock finds the environment built.
.PHONY: $(VENV)/rebuild $(VENV)/built
$(VENV)/rebuild:
	@cmp -s requirements.lock $(VENV)/requirements.lock || $(MAKE) --no-print-directory $(VENV)/built
$(VENV)/built:
	"$$PYTHON" -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@cp requirements.lock $(VENV)/requirements.lock

reproduce: env  ## regenerate every figure and table of PROFILE into paper_figures/PROFILE (smoke: build/smoke)
	@$(EFFORT) $(PIPELINE) run "--profile=$$PROFILE" "--data=$$DATA"

tables: env  ## make the tables, claims and verdicts of PROFILE again from its committed rows: a minute or two, no images
	@$(USING) $(PIPELINE) tables "--profile=$$PROFILE"

data: env  ## fetch the images and weights that PROFILE reads into DATA; what is there already stays
	@$(USING) $(PIPELINE) data "--profile=$$PROFILE" "--data=$$DATA"

data-report: env  ## print the table of data/README.md, counted again from the files in DATA
	@$(USING) $(PIPELINE) data-report "--data=$$DATA"

choose: env  ## which map suits your MODEL=model.keras or net.pt2 on the images in DATA=folder? SET="name=value ..." sets more, MAPS=folder adds your maps, LESIONS=boxes.csv the truth
	@$(USING) $(PIPELINE) choose "--model=$$MODEL" "--data=$$DATA" "--set=$$SET" "--code=$$CODE" "--trust=$$TRUST" \
		"--maps=$$MAPS" "--lesions=$$LESIONS"

report: reproduce  ## figures, tables, claims, notebooks and where each comes from: build/PROFILE/site/index.html
	@$(USING) $(PIPELINE) report "--profile=$$PROFILE"

verify: env  ## re-hash results: current, stale (a warning), altered, missing or unrecorded (an error)? PROFILE= for one
	@$(USING) $(PIPELINE) verify $(if $(filter file,$(origin PROFILE)),,"--profile=$$PROFILE") "--data=$$DATA"

test: env  ## check the code style and run every test, the notebooks on the smoke profile among them
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache --no-logo
	$(UNSET) $(EFFORT) $(BIN)/python -m pytest

# PyTorch weighs as much as all of the lock together, and is no part of it. An environment of its own holds PyTorch with
# its few packages, and sees the rest in .venv.
test-torch: env  ## run the tests of PyTorch, and those of Keras on PyTorch: minutes
	@$(LOCK) $(TORCH).lock $(MAKE) --no-print-directory $(TORCH)/venv
	$(LOCK) --shared $(TORCH).lock $(UNSET) $(EFFORT) $(TORCH)/venv/bin/python -m pytest tests/networks/pytorch
	$(LOCK) --shared $(TORCH).lock $(UNSET) KERAS_BACKEND=torch \
		$(EFFORT) $(TORCH)/venv/bin/python -m pytest $(addprefix tests/,$(ON_TORCH))

ON_TORCH = test_cams.py test_further_cams.py test_resampling.py test_perturbation.py test_masks.py \
	test_evaluation.py $(addprefix networks/,\
	test_cam_network.py test_cut.py test_graph.py test_parts_of_models.py test_conformance.py test_apart.py \
	test_parameter_limit.py pytorch/test_keras_on_torch.py \
	test_backends.py::test_float32_is_float32_where_a_gpu_could_round_it) \
	training/test_checkpoints.py::test_a_killed_training_ends_where_an_undisturbed_one_does[network] \
	artifact/test_choose.py::test_everything_is_written_as_csv_with_its_provenance
TORCH_PIN = import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["torch"])
ALSO_SEEN = import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))

.PHONY: $(TORCH)/venv $(TORCH)/built
$(TORCH)/venv:
	@mkdir -p $(TORCH)
	@$(USING) $(BIN)/python -c '$(TORCH_PIN)' > $(TORCH)/requirements.txt
	@$(USING) $(BIN)/python -c '$(ALSO_SEEN)' > $(TORCH)/locked.pth
	@cat $(TORCH)/requirements.txt $(TORCH)/locked.pth requirements.lock > $(TORCH)/made-from.txt
	@cmp -s $(TORCH)/made-from.txt $(TORCH)/venv/made-from.txt || $(MAKE) --no-print-directory $(TORCH)/built
$(TORCH)/built:
	$(USING) $(BIN)/python -m venv --clear $(TORCH)/venv
	@cp $(TORCH)/locked.pth \
		"$$($(TORCH)/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
	@mkdir -p $(TORCH)/venv/share && \
		ln -s "$$($(BIN)/python -c 'import sys; print(sys.prefix)')/share/jupyter" $(TORCH)/venv/share/jupyter
	$(USING) $(TORCH)/venv/bin/python -m pip install --quiet --disable-pip-version-check \
		--requirement $(TORCH)/requirements.txt
	@cp $(TORCH)/made-from.txt $(TORCH)/venv/made-from.txt

zoo: env  ## read every architecture of tests/zoo as a tape and NumPy read it by hand: minutes
	$(UNSET) $(EFFORT) $(BIN)/python -m pytest -m "zoo or not zoo" tests/zoo

# Its environment sees all of .venv, as that of test-torch. A library that cannot be installed is a row that says so.
peers: env  ## hold maps and metrics against those of nine libraries, into paper_figures/peers/ (CHECK=file of one: build/peers/ alone)
	@$(LOCK) $(PEERS).lock $(USING) $(MAKE) --no-print-directory $(PEERS)/venv
	$(LOCK) $(PEERS).lock $(UNSET) $(EFFORT) $(PEERS)/venv/bin/python -m pytest "peers/$$CHECK" -s --show-capture=no

.PHONY: $(PEERS)/venv $(PEERS)/built
$(PEERS)/venv:
	@mkdir -p $(PEERS)
	@$(BIN)/python -c '$(ALSO_SEEN)' > $(PEERS)/locked.pth
	@cat peers/requirements.txt $(PEERS)/locked.pth requirements.lock > $(PEERS)/made-from.txt
	@cmp -s $(PEERS)/made-from.txt $(PEERS)/venv/made-from.txt || $(MAKE) --no-print-directory $(PEERS)/built
$(PEERS)/built: PIP = $(PEERS)/venv/bin/python -m pip install --quiet --disable-pip-version-check
$(PEERS)/built:
	$(BIN)/python -m venv --clear $(PEERS)/venv
	@cp $(PEERS)/locked.pth \
		"$$($(PEERS)/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
	$(PIP) --constraint peers/requirements.txt torch
	@sed 's/ *#.*//; /^$$/d' peers/requirements.txt | while read -r one; do $(PIP) --no-deps "$$one" < /dev/null \
		|| echo "$$one could not be installed: its rows will say so. To try again: rm -r $(PEERS), then make peers."; done
	@cp $(PEERS)/made-from.txt $(PEERS)/venv/made-from.txt

# On the oldest Python: with a newer one the packages of the lock do not go with the oldest NumPy.
test-oldest:  ## run every test with the oldest TensorFlow, Keras and NumPy that pyproject.toml allows
	@"$$PYTHON" -c 'import sys; sys.exit(None if sys.version_info[:2] == (3, 11) else "Python %d.%d is not the oldest that pyproject.toml allows: make test-oldest PYTHON=python3.11." % sys.version_info[:2])'
	@$(LOCK) $(OLDEST).lock $(MAKE) --no-print-directory $(OLDEST)/venv
	@$(OLDEST)/venv/bin/python -m pip list --format=freeze | grep -E '^(jax|keras|numpy|tensorflow)='
	$(LOCK) --shared $(OLDEST).lock $(UNSET) \
		$(OLDEST)/venv/bin/python -m black_average_drop.artifact.effort $(OLDEST)/venv/bin/python -m pytest

.PHONY: $(OLDEST)/venv $(OLDEST)/built
$(OLDEST)/venv:
	@mkdir -p $(OLDEST)
	@"$$PYTHON" .ci/oldest.py > $(OLDEST)/constraints.txt
	@cmp -s $(OLDEST)/constraints.txt $(OLDEST)/venv/constraints.txt || $(MAKE) --no-print-directory $(OLDEST)/built
$(OLDEST)/built:
	"$$PYTHON" -m venv --clear $(OLDEST)/venv
	$(OLDEST)/venv/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint $(OLDEST)/constraints.txt --editable '.[tensorflow,dev]'
	@cp $(OLDEST)/constraints.txt $(OLDEST)/venv/constraints.txt

reliability: env  ## the long checks: killed, disk full, run twice, many images, honest intervals (CHECK=file of one)
	$(LOCK) build/reliability.lock $(ALLOCATOR) $(BIN)/python -m pytest "reliability/$$CHECK" -s

# With lib copied to src, since mutmut takes a module's name from its path and leaves out no other folder; its own
# dozen of packages stay out of the environment.
mutate: env  ## change each formula of the method in each little way: which changes does no test notice? Minutes
	@$(LOCK) build/mutation.lock $(MAKE) --no-print-directory build/mutation

.PHONY: build/mutation
build/mutation:
	rm -rf build/mutation && mkdir -p build/mutation
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --target build/mutation/tools mutmut==3.8.1
	cp -R lib build/mutation/src && cp -R tests pyproject.toml build/mutation
	cd build/mutation && export PYTHONPATH="$$PWD/tools" && \
	../../$(BIN)/python -m black_average_drop.artifact.allocator ../../$(BIN)/python -m mutmut run && \
	../../$(BIN)/python -m mutmut results && ../../$(BIN)/python -m mutmut export-cicd-stats

lab: env  ## open the notebooks in JupyterLab, first the one to explore maps by hand
	@[ "$$(id -u)" != 0 ] || { echo "JupyterLab does not start as root, as whom a notebook could change the whole" \
		"system: run make lab as another user." >&2; exit 1; }
	$(ALLOCATOR) $(BIN)/jupyter lab --notebook-dir=notebooks --LabApp.default_url=/lab/tree/explore.ipynb

# The libraries that it compares with are no part of the lock: they would pin TensorFlow, NumPy and SciPy to what they
# were tested with. Without their dependencies they lie in a folder of their own, from which nothing else reads. One that
# cannot be installed is a row that says so.
benchmark: env  ## measure evaluation against its forward passes and other libraries, into paper_figures/benchmark/
	@$(LOCK) $(LIBRARIES).lock $(MAKE) --no-print-directory $(LIBRARIES)
	@$(LOCK) build/benchmark.lock $(ALLOCATOR) $(BIN)/python -m black_average_drop.benchmark $(if $(filter file,$(origin DATA)),,"--data=$$DATA")

.PHONY: $(LIBRARIES) $(LIBRARIES)/built
$(LIBRARIES):
	@cmp -s benchmark-requirements.txt $(LIBRARIES).txt || $(MAKE) --no-print-directory $(LIBRARIES)/built
$(LIBRARIES)/built:
	@rm -rf $(LIBRARIES)
	@sed 's/ *#.*//; /^$$/d' benchmark-requirements.txt | xargs -n 1 $(BIN)/python -m pip install --quiet \
		--disable-pip-version-check --no-deps --target $(LIBRARIES) \
		&& cp benchmark-requirements.txt $(LIBRARIES).txt \
		|| echo "Not every library to compare with could be installed: the rows of those will say so."

notebooks: env  ## regenerate notebooks/*.ipynb from the percent scripts, which are the source
	@$(USING) $(PIPELINE) notebooks

pages: env  ## fill README.md, MODEL_CARD.md and docs/ with the committed results, from docs/templates/
	@$(USING) $(BIN)/python -m black_average_drop.artifact.pages

clean:  ## remove everything that was built, the environment included; paper_figures/ stays
	$(LOCK) $(VENV).lock rm -rf build $(VENV) lib/*.egg-info
