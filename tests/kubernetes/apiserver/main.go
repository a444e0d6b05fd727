// Command apiserver is etcd and kube-apiserver in one program, told apart by its first argument.
//
// Every package comes from Go modules; nothing here but the choice.
package main

import (
	"fmt"
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubeapiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	if len(os.Args) > 1 {
		os.Args = os.Args[1:]
	}
	switch os.Args[0] {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		os.Exit(cli.Run(kubeapiserver.NewAPIServerCommand()))
	default:
		fmt.Fprintln(os.Stderr, "usage: apiserver etcd|kube-apiserver [FLAG...]")
		os.Exit(2)
	}
}
