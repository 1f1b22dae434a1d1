# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # the parts share their names, see common.sh
# The wire between the nodes: a bridge, with a network namespace for each node.

bridge_up() {
    ip link add "$bridge" type bridge
    ip address add "$control_ip/24" dev "$bridge"
    ip link set "$bridge" up
}

# Runs a command in the network of node $1. `ip netns exec` would mount /sys anew, without the cgroups.
in_netns() {
    local netns
    netns=$(node_netns "$1")
    shift
    nsenter --net="/run/netns/$netns" "$@"
}

# Plugs in node $1 of $2.
network_up() {
    local node=$1 count=$2 netns other
    netns=$(node_netns "$node")
    ip netns add "$netns"
    ip link add "$netns" type veth peer name eth0 netns "$netns"
    ip link set "$netns" master "$bridge" up
    in_netns "$node" ip link set lo up
    in_netns "$node" ip address add "$(node_ip "$node")/24" dev eth0
    in_netns "$node" ip link set eth0 up
    in_netns "$node" sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0
    # A packet to a Service needs a route before kube-proxy's rules give it another destination.
    in_netns "$node" ip route add "$service_cidr" via "$control_ip"
    for ((other = 1; other <= count; other++)); do
        ((other == node)) || in_netns "$node" ip route add "198.18.$other.0/24" via "$(node_ip "$other")"
    done
    ip route add "198.18.$node.0/24" via "$(node_ip "$node")" dev "$bridge"
}

network_down() {
    local netns
    # The namespaces of this tool alone, also of a run that was cut short.
    for netns in $(ip netns list 2>/dev/null | awk '/^sciurus-tb[0-9]/ { print $1 }'); do
        ip link delete "$netns" 2>/dev/null || true
        ip netns delete "$netns" || true
    done
    ip link delete "$bridge" 2>/dev/null || true
}
