# One profile and one target directory for everything, so that nothing large is compiled twice.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
PYTHON ?= python3
TARGET := target/release
GUEST := --target wasm32-wasip2 --profile guest
GUESTS := target/wasm32-wasip2/guest
PREFIX ?= /usr/local
INSTALLED = $(DESTDIR)$(PREFIX)
RUST_VERSION := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
# All native crates, always together: built alone, a crate selects other features of shared dependencies, and the engine
# is compiled again.
NATIVE := --workspace --exclude test-guests

.PHONY: help run test build check install uninstall conformance bench soak audit tools guests console console-test screenshot

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: build ## Start the local cloud and the thermostat; stop with q or Ctrl-C
	@printf '%s\n' '' 'In a second terminal, in this folder:' \
		'  $(TARGET)/cloud --dir target/run set targetTemperature 23.5   write a property' \
		'  $(TARGET)/cloud --dir target/run call getMaxMinReport         call a command' \
		'  $(TARGET)/cloud --dir target/run events --follow              show telemetry' \
		'  make build                                                         swap in changed logic' ''
	@$(TARGET)/cloud exec --dir target/run --host-control target/run/state/control --device-id thermostat-01 -- \
		$(TARGET)/host --component target/thermostat.wasm --watch --report-host

test: build guests ## Run all tests: unit, end to end, Microsoft's SDKs, console
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

screenshot: build ## Take the screenshot of the README again: docs/images/console.png
	@tests/console/run --screenshot

console-test: build ## Test the console in headless Chromium; screenshots in target/console-shots
	@tests/console/run

guests: tools
	$(CARGO) build -p test-guests --examples $(GUEST)

check: tools ## Check formatting, lints, licenses and sources
	$(CARGO) fmt --all --check
	@$(PYTHON) tests/imports
	@$(PYTHON) tests/layers
	$(CARGO) clippy --release $(NATIVE) --all-targets -- -D warnings
	$(CARGO) clippy -p test-guests -p guest-thermostat -p beacon --lib --examples $(GUEST) -- -D warnings
	@cloud/console/check
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
		$(CARGO) deny --log-level error check bans licenses sources; \
	elif [ -n "$${CI:-}" ]; then \
		echo "error: cargo-deny is missing; install it with: cargo install --locked cargo-deny" >&2; exit 1; \
	else \
		echo "SKIPPED: cargo-deny is missing; install it with: cargo install --locked cargo-deny"; \
	fi

# Never builds, so that root does not: `make build && sudo make install`. `host` is the name of a DNS tool.
install: ## Install pnp-host, pnp-cloud, completions and systemd unit (PREFIX, DESTDIR)
	@for file in $(TARGET)/host $(TARGET)/cloud target/thermostat.wasm; do \
		[ -e $$file ] || { echo "error: $$file is not built; run: make build" >&2; exit 1; }; \
	done
	@for program in host cloud; do \
		name=pnp-$$program; share=$(INSTALLED)/share; bin=$(INSTALLED)/bin/$$name; \
		install -D $(TARGET)/$$program $$bin; \
		$$bin completions bash | install -D -m 644 /dev/stdin $$share/bash-completion/completions/$$name; \
		$$bin completions zsh | install -D -m 644 /dev/stdin $$share/zsh/site-functions/_$$name; \
		$$bin completions fish | install -D -m 644 /dev/stdin $$share/fish/vendor_completions.d/$$name.fish; \
	done
	@sed 's|/usr/local/bin/|$(PREFIX)/bin/|' packaging/systemd/pnp-host@.service | \
		install -D -m 644 /dev/stdin $(INSTALLED)/lib/systemd/system/pnp-host@.service
	@install -D -m 644 packaging/systemd/device.env $(INSTALLED)/share/doc/pnp-host/device.env
	@install -D -m 644 target/thermostat.wasm $(INSTALLED)/share/pnp-host/thermostat.wasm
	@echo "installed pnp-host and pnp-cloud in $(INSTALLED)"

uninstall: ## Remove the installed files (PREFIX, DESTDIR)
	@for name in pnp-host pnp-cloud; do \
		rm -f $(INSTALLED)/bin/$$name $(INSTALLED)/share/bash-completion/completions/$$name \
			$(INSTALLED)/share/zsh/site-functions/_$$name $(INSTALLED)/share/fish/vendor_completions.d/$$name.fish; \
	done
	@rm -f $(INSTALLED)/lib/systemd/system/pnp-host@.service
	@rm -rf $(INSTALLED)/share/doc/pnp-host $(INSTALLED)/share/pnp-host

audit: ## Check dependencies for known vulnerabilities
	@$(CARGO) deny --version >/dev/null 2>&1 || \
		{ echo "error: cargo-deny is missing; install it with: cargo install --locked cargo-deny" >&2; exit 1; }
	@if $(CARGO) deny fetch db; then \
		$(CARGO) deny --offline check advisories; \
	else \
		echo "SKIPPED: the advisory database cannot be fetched"; \
	fi

conformance: build guests ## Run Microsoft's SDKs against the local cloud and the thermostat
	@PYTHON=$(PYTHON) tests/conformance/run

bench: build guests ## Run the benchmarks: ratios to a baseline of the same run
	$(CARGO) bench $(NATIVE) --bench event --bench crowd --bench store --bench swap --bench load
	@PYTHON=$(PYTHON) tests/conformance/run --bench
	@tests/console/run --bench

soak: build guests ## Run the long tests (two hours)
	SOAK=1 $(CARGO) test --release $(NATIVE) --test fleet --test kill --test many_swaps --test stampede \
		--test matrix --test flapping --test cloud_load --test storm -- --nocapture

tools:
	@fail() { echo "error: $$*" >&2; exit 1; }; \
	has_target() { rustc --print target-libdir --target wasm32-wasip2 2>/dev/null | xargs -r test -d; }; \
	command -v $(CARGO) >/dev/null && command -v rustc >/dev/null || \
		fail "cargo is missing; install Rust from https://rustup.rs"; \
	version=$$(rustc --version | cut -d ' ' -f 2); \
	command -v rustup >/dev/null && newer="run: rustup update stable" || newer="install Rust from https://rustup.rs"; \
	printf '%s\n' $(RUST_VERSION) $$version | sort -C -V || \
		fail "Rust $$version is too old, $(RUST_VERSION) or newer is needed; $$newer"; \
	command -v cc >/dev/null || \
		fail "a C compiler is missing; install it with: sudo apt install build-essential"; \
	if ! has_target && command -v rustup >/dev/null; then \
		echo "adding the Rust target wasm32-wasip2"; \
		rustup target add wasm32-wasip2; \
	fi; \
	has_target || \
		fail "the target wasm32-wasip2 is missing in $$(rustc --print sysroot), a Rust without rustup;" \
			"install Rust from https://rustup.rs and put ~/.cargo/bin first in PATH"
