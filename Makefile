.PHONY: test check deny bench
test:
	cargo test --workspace --locked

deny:
	command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny check bans licenses sources

check: test deny
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

# Some minutes; ARGS="--people 1000000 --minutes-max 40" for the figures the design names.
bench:
	cargo build --release --locked -p api
	cargo run --release --locked -p bench --features peer -- run $(ARGS)
