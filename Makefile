.PHONY: test check deny
test:
	cargo test --workspace --locked

deny:
	command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny check bans licenses sources

check: test deny
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
