# The one entry to everything: `make help` lists it. Each target is a script in scripts/ that can also be read there.
.DEFAULT_GOAL := help
.PHONY: help run demo dev build test check setup setup-test screenshots clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## set up, build and start the gateway on http://127.0.0.1:8080 with its data in ./data
	@scripts/run.sh serve

demo: ## the same with a built-in fake upstream, sample servers and gentle traffic, in ./demo-data
	@scripts/run.sh demo

dev: ## rebuild and reload on every change (installs cargo-leptos first: 15 to 30 minutes, once)
	@scripts/dev.sh

build: ## the optimised release: one file with everything in it
	@scripts/build.sh

test: ## set up and run all tests: Rust, official SDKs, browser
	@scripts/test.sh

check: ## formatting, lints of both halves, documentation, links
	@scripts/check.sh

setup: ## only set up what `make run` needs
	@scripts/setup.sh site

setup-test: ## only set up what `make test` needs
	@scripts/setup.sh site test

screenshots: ## take the pictures of the dashboard for docs/images
	@scripts/screenshots.sh

clean: ## remove what was built (not ./data, not the tools in the user's cache folder)
	@scripts/clean.sh
