# `make demo` and `make test` do all the set-up that they need, or name what is missing.
.PHONY: demo test nightly fuzz bench check fmt clippy deny setup
CARGO ?= cargo
PEOPLE ?= 20000

setup:
	@command -v $(CARGO) >/dev/null || { echo "Install a stable Rust toolchain, 1.91 or newer (rustup.rs)."; exit 1; }
	@command -v cc >/dev/null || { echo "Install a C compiler (Debian: apt-get install build-essential)."; exit 1; }

demo: setup
	$(CARGO) build --profile demo --locked -p api
	./target/demo/renkou demo --people $(PEOPLE)

test: setup
	@command -v python3 >/dev/null || { echo "Install Python 3.10 or newer with venv (Debian: apt-get install python3-venv)."; exit 1; }
	@command -v npm >/dev/null || { echo "Install Node.js 18 or newer with npm (Debian: apt-get install nodejs npm)."; exit 1; }
	$(CARGO) test --workspace --locked

# What takes too long for every change: ten times the kills, twenty times the histories, thousands
# of random requests. A history takes some 3 ms of one core, and all cores live them: 200,000 are
# five minutes of two cores that do nothing else. How long they took is printed.
SEEDS ?= 200000
nightly: setup
	RENKOU_KILL_ROUNDS=200 $(CARGO) test --locked -p tests what_was_acknowledged_survives_kill_9 -- --nocapture
	RENKOU_SEEDS=$(SEEDS) $(CARGO) test --locked -p tests simulation -- --nocapture
	$(CARGO) test --locked -p tests no_random_request -- --ignored

FUZZ_SECONDS ?= 60
# Needs a nightly toolchain, and cargo-fuzz, which it installs.
fuzz: setup
	command -v cargo-fuzz >/dev/null || $(CARGO) install --locked cargo-fuzz
	for target in structured batch binary lines frames payloads tokens issuer_tokens; do \
		$(CARGO) +nightly fuzz run --fuzz-dir fuzz $$target -- -max_total_time=$(FUZZ_SECONDS) -max_len=65536 || exit 1; done

bench:
	$(CARGO) build --release --locked -p api -p bench --features bench/peer
	./target/release/bench run $(ARGS)

fmt:
	$(CARGO) fmt --all --check

clippy:
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

deny:
	command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) deny check bans licenses sources

check: fmt clippy deny test
