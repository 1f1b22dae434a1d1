# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # the parts share their names, see common.sh
# Nodes: containerd, kubelet and kube-proxy in namespaces of their own, which end together.

# The trees of cgroups: one for each hierarchy of version 1, and that of version 2.
cgroup_roots() { awk '$3 ~ /^cgroup2?$/ && $2 ~ /^\/sys\/fs\/cgroup/ { print $2 }' /proc/mounts; }

cgroups_up() {
    local root file
    while IFS= read -r root; do
        mkdir -p "$root/$cgroup/$1"
        # Beside hierarchies of version 1 that of version 2 has no controllers.
        if [[ $root == /sys/fs/cgroup ]]; then
            delegate_controllers "$root"
            delegate_controllers "$root/$cgroup"
        fi
        # A new cpuset is empty, and nothing could run in it.
        for file in cpuset.cpus cpuset.mems; do
            [[ ! -e $root/$file ]] || tee "$root/$cgroup/$file" "$root/$cgroup/$1/$file" <"$root/$file" >/dev/null
        done
    done < <(cgroup_roots)
}

# Lets the cgroups below $1 use all controllers that it has itself (version 2).
delegate_controllers() {
    local controllers controller
    read -ra controllers <"$1/cgroup.controllers"
    for controller in "${controllers[@]}"; do
        echo "+$controller" >"$1/cgroup.subtree_control" 2>/dev/null || true
    done
}

# Removes the cgroups below the one named $1, and itself. What ran in them must have ended.
cgroups_down() {
    local root
    while IFS= read -r root; do
        [[ ! -d $root/$1 ]] || find "$root/$1" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done < <(cgroup_roots)
}

configure_node() {
    local node=$1 dir
    dir=$(node_dir "$node")
    mkdir -p "$dir"/{containerd,kubelet,logs,cni,plugins}
    write_kubeconfig "node$node" "$dir/kubeconfig"
    # restrict_oom_score_adj: root may be without the right to lower scores, and no sandbox would start.
    cat >"$dir/containerd.toml" <<END
version = 2
root = "$dir/containerd"
state = "/run/containerd"
oom_score = 0
[grpc]
address = "$dir/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "$dir/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "docker.io/testbed/pause:1"
restrict_oom_score_adj = true
enable_unprivileged_ports = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "$cni_bin"
conf_dir = "$dir/cni"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
END
    # Each pod has a wire of its own to its node, so that all it sends passes the node's rules.
    cat >"$dir/cni/10-testbed.conflist" <<END
{"cniVersion": "0.4.0", "name": "testbed", "plugins": [
  {"type": "ptp", "ipam": {"type": "host-local", "dataDir": "/run/cni",
   "ranges": [[{"subnet": "198.18.$node.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
END
    cat >"$dir/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
tlsCertFile: $state/pki/kubelet.crt
tlsPrivateKeyFile: $state/pki/kubelet.key
containerRuntimeEndpoint: unix://$dir/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /$cgroup/$node
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: [none]
clusterDNS: [$control_ip]
clusterDomain: cluster.local
resolvConf: ""
podLogsDir: $dir/logs
volumePluginDir: $dir/plugins
oomScoreAdj: 0
registryPullQPS: 0
serializeImagePulls: false
# Nothing is thrown out because the machine's disk is nearly full: no image could be had again.
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: "0%", nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%", imagefs.inodesFree: "0%"}
nodeStatusUpdateFrequency: 4s
nodeLeaseDurationSeconds: 8
volumeStatsAggPeriod: 1h
END
    cat >"$dir/proxy.yaml" <<END
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $state/pki/kube-proxy.kubeconfig}
clusterCIDR: $cluster_cidr
hostnameOverride: node$node
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
mode: iptables
iptables: {localhostNodePorts: false, minSyncPeriod: 100ms, syncPeriod: 30s}
oomScoreAdj: 0
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s, udpTimeout: 0s, udpStreamTimeout: 0s}
END
}

# Starts node $1, which was configured before.
node_up() {
    local node=$1 dir
    dir=$(node_dir "$node")
    cgroups_up "$node"
    rm -f "$dir/containerd.sock"
    # The host's later mounts (volumes of limited size) are seen inside, nothing inside is seen outside.
    spawn "node$node" nsenter --net="/run/netns/$(node_netns "$node")" \
        unshare --mount --propagation slave --uts --ipc --pid --fork --kill-child \
        "$here/node-init" "$node" "$dir" "$bin"
    await "containerd of node $node" 180 ctr --address "$dir/containerd.sock" version
    import_image "$node" "$state/pause.tar"
    import_image "$node" "$state/busybox.tar"
}

# Ends node $1 as if its power were cut: the kernel kills all in its process namespace at once.
node_down() {
    # `unshare --kill-child`: the kernel kills the node's first process, and with it all others.
    end "node$1"
    await "the end of node $1" 30 cgroup_is_empty "$cgroup/$1"
    cgroups_down "$cgroup/$1"
}

cgroup_is_empty() {
    local root
    while IFS= read -r root; do
        [[ ! -d $root/$1 ]] || [[ -z $(find "$root/$1" -name cgroup.procs -exec cat {} +) ]] || return 1
    done < <(cgroup_roots)
}
