# make serve: everything from nothing to a running service.   make test, make lint: what CI runs.
# make check: what a change can be held against in a minute.
# make lock: resolve the dependencies anew (needs uv).

SHELL := /bin/sh
VENV := .venv
PYTHON := $(VENV)/bin/python
FUZZERS := .fuzzers
PEERS := .peers
CONTRACT := .contract
VECTORS := .vectors
WRITERS := .writers
PORT ?= 8000
TESTERS ?= 2
MLXQ_CONFIG ?= models.yaml
export MLXQ_CONFIG

.PHONY: serve setup models test check lint docs diagrams tables lock bench peers vectors soak faults fuzz contract clean

serve: models
	@test ! -t 1 || export MLXQ_LOG_FORMAT=console FORCE_COLOR=1; \
	  PATH="$(CURDIR)/$(VENV)/bin:$$PATH" MLXQ_PORT=$(PORT) $(VENV)/bin/honcho start

setup: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml setup.sh
	@./setup.sh $(VENV)
	@touch $@

models: setup
	@$(PYTHON) -m workers.starter

# Everything, in TESTERS processes, each with servers of its own. LONG=1 looks for cases for hours instead of minutes.
# AGAIN=1 runs what failed once more, alone: what passes then hung on the machine's speed or on other tests, and is told.
test: models
	@$(PYTHON) -m pytest -n $(TESTERS) || { test $$? -eq 1 && test -n "$(AGAIN)" && $(PYTHON) -m pytest --last-failed -rap; }

check: setup lint
	@$(PYTHON) -m pytest -q -n $(TESTERS) -m unit

lint: setup docs
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

# The documents as a site in var/site; a link or an include that leads nowhere is an error.
docs: setup $(WRITERS)/.installed
	@$(WRITERS)/bin/zensical build --clean --strict

$(WRITERS)/.installed: Makefile
	@$(PYTHON) -m venv $(WRITERS)
	@$(WRITERS)/bin/pip install --quiet zensical==0.0.73
	@touch $@

# The documents' diagrams from Mermaid's text to SVG (needs node and npm), so that the site draws nothing by itself.
diagrams:
	@npm install --silent --no-save --prefix var/diagrams beautiful-mermaid@1.1.3
	@node docs/diagrams/render.mjs "$(CURDIR)/var/diagrams"

# What the documents' tables say, as the code has it.
tables: setup
	@$(PYTHON) -m tests.tables

# Both platforms in one file; requirements that neither has are left out.
lock:
	MACOSX_DEPLOYMENT_TARGET=14.0 uv pip compile --quiet --universal --python-version 3.11 --extra all --extra dev \
	  pyproject.toml --no-header --no-emit-index-url --no-emit-find-links --no-annotate --upgrade -o requirements.lock
	sed -i.bak "/sys_platform == 'never'/d;/sys_platform == 'win32'$$/d" requirements.lock && rm requirements.lock.bak

# Ours beside others, as docs/benchmarks/report.md. make bench BENCH='--only text:8 --only hop --rounds 3' for parts of it.
bench: models peers
	@$(PYTHON) -m bench.report $(BENCH)

# Other people's servers, pinned, each in an environment of its own. One that cannot be had here is left out and told of.
peers: $(patsubst bench/peers/%.txt,$(PEERS)/%/.installed,$(wildcard bench/peers/*.txt))

$(PEERS)/%/.installed: bench/peers/%.txt | $(VENV)/.installed
	@$(PYTHON) -m venv $(PEERS)/$*
	@$(PEERS)/$*/bin/pip install --quiet --no-deps --requirement $< && touch $@ || \
	  echo "$* cannot be installed here and is left out" >&2

# Vectors and scores beside those of sentence-transformers, which needs torch and is no part of the environment.
vectors: $(VECTORS)/.installed
	@$(PYTHON) -m bench.vectors $(VECTORS)/bin/python

$(VECTORS)/.installed: bench/vectors/requirements.txt | $(VENV)/.installed
	@$(PYTHON) -m venv $(VECTORS)
	@$(VECTORS)/bin/pip install --quiet --requirement $<
	@touch $@

# make soak SOAK='--real 200 --fake 2000' for a shorter one.
soak: models
	@$(PYTHON) -m bench.soak $(SOAK)

# make faults FAULTS='--quick --only redis:away6 --only "web:*"' for some cells of the matrix.
faults: models
	@$(PYTHON) -m bench.faults $(FAULTS)

# Suites that others wrote, against the starter models; make contract SUITES=ai_sdk for one of them.
contract: models $(CONTRACT)/.installed
	@$(PYTHON) -m tests.contract $(CONTRACT) $(SUITES)

$(CONTRACT)/.installed: tests/contract/suites/requirements.txt tests/contract/suites/package.json | $(VENV)/.installed
	@$(PYTHON) -m venv $(CONTRACT)
	@$(CONTRACT)/bin/pip install --quiet --requirement $<
	@$(CONTRACT)/bin/pip install --quiet --no-deps instructor==1.17.0  # it asks for an older jiter than OpenAI's SDK does
	@rm -rf $(CONTRACT)/openai && mkdir -p $(CONTRACT)/openai  # its tests are in its source only
	@$(CONTRACT)/bin/pip download --quiet --no-deps --no-binary openai --dest $(CONTRACT)/openai "$$(grep '^openai==' $<)"
	@tar -xzf $(CONTRACT)/openai/openai-*.tar.gz --strip-components 1 -C $(CONTRACT)/openai
	@mkdir -p $(CONTRACT)/node && cp tests/contract/suites/package.json $(CONTRACT)/node
	@npm install --silent --no-audit --no-fund --prefix $(CONTRACT)/node || echo "no npm here: the AI SDK is left out" >&2
	@touch $@

# make fuzz FUZZ='--requests 2000 --no-real --seed 1' for a shorter one; what it finds lies in var/fuzz.
fuzz: models $(FUZZERS)/.installed
	@$(PYTHON) -m bench.fuzz --schemathesis $(FUZZERS)/bin/python $(FUZZ)

# schemathesis brings some thirty packages that nothing else needs, llm-comply OpenAI's description of its API.
$(FUZZERS)/.installed:
	@$(PYTHON) -m venv $(FUZZERS)
	@$(FUZZERS)/bin/pip install --quiet schemathesis==4.32.5
	@$(FUZZERS)/bin/pip install --quiet --no-deps llm-comply==0.5.0
	@touch $@

clean:
	rm -rf $(VENV) $(FUZZERS) $(PEERS) $(CONTRACT) $(VECTORS) $(WRITERS) var .cache .pytest_cache .mypy_cache .ruff_cache
