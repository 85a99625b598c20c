# Everything happens inside .venv; nothing outside it is touched.
PYTHON ?= python3
TORCH ?= torch==2.13.0
BIN := .venv/bin

.PHONY: venv lint typecheck test demo bench test-matrix clean

venv: .venv/installed
.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --upgrade pip
	$(BIN)/python -m pip install -q "$(TORCH)"
	$(BIN)/python -m pip install -q -e ".[dev]"
	mkdir -p .venv/types && ln -sfn "$(CURDIR)" .venv/types/indextts2_multitalk
	touch $@

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy reads the pack under its installed name, whatever the clone's folder is called.
typecheck: venv
	cd .venv/types && ../bin/mypy --config-file indextts2_multitalk/pyproject.toml -p indextts2_multitalk

test: lint typecheck
	$(BIN)/python -m pytest -m "not gpu and not comfyui and not weights"

bench: venv
	$(BIN)/indextts2 bench

clean:
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache .hypothesis output
