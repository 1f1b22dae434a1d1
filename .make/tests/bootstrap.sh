# shellcheck shell=bash
# .make/bootstrap on machines that lack one thing or another, played by stand-ins on the PATH.

# A PATH of this test's own with the tools every machine has, and a Rust of the given version.
machine() {
    local rust=$1 tool
    mkdir bin
    for tool in bash env sed awk sort head printf dirname basename cksum cut mkdir cat find rm mv id uname; do
        ln -s "$(command -v "$tool")" "bin/$tool"
    done
    stand_in cc
    if [[ $rust != none ]]; then
        stand_in cargo
        stand_in rustc "echo 'rustc $rust (0000000 2025-01-01)'"
    fi
    export XDG_CACHE_HOME=$PWD/cache SSL_CERT_FILE=/dev/null
}

# A command that records its arguments in the file `calls` and then runs $2.
stand_in() {
    # It may be a link to the machine's own, which must not be written to.
    rm -f "bin/$1"
    printf '#!/usr/bin/env bash\necho "%s $*" >>"%s/calls"\n%s\n' "$1" "$PWD" "${2:-}" >"bin/$1"
    chmod +x "bin/$1"
}

# A Debian machine whose apt offers the package $1, used by root.
debian() {
    stand_in id 'echo 0'
    stand_in apt-get
    stand_in apt-cache "[[ \$2 != '${1:-none}' ]] || echo '  Candidate: 1.27.1-1'"
}

# What RocksDB is compiled with.
for_rocksdb() {
    stand_in c++
    stand_in ccache
    mkdir lib
    : >lib/libclang.so
    export LIBCLANG_PATH=$PWD/lib
}

bootstrap() { PATH=$PWD/bin "$REPO/.make/bootstrap" "$@" >said 2>&1; }

installs() { grep -q "^apt-get install .*$1" calls; }

test_bootstrap_is_silent_when_nothing_is_missing() {
    machine 99.0.0
    debian
    bootstrap run
    [[ ! -s said ]]
    ! grep apt-get calls
}

test_bootstrap_installs_a_missing_linker() {
    machine 99.0.0
    debian
    rm bin/cc
    bootstrap run
    installs 'gcc libc6-dev'
}

test_bootstrap_names_the_linker_where_there_is_no_apt() {
    machine 99.0.0
    rm bin/cc
    ! bootstrap run || return 1
    grep -q 'C compiler is missing' said
}

test_bootstrap_installs_debians_rustup_where_there_is_one() {
    machine none
    debian rustup
    # Debian's package brings the names; the toolchain comes with `rustup default stable`.
    ! bootstrap run || return 1
    installs rustup
}

test_bootstrap_says_how_to_get_rust_where_apt_has_no_rustup() {
    machine none
    debian
    ! bootstrap run || return 1
    grep -q 'https://rustup.rs' said
    ! installs rustup
}

test_bootstrap_refuses_an_old_rust() {
    machine 1.63.0
    stand_in rustup
    ! bootstrap run || return 1
    grep -q 'rustup update stable' said
}

test_bootstrap_takes_a_newer_rust_whose_minor_version_sorts_lower_as_text() {
    machine 1.1000.0
    bootstrap run
}

test_bootstrap_asks_for_root_when_it_cannot_become_root() {
    machine 99.0.0
    debian
    stand_in id 'echo 1000'
    rm bin/cc
    ! bootstrap run </dev/null || return 1
    grep -q 'needs root; please run: apt-get' said
}

test_bootstrap_goes_on_where_there_is_no_java_for_the_real_flink() {
    machine 99.0.0
    for_rocksdb
    stand_in python3
    bootstrap test || return 1
    grep -q 'no default-jdk-headless here: the real flink goes untested' said
}

test_bootstrap_installs_what_flink_is_measured_with() {
    machine 99.0.0
    for_rocksdb
    debian
    stand_in python3
    bootstrap bench-flink
    installs default-jdk-headless
}

test_bootstrap_installs_what_rocksdb_is_compiled_with() {
    machine 99.0.0
    for_rocksdb
    debian
    rm bin/c++ lib/libclang.so
    export LIBCLANG_PATH=/nowhere
    bootstrap test || true
    installs 'g++'
}

test_bootstrap_installs_what_strips_executables_for_the_image() {
    machine 99.0.0
    for_rocksdb
    debian
    bootstrap image
    installs binutils
}

test_bootstrap_installs_what_makes_the_book() {
    machine 99.0.0
    bootstrap book
    grep -q '^cargo install .*/tools .*mdbook' calls
}

test_bootstrap_installs_what_counts_instructions() {
    machine 99.0.0
    for_rocksdb
    debian
    bootstrap bench-check
    installs valgrind
}

test_bootstrap_installs_what_a_real_kubernetes_is_run_with() {
    machine 99.0.0
    debian
    stand_in go "echo 'go version go1.19.8 linux/amd64'"
    ! bootstrap k8s || return 1
    installs 'iptables .*etcd-server containerd runc busybox-static'
    # Each package once, though containerd has two of the commands.
    ! installs 'containerd containerd' || return 1
    grep -q 'Go 1.21 or newer is needed .* found: 1.19.8' said
}

test_bootstrap_says_that_a_real_kubernetes_needs_root() {
    machine 99.0.0
    stand_in id 'echo 1000'
    ! bootstrap k8s || return 1
    grep -q 'the test bed of Kubernetes needs root' said
}

test_bootstrap_refuses_an_unknown_target() {
    machine 99.0.0
    ! bootstrap no_such_target || return 1
    grep -q "unknown target 'no_such_target'" said
}

test_bootstrap_installs_what_the_web_interface_is_tested_with() {
    machine 99.0.0
    for_rocksdb
    debian
    bootstrap web
    installs 'nodejs npm chromium'
}

test_bootstrap_goes_on_where_there_is_no_browser() {
    machine 99.0.0
    for_rocksdb
    stand_in node
    stand_in npm
    bootstrap web || return 1
    grep -q 'no chromium here: the web interface goes untested' said
}

# What `make test` needs besides Prometheus.
for_tests() {
    local tool
    for_rocksdb
    for tool in java python3 runc; do stand_in "$tool"; done
    for tool in mktemp chmod; do ln -sf "$(command -v "$tool")" "bin/$tool"; done
}

test_bootstrap_puts_prometheus_into_the_cache_and_starts_no_service() {
    machine 99.0.0
    debian prometheus
    for_tests
    stand_in dpkg-deb 'mkdir -p usr/bin && : >usr/bin/promtool && chmod +x usr/bin/promtool'
    bootstrap test
    [[ -x cache/sciurus/prometheus/usr/bin/promtool ]]
    ! installs prometheus
    rm calls
    bootstrap test
    ! grep -q 'apt-get download' calls
}

test_bootstrap_does_without_prometheus() {
    machine 99.0.0
    debian
    for_tests
    stand_in dpkg-deb 'exit 1'
    bootstrap test
    grep -q 'alerts go untested' said
    [[ ! -e cache/sciurus/prometheus ]]
}
