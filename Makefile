# make run | test | build | ok | bench. Needs git, npm and make; the rest is installed into this folder.
BUN_VERSION := 1.4.5
TOOLS := .tools/node_modules/.bin
BUN := $(TOOLS)/bun
export PATH := $(CURDIR)/$(TOOLS):$(CURDIR)/node_modules/.bin:$(CURDIR)/.tools/valkey:$(PATH)

.PHONY: run build test ok unit e2e bench format lint types protos docs services clean

run: build
	@$(BUN) scripts/run.ts $(ARGS)

build: dist/cableway

UNIT := $(filter-out test/e2e test/support test/contracts,$(wildcard test/*))
SOURCES := $(shell find src protos -type f 2>/dev/null) package.json bun.lock scripts/fetch-nats-server.sh
dist/cableway: $(SOURCES) node_modules/.installed
	@mkdir -p dist
	@scripts/fetch-nats-server.sh
	$(BUN) build src/main.ts --compile --bytecode --format=esm \
	  --no-compile-autoload-dotenv --no-compile-autoload-bunfig --outfile dist/.cableway.new
	@mv -f dist/.cableway.new dist/cableway

$(BUN):
	npm install --prefix .tools --no-audit --no-fund --loglevel=error bun@$(BUN_VERSION)

node_modules/.installed: $(BUN) package.json bun.lock
	$(BUN) install --frozen-lockfile
	@touch $@

format: node_modules/.installed
	biome check --write .

lint: node_modules/.installed
	biome check --error-on-warnings .

types: node_modules/.installed
	tsc -p .

unit: node_modules/.installed
	$(BUN) test $(UNIT)

e2e: build
	$(BUN) test test/e2e

ok: lint types unit

test: services lint types build
	$(BUN) test test

services:
	@scripts/install-services.sh

bench: build
	$(BUN) bench/run.ts $(ARGS)

# Code and pages that are made from others; tests check that they are current.
protos: node_modules/.installed
	scripts/generate-protos.sh

docs: node_modules/.installed
	$(BUN) scripts/config-docs.ts

clean:
	rm -rf dist node_modules .tools
