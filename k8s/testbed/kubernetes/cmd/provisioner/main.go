// Command provisioner makes a directory, or a small file system, for each claim.
//
//	provisioner KUBECONFIG DIRECTORY
//
// All nodes see DIRECTORY, so a volume can be used from all of them at once (ReadWriteMany) and
// outlives any of them. Where the storage class has the parameter "limited", the volume is a file
// system in memory that holds as many bytes as the claim asks for and no more.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// name is what storage classes call this provisioner.
const name = "sciurus/testbed"

type provisioner struct{ root string }

// Provision makes the directory of a volume; any user may write to it, as with a cloud's fsGroup.
func (p provisioner) Provision(_ context.Context, options controller.ProvisionOptions) (
	*core.PersistentVolume, controller.ProvisioningState, error,
) {
	path := filepath.Join(p.root, options.PVName)
	size := options.PVC.Spec.Resources.Requests[core.ResourceStorage]
	if err := os.MkdirAll(path, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	if options.StorageClass.Parameters["limited"] == "true" {
		data := fmt.Sprintf("size=%d,mode=0777", size.Value())
		if err := syscall.Mount("testbed", path, "tmpfs", syscall.MS_NODEV, data); err != nil {
			return nil, controller.ProvisioningFinished, fmt.Errorf("mount %s: %w", path, err)
		}
	}
	// The mask of new files doesn't apply to this.
	if err := os.Chmod(path, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	kind := core.HostPathDirectory
	return &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: options.PVName},
		Spec: core.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			AccessModes:                   options.PVC.Spec.AccessModes,
			Capacity:                      core.ResourceList{core.ResourceStorage: size},
			PersistentVolumeSource: core.PersistentVolumeSource{
				HostPath: &core.HostPathVolumeSource{Path: path, Type: &kind},
			},
		},
	}, controller.ProvisioningFinished, nil
}

// Delete removes a volume with all that is in it.
func (p provisioner) Delete(_ context.Context, volume *core.PersistentVolume) error {
	path := filepath.Join(p.root, volume.Name)
	// Fails where nothing is mounted, which is the ordinary case.
	_ = syscall.Unmount(path, syscall.MNT_DETACH)
	return os.RemoveAll(path)
}

func run(kubeconfig, root string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	controller.NewProvisionController(ctx, client, name, provisioner{root},
		controller.LeaderElection(false),
		controller.ResyncPeriod(time.Minute),
	).Run(ctx)
	return nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: provisioner KUBECONFIG DIRECTORY")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "provisioner:", err)
		os.Exit(1)
	}
}
