# The verbs. Each does its own set-up on a fresh Debian or Ubuntu machine; CI uses the same.

SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
TESTS ?= tests
WORKERS ?= auto

.PHONY: demo test test-fast lint serve bench docs soak clean engine

demo: $(STAMP) engine
	@scripts/ensure-packages busybox-static curl
	@$(PY) -m emulator.demo

# Everything, with the real engine: what CI runs. Two of the engine's test files run beside each other: they mostly wait.
test: lint engine
	@scripts/ensure-packages busybox-static curl skopeo podman debootstrap docker-compose docker-registry awscli iproute2
	@$(PY) -m pytest -n $(WORKERS) -m "not docker" --check-coverage $(TESTS)
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m docker $(TESTS)

# No engine: about two minutes on two cores.
test-fast: $(STAMP)
	@$(PY) -m pytest -n $(WORKERS) -m "not docker" $(TESTS)

lint: $(STAMP)
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(PY) -m api_models.generate --check

serve: $(STAMP) engine
	@$(PY) -m emulator up

bench: $(STAMP) engine
	@scripts/ensure-packages busybox-static wrk skopeo docker-registry
	@$(PY) -m benchmarks.http_server
	@$(PY) -m benchmarks.api
	@$(PY) -m benchmarks.placement
	@$(PY) -m benchmarks.instances
	@$(PY) -m benchmarks.run_task
	@$(PY) -m benchmarks.many_tasks
	@$(PY) -m benchmarks.exit_noticed
	@$(PY) -m benchmarks.services
	@$(PY) -m benchmarks.logs
	@$(PY) -m benchmarks.registry

# The generated parts of the documentation: types, and the coverage table from a whole test run.
docs: $(STAMP)
	@$(PY) -m api_models.generate
	@$(PY) -m pytest -n $(WORKERS) -m "not docker" --ignore tests/test_docs.py --write-coverage tests
	@$(PY) -m emulator coverage --write README.md

soak: $(STAMP) engine
	@HYPOTHESIS_PROFILE=soak $(PY) -m pytest -n $(WORKERS) --soak --timeout 1800 tests/domain tests/control tests/serve tests/conformance
	@$(PY) -m pytest -m docker --soak --timeout 1800 tests/docker/test_service_kills.py

engine:
	@scripts/ensure-engine .work

$(STAMP): pyproject.toml constraints.txt
	@scripts/ensure-venv $(VENV)
	@touch $(STAMP)

clean:
	rm -rf $(VENV) .work build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
