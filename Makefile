# Everything is built with one profile into one target directory, so that nothing large is compiled twice.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
PYTHON ?= python3
TARGET := target/release
GUEST := --target wasm32-wasip2 --profile guest
GUESTS := target/wasm32-wasip2/guest
# The crates that run on this machine; the test guests run only in a host. Always together: alone, a crate chooses other
# features of what it shares with the others, and the engine would be compiled again.
NATIVE := --workspace --exclude test-guests

.PHONY: help run test build check conformance bench soak audit tools guests console console-test

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: build ## Start the local cloud and the thermostat; stop with q or Ctrl-C
	@printf '%s\n' '' 'In a second terminal, in this folder:' \
		'  export CLOUD_DIR=$$PWD/target/run' \
		'  $(TARGET)/cloud events --follow              what the device sends' \
		'  $(TARGET)/cloud set targetTemperature 23.5   set a property, see it acknowledged' \
		'  $(TARGET)/cloud call getMaxMinReport         call a command' \
		'  $(TARGET)/cloud twin                         desired and reported properties' \
		'  make build                                   a changed thermostat takes over while it runs' ''
	@$(TARGET)/cloud exec --dir target/run --host-control target/run/state/control --device-id thermostat-01 -- \
		$(TARGET)/host --component target/thermostat.wasm --watch --report-host

test: build guests ## Run every test: unit, guest, end to end with real processes, conformance
	$(CARGO) test --release --no-fail-fast $(NATIVE)
	@$(MAKE) --no-print-directory conformance
	@$(MAKE) --no-print-directory console-test

build: tools console ## Build release/host, release/cloud, thermostat.wasm and beacon.wasm in target/
	$(CARGO) build --release $(NATIVE) --bins
	$(CARGO) build -p guest-thermostat -p beacon $(GUEST)
	@cp $(GUESTS)/guest_thermostat.wasm target/thermostat.wasm
	@cp $(GUESTS)/beacon.wasm target/beacon.wasm

console:
	@cloud/console/build

console-test: build ## Run the operator's page in a headless Chromium; pictures of it are in target/console-shots
	@tests/console/run

guests: tools
	$(CARGO) build -p test-guests --examples $(GUEST)

check: tools ## Check form, lints, licences and sources
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release $(NATIVE) --all-targets -- -D warnings
	$(CARGO) clippy -p test-guests -p guest-thermostat -p beacon --lib --examples $(GUEST) -- -D warnings
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
		$(CARGO) deny --log-level error check bans licenses sources; \
	elif [ -n "$${CI:-}" ]; then \
		echo "error: cargo-deny is missing; install it with: cargo install --locked cargo-deny" >&2; exit 1; \
	else \
		echo "SKIPPED: cargo-deny is missing; install it with: cargo install --locked cargo-deny"; \
	fi

audit: ## Look for known vulnerabilities (needs the advisory database)
	@$(CARGO) deny check advisories || echo "SKIPPED: no cargo-deny, or its database cannot be reached"

conformance: build guests ## Run Microsoft's own SDKs against the local cloud and the thermostat
	@PYTHON=$(PYTHON) tests/conformance/run

bench: build guests ## Measure, as ratios to a baseline of the same run
	$(CARGO) bench $(NATIVE) --bench event --bench crowd --bench store --bench swap --bench load
	@PYTHON=$(PYTHON) tests/conformance/run --bench
	@tests/console/run --bench

soak: build guests ## Run the long tests: some two hours
	SOAK=1 $(CARGO) test --release $(NATIVE) --test fleet --test kill --test many_swaps --test stampede \
		--test matrix --test flapping --test cloud_load -- --nocapture

tools:
	@command -v $(CARGO) >/dev/null || { \
		echo "error: cargo is missing; install Rust from https://rustup.rs" >&2; exit 1; }
	@command -v cc >/dev/null || { \
		echo "error: a C compiler is missing; install it with: sudo apt install build-essential" >&2; exit 1; }
	@if ! rustc --print target-libdir --target wasm32-wasip2 2>/dev/null | xargs -r test -d; then \
		echo "adding the Rust target wasm32-wasip2"; \
		rustup target add wasm32-wasip2; \
	fi
