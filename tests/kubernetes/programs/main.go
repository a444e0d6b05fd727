// Command kubernetes is the programs of a cluster in one, told apart by its first argument.
//
// Every package comes from Go modules; nothing here but the choice. With the tag `api` it has those alone that an API server
// without nodes needs.
package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

var commands = map[string]func() *cobra.Command{
	"kube-apiserver": apiserver.NewAPIServerCommand,
}

func main() {
	if len(os.Args) > 1 {
		os.Args = os.Args[1:]
	}
	if os.Args[0] == "etcd" {
		etcdmain.Main(os.Args)
		return
	}
	command, known := commands[os.Args[0]]
	if !known {
		fmt.Fprintln(os.Stderr, "usage: kubernetes etcd|"+strings.Join(slices.Sorted(maps.Keys(commands)), "|")+" [FLAG...]")
		os.Exit(2)
	}
	os.Exit(cli.Run(command()))
}
