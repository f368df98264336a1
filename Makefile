# Each target does its own set-up on a machine that has Python >= 3.11, make and a C library.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null)

.PHONY: run test slow check bench clean lock

run: .venv/runtime  ## start everything on http://127.0.0.1:$(PORT)
	exec $(BIN)/zaiko run --port $(PORT)

test: .venv/dev  ## the suite, on the embedded PostgreSQL and on 15 where it is installed
	$(BIN)/pytest -n 2 -m "not slow"

slow: .venv/dev  ## proofs that take long: processes killed and begun again, the whole sample
	$(BIN)/pytest -n 2 -m slow

check: .venv/dev  ## what CI runs: format, lint, types, imports, API promise, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy app
	$(BIN)/lint-imports
	$(BIN)/zaiko openapi --check
	! grep -n '://' requirements*.lock
	$(MAKE) slow
	$(MAKE) test

bench: .venv/dev .venv-bench/peers  ## benchmarks; ONLY=name runs one
	$(BIN)/python -m bench $(ONLY)

lock:  ## resolve the locks anew (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header --upgrade pyproject.toml --group dev -o requirements-dev.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header pyproject.toml --group build -c requirements-dev.lock -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header --upgrade --group bench -o requirements-bench.lock

clean:  ## remove what the other targets made in this folder
	rm -rf .venv .venv-bench build *.egg-info

# A stamp file says which lock the environment holds. The service's own is a subset of dev's.
.venv/runtime: requirements.lock pyproject.toml
	@$(call install,requirements.lock)
	@touch $@

.venv/dev: requirements-dev.lock pyproject.toml
	@$(call install,requirements-dev.lock)
	@touch $@ .venv/runtime

# The peers of the benchmarks need an older pandas than ours, so they live apart.
.venv-bench/peers: requirements-bench.lock
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

ifdef UV
install = test -x $(BIN)/python || uv venv -q --python $(PYTHON) .venv; \
  uv pip install -q -p $(BIN)/python --require-hashes -r $(1) && \
  uv pip install -q -p $(BIN)/python --no-deps --no-build-isolation -e .
else
install = test -x $(BIN)/python || $(PYTHON) -m venv .venv; \
  $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(1) && \
  $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
endif
