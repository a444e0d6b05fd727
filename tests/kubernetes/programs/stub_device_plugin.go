package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	plugin "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

const (
	resource = "nvidia.com/gpu"
	socket   = "stub-gpu.sock"
	interval = time.Second
)

// A STUB of NVIDIA's device plugin, for nodes without a GPU. It offers the GPUs whose UUIDs are its arguments, and gives
// each by the name that nvidia-ctk gives it in a CDI specification. A GPU for which there is a file UNHEALTHY/UUID is
// reported as unhealthy.
type stub struct {
	plugin.UnimplementedDevicePluginServer
	uuids     []string
	unhealthy string
}

func (s *stub) GetDevicePluginOptions(context.Context, *plugin.Empty) (*plugin.DevicePluginOptions, error) {
	return &plugin.DevicePluginOptions{}, nil
}

func (s *stub) devices() (devices []*plugin.Device, state string) {
	for _, uuid := range s.uuids {
		health := plugin.Healthy
		if _, err := os.Stat(filepath.Join(s.unhealthy, uuid)); err == nil {
			health = plugin.Unhealthy
		}
		devices = append(devices, &plugin.Device{ID: uuid, Health: health})
		state += health
	}
	return devices, state
}

func (s *stub) ListAndWatch(_ *plugin.Empty, stream grpc.ServerStreamingServer[plugin.ListAndWatchResponse]) error {
	for last := ""; stream.Context().Err() == nil; time.Sleep(interval) {
		devices, state := s.devices()
		if state == last {
			continue
		}
		if err := stream.Send(&plugin.ListAndWatchResponse{Devices: devices}); err != nil {
			return err
		}
		last = state
	}
	return nil
}

func (s *stub) Allocate(_ context.Context, wanted *plugin.AllocateRequest) (*plugin.AllocateResponse, error) {
	answer := &plugin.AllocateResponse{}
	for _, container := range wanted.ContainerRequests {
		given := &plugin.ContainerAllocateResponse{}
		for _, uuid := range container.DevicesIds {
			given.CdiDevices = append(given.CdiDevices, &plugin.CDIDevice{Name: resource + "=" + uuid})
		}
		answer.ContainerResponses = append(answer.ContainerResponses, given)
	}
	return answer, nil
}

func newStubDevicePluginCommand() *cobra.Command {
	var unhealthy string
	command := &cobra.Command{
		Use:  "stub-device-plugin UUID...",
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, uuids []string) error { return serve(&stub{uuids: uuids, unhealthy: unhealthy}) },
	}
	command.Flags().StringVar(&unhealthy, "unhealthy", "/run/stub-gpu/unhealthy", "directory with a file for each unhealthy GPU")
	return command
}

func serve(s *stub) error {
	path := plugin.DevicePluginPath + socket
	_ = os.Remove(path)
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	plugin.RegisterDevicePluginServer(server, s)
	go register()
	return server.Serve(listener)
}

// The kubelet may not be there yet.
func register() {
	for ; ; time.Sleep(interval) {
		connection, err := grpc.NewClient("unix://"+plugin.KubeletSocket, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			continue
		}
		request := &plugin.RegisterRequest{Version: plugin.Version, Endpoint: socket, ResourceName: resource}
		_, err = plugin.NewRegistrationClient(connection).Register(context.Background(), request)
		_ = connection.Close()
		if err == nil {
			return
		}
	}
}
