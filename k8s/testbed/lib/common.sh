# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # the parts share their names, see common.sh
# Names, places and processes that all parts of the test bed share.

# There is one test bed on a machine: its bridge, its namespaces and cgroups have fixed names.
readonly state=/var/lib/sciurus-testbed
readonly kubeconfig=$state/kubeconfig
readonly lock=/run/sciurus-testbed.lock
readonly cgroup=sciurus-testbed

# All addresses are of the range for tests between hosts (RFC 2544); none is routed to the outside.
# 198.18.0.0/24 is the wire between the nodes and the control plane (.1; node N is .10+N), node N's pods
# are in 198.18.N.0/24, Services in 198.19.0.0/16.
readonly bridge=sciurus-tb0
readonly control_ip=198.18.0.1
readonly cluster_cidr=198.18.0.0/16
readonly service_cidr=198.19.0.0/16
readonly api_url=https://$control_ip:6443

say() { printf 'testbed: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 1
}

node_ip() { echo "198.18.0.$((10 + $1))"; }
node_dir() { echo "$state/nodes/$1"; }
node_netns() { echo "sciurus-tb$1"; }
# The nodes that were made, dead ones too.
nodes() {
    local dir
    for dir in "$state"/nodes/*/; do
        [[ ! -d $dir ]] || basename "$dir"
    done
}

# When process $1 started, in ticks since the machine did: with it an id says which process is meant,
# even after the kernel has given the number to another one.
started_at() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    # The name, in brackets, may have spaces; the start is the 20th field after it.
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    [[ $1 != Z ]] && echo "${20}"
}

# Starts a process of its own session, records it as $1, and lets it write to a log of that name.
spawn() {
    local name=$1
    shift
    mkdir -p "$state/processes" "$state/logs"
    (
        # Locks and pipes of those who started the test bed aren't held for as long as it runs.
        for fd in /proc/self/fd/*; do
            fd=${fd##*/}
            ((fd <= 2)) || exec {fd}>&-
        done
        # Beside compilers that use all cores a control plane would seem dead, and its nodes lost.
        # shellcheck disable=SC2016  # the inner shell's own
        exec setsid bash -c 'echo -10 2>/dev/null >/proc/self/autogroup; exec "$@"' - "$@"
    ) >>"$state/logs/$name.log" 2>&1 </dev/null &
    disown $!
    record "$name" $!
}

# Like spawn, of a process that is started again when it ends, as a kubelet would.
keep() {
    local name=$1
    shift
    # shellcheck disable=SC2016  # the inner shell's own
    spawn "$name" bash -c 'while :; do "$@"; echo "ended with $?, starts again"; sleep 1; done' - "$@"
}

record() { echo "$2 $(started_at "$2" || echo gone)" >"$state/processes/$1"; }

# Prints the id of the process recorded as $1 if it is still that process.
pid_of() {
    local pid start
    read -r pid start 2>/dev/null <"$state/processes/$1" || return 1
    [[ $(started_at "$pid") == "$start" ]] && echo "$pid"
}

# Kills the process recorded as $1, if it runs, with those it has started, and waits until it is gone.
end() {
    local pid
    while pid=$(pid_of "$1"); do
        kill -KILL -- "-$pid" "$pid" 2>/dev/null || true
        sleep 0.02
    done
    rm -f "$state/processes/$1"
}

# Tries a command until it succeeds: what is waited for, for how many seconds, the command.
await() {
    local what=$1 deadline=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || fail "$what: not within the time; see $state/logs"
        sleep 0.1
    done
}

kubectl() { "$bin/kubectl" --kubeconfig "$kubeconfig" "$@"; }
