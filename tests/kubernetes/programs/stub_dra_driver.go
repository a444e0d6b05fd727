//go:build !api

package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	resource "k8s.io/api/resource/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/dynamic-resource-allocation/kubeletplugin"
	"k8s.io/dynamic-resource-allocation/resourceslice"
)

const (
	driverName = "gpu.nvidia.com"
	class      = "nvidia.com/gpu="
	interval   = time.Second
)

// A STAND-IN for NVIDIA's driver for dynamic resource allocation, whose Go module no proxy serves. It publishes the
// devices that a file has, and gives each by the name that nvidia-ctk gives it in a CDI specification. A device for
// which there is a file UNHEALTHY/UUID is reported as unhealthy.
type stub struct {
	pool      string
	uuids     map[string]string
	unhealthy string
}

func (s *stub) PrepareResourceClaims(_ context.Context, claims []*resource.ResourceClaim) (map[types.UID]kubeletplugin.PrepareResult, error) {
	results := map[types.UID]kubeletplugin.PrepareResult{}
	for _, claim := range claims {
		var prepared kubeletplugin.PrepareResult
		for _, given := range claim.Status.Allocation.Devices.Results {
			if given.Driver != driverName {
				continue
			}
			prepared.Devices = append(prepared.Devices, kubeletplugin.Device{
				Requests: []string{given.Request}, PoolName: given.Pool, DeviceName: given.Device,
				CDIDeviceIDs: []string{class + s.uuids[given.Device]},
			})
		}
		results[claim.UID] = prepared
	}
	return results, nil
}

func (s *stub) UnprepareResourceClaims(_ context.Context, claims []kubeletplugin.NamespacedObject) (map[types.UID]error, error) {
	results := map[types.UID]error{}
	for _, claim := range claims {
		results[claim.UID] = nil
	}
	return results, nil
}

func (s *stub) HandleError(_ context.Context, err error, message string) { log.Println(message, err) }

func (s *stub) WatchHealthStatus(ctx context.Context, reports chan<- kubeletplugin.DeviceHealthReport) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case reports <- s.health():
			time.Sleep(interval)
		}
	}
}

func (s *stub) health() (report kubeletplugin.DeviceHealthReport) {
	for device, uuid := range s.uuids {
		health := kubeletplugin.HealthStatusHealthy
		if _, err := os.Stat(filepath.Join(s.unhealthy, uuid)); err == nil {
			health = kubeletplugin.HealthStatusUnhealthy
		}
		one := kubeletplugin.DeviceHealth{PoolName: s.pool, DeviceName: device, Health: health, LastUpdated: time.Now()}
		report.Devices = append(report.Devices, one)
	}
	return report
}

func newStubDraDriverCommand() *cobra.Command {
	var node, kubeconfig, devices, unhealthy string
	command := &cobra.Command{
		Use:  "stub-dra-driver",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return publish(command.Context(), node, kubeconfig, devices, unhealthy)
		},
	}
	command.Flags().StringVar(&node, "node", "", "name of the node")
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "of the node")
	command.Flags().StringVar(&devices, "devices", "", "file with the devices of a ResourceSlice")
	command.Flags().StringVar(&unhealthy, "unhealthy", "/run/stub-gpu/unhealthy", "directory with a file for each unhealthy GPU")
	return command
}

func publish(ctx context.Context, node, kubeconfig, file, unhealthy string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var devices []resource.Device
	if err := json.Unmarshal(content, &devices); err != nil {
		return err
	}
	s := &stub{pool: node, uuids: map[string]string{}, unhealthy: unhealthy}
	for _, device := range devices {
		s.uuids[device.Name] = *device.Attributes["uuid"].StringValue
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(kubeletplugin.KubeletPluginsDir, driverName), 0o750); err != nil {
		return err
	}
	helper, err := kubeletplugin.Start(ctx, s, kubeletplugin.KubeClient(client), kubeletplugin.NodeName(node), kubeletplugin.DriverName(driverName))
	if err != nil {
		return err
	}
	pools := map[string]resourceslice.Pool{node: {Slices: []resourceslice.Slice{{Devices: devices}}}}
	if err := helper.PublishResources(ctx, resourceslice.DriverResources{Pools: pools}); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
