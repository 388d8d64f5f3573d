# Everything a newcomer needs: `make run` to talk to it, `make test` to check it.
# Each target does all of its own set-up and is quick when nothing has changed.

PORT ?= 8080
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up-for

.PHONY: run run-with-model test check bench voice setup setup-dev setup-browser setup-phones setup-clients setup-train format clean

# What it hears with is fetched once; after that no network is needed.
run: setup
	@$(BIN)/voiceserver models prepare
	$(BIN)/voiceserver serve --port $(PORT)

# make run-with-model MODEL=x.gguf: a language model on this machine; docs/models.md.
run-with-model: $(STAMP)-llm
	@test -n "$(MODEL)" || { echo "Name a model: make run-with-model MODEL=x.gguf (docs/models.md says which)" >&2; exit 2; }
	@$(BIN)/voiceserver models prepare
	$(BIN)/voiceserver serve --port $(PORT) --model "$(MODEL)"

# What needs neither sockets nor a browser runs side by side, the rest alone. What only
# the rest needs is installed meanwhile; what that printed is shown when it is over.
# Models are fetched where they can be had; else tests that need them say so.
test: setup-dev
	@status=0 log=$$(mktemp); \
	$(MAKE) --no-print-directory setup-browser setup-phones setup-clients > "$$log" 2>&1 & installing=$$!; \
	$(BIN)/voiceserver models get whisper-base whisper-tiny.en smart-turn & fetching=$$!; \
	$(MAKE) --no-print-directory check || status=2; \
	wait $$fetching; \
	if [ $$status = 0 ]; then \
		OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not net" -n auto --maxprocesses 4 || status=1; \
	fi; \
	wait $$installing || status=2; \
	cat "$$log"; rm -f "$$log"; \
	if [ $$status != 2 ]; then \
		$(BIN)/python -m pytest -m net --durations 15 || status=1; \
	fi; \
	exit $$status

check: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup-dev
	$(BIN)/python -m benchmarks

# make voice CORPUS=recordings WORK=folder CONSENT="who speaks and what they agreed to"
#   READER=name TEACHERS="hibari=heart jm_kumo=kumo": the speaker's name, and synthetic ones
voice: setup-train
	OMP_NUM_THREADS=1 $(BIN)/python -m scripts.voice.train "$(CORPUS)" "$(WORK)" --consent "$(CONSENT)" \
		$(addprefix --reader ,$(READER)) $(addprefix --teacher ,$(TEACHERS))

format: setup-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

setup: $(STAMP)-run
setup-dev: $(STAMP)-dev
setup-train: $(STAMP)-train
setup-browser:
	sh scripts/install_browser.sh
setup-phones:
	sh scripts/install_phones.sh
setup-clients:
	sh scripts/install_clients.sh "$(PYTHON)" .venv-clients

$(STAMP)-run: pyproject.toml constraints.txt scripts/install.sh
	sh scripts/install.sh "$(PYTHON)" "$(VENV)" whisper,turns,sip
	@touch $@

$(STAMP)-llm: pyproject.toml constraints.txt scripts/install.sh
	sh scripts/install.sh "$(PYTHON)" "$(VENV)" whisper,turns,sip,llm
	@touch $(STAMP)-run $@

$(STAMP)-dev: pyproject.toml constraints.txt scripts/install.sh
	sh scripts/install.sh "$(PYTHON)" "$(VENV)" espeak,whisper,turns,sip,llm,otel,sherpa,apm,cluster,dev,bench
	@touch $(STAMP)-run $(STAMP)-llm $@

$(STAMP)-train: pyproject.toml constraints.txt scripts/install.sh
	sh scripts/install.sh "$(PYTHON)" "$(VENV)" espeak,whisper,turns,sip,llm,otel,sherpa,apm,cluster,dev,bench,train
	@touch $(STAMP)-run $(STAMP)-llm $(STAMP)-dev $@

clean:
	rm -rf $(VENV) .venv-clients tests/clients/node_modules build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
