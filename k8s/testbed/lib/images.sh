# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # the parts share their names, see common.sh
# The images that the nodes start with, packed here, since there is no registry to pull them from.

# Packs directory $2 as the image $1, which starts the command $3, into the archive $4.
pack_image() {
    local name=$1 root=$2 command=$3 archive=$4 dir layer
    dir=$(mktemp -d)
    tar --create --file "$dir/layer.tar" --directory "$root" --owner 0 --group 0 --numeric-owner --sort name \
        --mtime @0 .
    layer=$(sha256sum "$dir/layer.tar" | cut -d ' ' -f 1)
    cat >"$dir/config.json" <<END
{"architecture":"$(machine_architecture)","os":"linux",
 "config":{"Cmd":["$command"],"Env":["PATH=/bin"]},
 "rootfs":{"type":"layers","diff_ids":["sha256:$layer"]}}
END
    echo "[{\"Config\":\"config.json\",\"RepoTags\":[\"$name\"],\"Layers\":[\"layer.tar\"]}]" >"$dir/manifest.json"
    tar --create --file "$archive" --directory "$dir" manifest.json config.json layer.tar
    rm -rf "$dir"
}

machine_architecture() {
    case $(uname -m) in
        x86_64) echo amd64 ;;
        aarch64) echo arm64 ;;
        *) uname -m ;;
    esac
}

# `pause` holds a pod's namespaces; `busybox` is for pods that look at others.
pack_images() {
    local root applet
    root=$(mktemp -d)
    install -D "$bin/pause" "$root/pause"
    pack_image docker.io/testbed/pause:1 "$root" /pause "$state/pause.tar"
    rm -rf "$root"
    root=$(mktemp -d)
    mkdir -m 1777 "$root/tmp"
    install -D "$(command -v busybox)" "$root/bin/busybox"
    for applet in $("$root/bin/busybox" --list); do
        [[ $applet == busybox ]] || ln "$root/bin/busybox" "$root/bin/$applet"
    done
    pack_image docker.io/library/busybox:1.35 "$root" /bin/sh "$state/busybox.tar"
    rm -rf "$root"
}

# Imports the image archive $2 into node $1.
import_image() {
    ctr --address "$(node_dir "$1")/containerd.sock" --namespace k8s.io images import "$2" >/dev/null
}
