# Everything happens inside this folder; nothing outside it is touched.
PYTHON ?= python3
TORCH ?= torch==2.13.0
BIN := .venv/bin
UNMARKED := not gpu and not comfyui and not weights
SIDE_BY_SIDE := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
DEMO := checkpoints/demo
TALK := output/demo/dialogue
MODEL ?= demo
LINES ?= 4
FILE ?= tests/cases/text_and_scripts.json

.PHONY: venv lint typecheck test cases demo bench test-matrix matrix-low matrix-high matrix-comfyui clean

venv: .venv/installed
.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --upgrade pip
	$(BIN)/python -m pip install -q "$(TORCH)"
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install -q -e ".[dev]"
	mkdir -p .venv/types && ln -sfn "$(CURDIR)" .venv/types/indextts2_multitalk
	touch $@

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy reads the pack under its installed name, whatever the clone's folder is called.
typecheck: venv
	cd .venv/types && ../bin/mypy --config-file indextts2_multitalk/pyproject.toml -p indextts2_multitalk

test: lint typecheck
	$(BIN)/python -m pytest -m "$(UNMARKED)" $(SIDE_BY_SIDE)

# Small inputs and their right answers; FILE=… takes another file of that form. Prints what fails.
cases: venv
	$(BIN)/python tests/cases/run_cases.py $(FILE)

# A dialogue of two with the demonstration voice: WAV, subtitles and a picture in output/demo, and what ran.
demo: venv
	$(BIN)/indextts2 talk $(DEMO)/dialogue.txt --voice Anna=$(DEMO)/voices/anna.flac \
		--voice Ben=$(DEMO)/voices/ben.flac --model-dir demo \
		--srt $(TALK).srt --picture $(TALK).png -o $(TALK).wav

# On the demonstration voice, which is too small to say much about speed; MODEL=FOLDER takes another.
bench: venv
	$(BIN)/indextts2 bench --model-dir $(MODEL) --voice $(DEMO)/voices/anna.flac --lines $(LINES)

# Both ends of what users have: other transformers and numpy in front of the same torch.
test-matrix: matrix-comfyui matrix-low matrix-high
matrix-low: ENDS := "transformers~=4.46.0" "numpy~=1.26.0"
matrix-high: ENDS := --upgrade transformers numpy
matrix-low matrix-high: matrix-%: venv
	$(BIN)/python -m venv .venv-$*
	shared=$$($(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))") && \
		own=$$(.venv-$*/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))") && \
		echo "import site; site.addsitedir('$$shared')" > "$$own/shared.pth"
	.venv-$*/bin/python -m pip install -q $(ENDS)
	.venv-$*/bin/python -c "import numpy, torch, transformers; print('matrix-$*: transformers', transformers.__version__, 'numpy', numpy.__version__, 'torch', torch.__version__)"
	.venv-$*/bin/python -m pytest -m "$(UNMARKED)" $(SIDE_BY_SIDE)

# Installed where ComfyUI's torch and numpy are, requirements.txt leaves both as they are: asks pip's resolver.
matrix-comfyui: venv
	$(BIN)/python tests/helpers/resolve_beside_torch.py .venv-comfyui

clean:
	rm -rf .venv .venv-* .pytest_cache .ruff_cache .mypy_cache .hypothesis output build *.egg-info
