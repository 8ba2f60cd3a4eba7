# make run | test | build | ok | bench. Needs git, npm and make; the rest is installed into this folder.
BUN_VERSION := 1.4.5
TOOLS := .tools/node_modules/.bin
BUN := $(TOOLS)/bun
export PATH := $(CURDIR)/$(TOOLS):$(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: run build test ok unit e2e bench format lint types protos docs services clean

run: build
	@scripts/run.sh $(ARGS)

build: dist/cableway

SOURCES := $(shell find src protos -type f 2>/dev/null) package.json bun.lock
dist/cableway: $(SOURCES) node_modules/.installed
	@mkdir -p dist
	$(BUN) build src/main.ts --compile --bytecode --format=esm --minify-syntax --minify-whitespace \
	  --no-compile-autoload-dotenv --no-compile-autoload-bunfig --outfile dist/cableway

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
	$(BUN) test --path-ignore-patterns 'test/e2e/**' test

e2e: build
	$(BUN) test test/e2e

ok: lint types unit

test: services lint types build
	$(BUN) test test

services:
	@scripts/services.sh

bench: build
	$(BUN) bench/run.ts $(ARGS)

clean:
	rm -rf dist node_modules .tools
