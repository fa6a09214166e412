# Every task of this project. `make` alone lists them.
#
# A new target: one line `name: environment ## what it does`, and its recipe. Targets that need no environment leave `environment` out.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-print-directory
# Without bytecode, each of the processes that tests start would compile everything again.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PYTHONDONTWRITEBYTECODE

RUN := .cache/venv/bin/python
JOBS ?= 3#    processes of `make test`: one more than two cores, as some wait
ARGS ?=#      more arguments, e.g. make test ARGS="-k polling -x"

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# --- to see it work

.PHONY: demo
demo: environment ## two drawn images become demo.mp4, with the mock as the service (LIVE=1: with the vendor, which costs money)
	@$(RUN) -m demo $(ARGS)

.PHONY: mock
mock: environment ## serve the mock, e.g. make mock ARGS="--port 8080 --seconds 8"
	@$(RUN) -m kling_elements_mock $(ARGS)

# --- to change it

.PHONY: test
test: environment ## run every test (ARGS="-k polling -x")
	@$(RUN) -m pytest -q -n $(JOBS) --dist worksteal $(ARGS)

.PHONY: lint
lint: environment ## ruff, mypy --strict, pyright, the layers (import-linter), the workflows (zizmor); all of them, whatever the first finds
	@$(MAKE) -k -j $(JOBS) pyright mypy ruff ruff-format layers workflows

# The slowest first, as they run side by side.
.PHONY: mypy pyright ruff ruff-format layers workflows
mypy:
	@$(RUN) -m mypy
pyright:
	@PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(RUN) -m pyright
ruff:
	@$(RUN) -m ruff check .
ruff-format:
	@$(RUN) -m ruff format --check .
layers:
	@.cache/venv/bin/lint-imports --no-logo --cache-dir .cache/import-linter
workflows:
	@.cache/venv/bin/zizmor --offline --no-progress --quiet .github

.PHONY: format
format: environment ## let ruff format, and fix what it can
	@$(RUN) -m ruff format .
	@$(RUN) -m ruff check --fix .

# --- the contract

.PHONY: regenerate
regenerate: environment ## spec/upstream/ and the overlay become spec/openapi.yaml and generated/
	@$(RUN) -m spec.tools.regenerate $(ARGS)

.PHONY: regenerate-check
regenerate-check: environment ## say whether the committed files are what `make regenerate` gives; change nothing
	@$(RUN) -m spec.tools.regenerate --check

.PHONY: update
update: environment ## take in a fresh copy of a page: PAGE=file-or-url (ARGS="--tests none", ARGS=--keep)
	@test -n '$(PAGE)' || { echo 'name the page: make update PAGE=page.md, or PAGE=https://…/page.md' >&2; exit 2; }
	@$(RUN) -m spec.tools.update '$(PAGE)' $(ARGS)

.PHONY: diff
diff: environment ## what changed in the API document since HEAD (FROM=v0.1.0 TO=HEAD, ARGS="--format markdown")
	@$(RUN) -m spec.tools.diff $(or $(FROM),HEAD) $(TO) $(ARGS)

.PHONY: model-cost
model-cost: environment ## how many hand-written lines a model costs (ARGS=std)
	@$(RUN) -m spec.tools.model_cost $(ARGS)

# --- the contract suite (docs/contract.md)

# The key is taken from the environment (CONTRACT_KEY) and never stands on a command line.
CONTRACT = CONTRACT_URL='$(URL)' CONTRACT_PROFILE='$(PROFILE)' CONTRACT_CAP='$(CAP)' CONTRACT_SEED='$(SEED)' \
	$(if $(WAIT),CONTRACT_WAIT='$(WAIT)') $(if $(DOCUMENT),CONTRACT_DOCUMENT='$(DOCUMENT)') $(if $(IMAGES),CONTRACT_IMAGES='$(IMAGES)') $(if $(KNOWN),CONTRACT_KNOWN='$(KNOWN)') \
	CONTRACT_EXAMPLES='$(or $(EXAMPLES),100)' $(RUN) -m contract_tests.report

.PHONY: contract
contract: environment ## both sides of the contract suite, and a table of what they exercised (docs/contract.md)
	@$(CONTRACT) -- -n $(JOBS) $(ARGS)

.PHONY: contract-server
contract-server: environment ## the server side alone (URL=https://… PROFILE=free, or PROFILE=full CAP=20; SEED=1)
	@$(CONTRACT) --server -- $(if $(URL),,-n $(JOBS)) $(ARGS)

.PHONY: contract-live
contract-live: environment ## compare the live service with the document, without making a task (CONTRACT_KEY, URL=https://…)
	@$(MAKE) contract-server URL="$(or $(URL),$$($(RUN) -c 'import yaml; print(yaml.safe_load(open("spec/openapi.yaml"))["servers"][0]["url"])'))" PROFILE=free ARGS="$(ARGS)"

.PHONY: coverage
coverage: environment ## branch coverage of overrides/ by the whole suite, and how many seeded violations it finds
	@rm -rf .cache/coverage && mkdir -p .cache/coverage
	@$(RUN) -m coverage run -m pytest -n $(JOBS) -q $(ARGS) || echo 'Some tests failed (above): the figures below are of what ran.' >&2
	@$(RUN) -m coverage combine -q && $(RUN) -m coverage report
	@$(RUN) -m contract_tests.violations --trusting --quiet --jobs $(JOBS)

.PHONY: kill-test
kill-test: environment ## kill -9 a batch at random moments, and count what is lost or paid twice (N=300 SEED=1)
	@$(RUN) -m contract_tests.faults.kill --kills $(or $(N),300) --seed $(or $(SEED),1) $(ARGS)

.PHONY: faults
faults: environment ## disturb the connection in every way, and count what is lost or paid twice (N=10000 SEED=1; docs/proof.md)
	@$(RUN) -m contract_tests.faults --faults $(or $(N),10000) --seed $(or $(SEED),1) $(ARGS)

.PHONY: mutants
mutants: environment ## seed wrong behaviour, and show that the suite finds each (ARGS="--kind client"; docs/proof.md)
	@$(RUN) -m contract_tests.violations --jobs $(JOBS) $(ARGS)

.PHONY: mutation
mutation: environment ## look for holes in the tests with mutmut, now and then; no gate (its modules: pyproject.toml)
	@$(RUN) -m mutmut run $(ARGS)

# --- the site

.PHONY: docs
docs: environment ## build the site into build/docs/site, strictly
	@scripts/docs.sh $(RUN)

.PHONY: bench
bench: environment ## measure start-up, looks, creates and waits beside raw httpx and other clients (docs/benchmarks.md; some minutes)
	@$(RUN) -m bench $(ARGS)

# --- the environment and the packages

.PHONY: setup
setup: environment ## make the environment (every other target does it when needed)

.PHONY: environment
environment:
	@PYTHON='$(PYTHON)' scripts/environment.sh

.PHONY: lock
lock: ## pin the development packages again after a change of pyproject.toml (ARGS=--upgrade: newer ones)
	@PYTHON='$(PYTHON)' scripts/lock.sh $(ARGS)

.PHONY: dist
dist: environment ## build the sdist, and the wheel from it, into dist/, and check both (REPOSITORY=https://… for a release)
	@PYTHON='$(PYTHON)' KLING_ELEMENTS_REPOSITORY='$(REPOSITORY)' scripts/dist.sh

.PHONY: clean
clean: ## remove the environments, caches and what the demo left
	@rm -rf .cache .demo demo.mp4 build dist mutants .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
