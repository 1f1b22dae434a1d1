# shellcheck shell=bash
# .make/cache: which build output a new checkout takes over.

# A checkout at $1 with one crate, and its prepared cache.
checkout() {
    mkdir -p "$1/.make" "$1/member"
    cp "$REPO/.make/cache" "$1/.make/"
    printf '[package]\nname = "member"\n' >"$1/member/Cargo.toml"
    export XDG_CACHE_HOME=$PWD/cache
    "$1/.make/cache" adopt
}

# Pretends that the checkout $1 was built.
build() {
    local target
    target=$("$1/.make/cache" target)
    mkdir -p "$target"/{debug/.fingerprint/{member-0123,arrow-4567},debug/incremental/member,doc}
}

test_cache_differs_between_checkouts() {
    checkout a
    checkout b
    [[ $(a/.make/cache target) != "$(b/.make/cache target)" ]]
    [[ $(a/.make/cache target) == "$PWD/cache/"* ]]
}

test_cache_of_a_deleted_checkout_is_taken_over_without_what_it_compiled_itself() {
    checkout old
    build old
    rm -r old
    checkout new
    local debug
    debug=$(new/.make/cache target)/debug
    [[ -d $debug/.fingerprint/arrow-4567 ]]
    [[ ! -e $debug/.fingerprint/member-0123 && ! -e $debug/incremental && ! -e $debug/../doc ]]
}

test_cache_of_a_checkout_that_exists_is_left_alone() {
    checkout old
    build old
    checkout new
    [[ -d $(old/.make/cache target)/debug/.fingerprint/member-0123 ]]
    [[ ! -e $(new/.make/cache target) ]]
}

test_caches_of_deleted_checkouts_do_not_pile_up() {
    checkout one
    build one
    checkout two
    build two
    rm -r one two
    checkout new
    [[ $(find cache/sciurus/checkouts -mindepth 1 -maxdepth 1 | wc -l) == 1 ]]
}

test_cache_is_removed_by_clean() {
    checkout a
    build a
    a/.make/cache clean
    [[ ! -e $(a/.make/cache target) ]]
}
