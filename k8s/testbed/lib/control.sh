# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # the parts share their names, see common.sh
# The control plane: processes on this machine at $control_ip, each by the name of its own command.

readonly control_plane=(etcd kube-apiserver kube-controller-manager kube-scheduler coredns provisioner)

# One key and a self-signed certificate for the kubelets, and the key that service accounts' tokens are
# signed with. Everybody who may talk to the API server has a token.
make_credentials() {
    local user
    mkdir -p "$state/pki"
    chmod 700 "$state/pki"
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$state/pki/accounts.key" 2>/dev/null
    openssl pkey -in "$state/pki/accounts.key" -pubout -out "$state/pki/accounts.pub"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=kubelet \
        -keyout "$state/pki/kubelet.key" -out "$state/pki/kubelet.crt" 2>/dev/null
    {
        echo "$(new_token admin),admin,admin,system:masters"
        echo "$(new_token kube-controller-manager),system:kube-controller-manager,kcm"
        echo "$(new_token kube-scheduler),system:kube-scheduler,scheduler"
        echo "$(new_token kube-proxy),system:kube-proxy,proxy"
        for ((user = 1; user <= $1; user++)); do
            echo "$(new_token "node$user"),system:node:node$user,node$user,system:nodes"
        done
    } >"$state/pki/tokens.csv"
}

new_token() { openssl rand -hex 24 | tee "$state/pki/$1.token"; }

# Writes the kubeconfig of user $1 to file $2.
write_kubeconfig() {
    cat >"$2" <<END
apiVersion: v1
kind: Config
current-context: testbed
contexts: [{name: testbed, context: {cluster: testbed, user: $1}}]
clusters: [{name: testbed, cluster: {server: "$api_url", certificate-authority-data: $(base64 -w 0 "$state/pki/apiserver.crt")}}]
users: [{name: $1, user: {token: $(cat "$state/pki/$1.token")}}]
END
    chmod 600 "$2"
}

start_etcd() {
    spawn etcd etcd --name testbed --data-dir "$state/etcd" --log-level warn \
        --listen-client-urls "http://$control_ip:2379" --advertise-client-urls "http://$control_ip:2379" \
        --listen-peer-urls "http://$control_ip:2380" --initial-advertise-peer-urls "http://$control_ip:2380" \
        --initial-cluster "testbed=http://$control_ip:2380"
}

# Pods leave a lost node after seconds, not minutes. The server makes its certificate by itself.
start_kube-apiserver() {
    spawn kube-apiserver "$bin/kube-apiserver" \
        --etcd-servers "http://$control_ip:2379" \
        --bind-address "$control_ip" --advertise-address "$control_ip" --secure-port 6443 \
        --cert-dir "$state/pki" \
        --service-cluster-ip-range "$service_cidr" \
        --authorization-mode Node,RBAC --token-auth-file "$state/pki/tokens.csv" --anonymous-auth=true \
        --enable-admission-plugins NodeRestriction,PodSecurity \
        --service-account-issuer https://kubernetes.default.svc \
        --service-account-key-file "$state/pki/accounts.pub" \
        --service-account-signing-key-file "$state/pki/accounts.key" \
        --default-not-ready-toleration-seconds 5 --default-unreachable-toleration-seconds 5 \
        --kubelet-preferred-address-types InternalIP --allow-privileged --profiling=false
}

start_kube-controller-manager() {
    keep kube-controller-manager "$bin/kube-controller-manager" \
        --kubeconfig "$state/pki/kube-controller-manager.kubeconfig" \
        --use-service-account-credentials --leader-elect=false --secure-port 0 \
        --root-ca-file "$state/pki/apiserver.crt" \
        --service-account-private-key-file "$state/pki/accounts.key" \
        --node-monitor-period 2s --node-monitor-grace-period 12s \
        --concurrent-deployment-syncs 10 --profiling=false
}

start_kube-scheduler() {
    keep kube-scheduler "$bin/kube-scheduler" --kubeconfig "$state/pki/kube-scheduler.kubeconfig" \
        --leader-elect=false --secure-port 0
}

start_coredns() {
    cat >"$state/Corefile" <<END
.:53 {
    bind $control_ip
    errors
    ready $control_ip:8181
    kubernetes cluster.local in-addr.arpa {
        kubeconfig $kubeconfig
        pods insecure
        ttl 2
    }
    # No other name exists.
    template ANY ANY . {
        rcode NXDOMAIN
    }
}
END
    spawn coredns "$bin/coredns" -conf "$state/Corefile"
}

start_provisioner() {
    spawn provisioner "$bin/provisioner" "$kubeconfig" "$state/volumes"
}

api_answers() { curl -sk --max-time 2 --output /dev/null "$api_url/version"; }
api_is_ready() { [[ $(curl -sk --max-time 2 "$api_url/readyz") == ok ]]; }

control_up() {
    local name
    start_etcd
    start_kube-apiserver
    await 'the API server' 180 api_answers
    write_kubeconfig admin "$kubeconfig"
    for name in kube-controller-manager kube-scheduler kube-proxy; do
        write_kubeconfig "$name" "$state/pki/$name.kubeconfig"
    done
    start_kube-controller-manager
    start_kube-scheduler
    await 'the API server' 180 api_is_ready
    start_coredns
    start_provisioner
    kubectl apply --server-side -f "$here/storage.yaml" >/dev/null
}
