# Every target first makes sure, by .make/bootstrap, that this machine has what it needs.
# Build output lives outside the checkout, see .make/cache; an own CARGO_TARGET_DIR is respected.

.DEFAULT_GOAL := help
.PHONY: help run web test chaos k8s-up k8s-down k8s-test lint bench bench-check bench-cluster bench-flink image doc \
	book clean

# What `make run` counts: a file or a folder. Left empty it is text that this machine has.
INPUT ?=
# Further arguments: of word_count for `run`, of the report for `bench`, of cargo for `test`.
ARGS ?=

# Of `chaos`: for how long, and the seed of what happens; left empty a short run of a random seed.
SECONDS ?=
SEED ?=

export INPUT
# RocksDB is C++, which takes minutes to compile: ccache, where it is, does so once for all checkouts
# and profiles. It stands in for the compilers by its folder of links, named differently here and
# there; the other way, CC and CXX, would make cargo build anew after each cargo outside of make.
ccache_links := /usr/lib/ccache:/usr/lib/ccache/bin:/usr/lib64/ccache
export PATH := $(ccache_links):$(PATH):$(HOME)/.cargo/bin
ifndef CCACHE_DIR
export CCACHE_DIR := $(shell .make/cache ccache)
endif
ifndef CARGO_TARGET_DIR
export CARGO_TARGET_DIR := $(shell .make/cache target)
endif

# Outside CI a changed dependency may update Cargo.lock; in CI that is an error.
LOCKED := $(if $(CI),--locked)

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-13s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Counts the words of INPUT (a file or a folder; by default text found on this machine)
	@.make/bootstrap run
	@input=$${INPUT:-$$(.make/sample-text)} && \
	cargo run $(LOCKED) --release -p examples -- word_count --input "$$input" --summary $(ARGS)

web: ## Builds the web interface, and tests it in a browser against a real cluster
	@.make/bootstrap web
	@.make/web build
	@.make/web check
	@.make/web test
	@.make/web e2e

test: ## Runs every test
	@.make/bootstrap test
	@.make/test $(LOCKED) $(ARGS)

chaos: ## Kills, stops and fills up a cluster at random while a job bills (SECONDS=600 SEED=7)
	@.make/bootstrap test
	SCIURUS_CHAOS_SECONDS=$(SECONDS) SCIURUS_CHAOS_SEED=$(SEED) cargo test $(LOCKED) -p sciurus-cli \
		--test cluster exactly_once -- --nocapture --test-threads 1 $(ARGS)

k8s-up: ## Starts a real Kubernetes on this machine (Linux, root) and says how to use it
	@.make/bootstrap k8s
	@k8s/testbed/testbed up

k8s-down: ## Ends it and leaves nothing behind
	@k8s/testbed/testbed down

k8s-test: ## Runs the tests on Kubernetes: on the cluster of KUBECONFIG, else on one of their own (ARGS=word_count)
	@.make/k8s-test $(ARGS)

lint: ## Checks formatting, clippy, documentation, shell scripts and house rules
	@.make/bootstrap lint
	cargo fmt --all --check
	@.make/style
	@.make/web check
	cargo clippy $(LOCKED) --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc $(LOCKED) --workspace --all-features --no-deps --document-private-items --quiet

bench: ## Measures speed and memory against plain loops (ARGS='word_count --rounds 9', ARGS=--help)
	@.make/bootstrap bench
	cargo run $(LOCKED) --release -p sciurus-benches --features rocksdb -- $(ARGS)

bench-check: ## Counts instructions of benchmarks and compares them with benches/instructions.json (ARGS=--update)
	@.make/bootstrap bench-check
	cargo run $(LOCKED) --release -p sciurus-benches --features rocksdb -- \
		--instructions benches/instructions.json $(ARGS)

bench-cluster: ## Measures a local cluster of real processes: start, deployment, recovery, memory, exchange
	@.make/bootstrap bench
	cargo build $(LOCKED) --release -p sciurus-cli -p examples -p sciurus-bench-cluster --features examples/rocksdb
	@"$$CARGO_TARGET_DIR/release/sciurus-bench-cluster" $(ARGS)

bench-flink: ## Measures JVM Flink and this side by side (ARGS='--only word_count --quick', ARGS=--help)
	@.make/bootstrap bench-flink
	cargo build $(LOCKED) --release -p sciurus-cli -p sciurus-bench-flink -p sciurus-bench-flink-jobs \
		--features sciurus-bench-flink-jobs/rocksdb
	@"$$CARGO_TARGET_DIR/release/sciurus-bench-flink" $(ARGS)

image: ## Builds the container image as an archive, without Docker and without a registry
	@.make/bootstrap image
	cargo build $(LOCKED) --release -p sciurus-cli -p examples -p sciurus-image \
		--features sciurus-cli/s3,examples/rocksdb,examples/s3
	@"$$CARGO_TARGET_DIR/release/sciurus-image" oci --executables "$$CARGO_TARGET_DIR/release" \
		--output "$$(.make/cache image)/sciurus.tar"

doc: ## Builds the API documentation
	@.make/bootstrap doc
	cargo doc $(LOCKED) --workspace --no-deps
	@echo "open $$CARGO_TARGET_DIR/doc/sciurus/index.html"

book: ## Makes a book of docs/
	@.make/bootstrap book
	@PATH="$$(.make/cache tools)/bin:$$PATH" mdbook build docs --dest-dir "$$(.make/cache book)"
	@echo "open $$(.make/cache book)/index.html"

clean: ## Removes this checkout's build output and sample text
	@.make/cache clean
