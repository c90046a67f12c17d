// The peer: go-control-plane's snapshot cache and server, told what to do the way the lab's own servers are.
//
// It prints the address it listens on; then `change N` on its standard input replaces one resource, and `usage` is answered
// with a line of JSON. It ends with its standard input.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
)

// everyone is the one key of the cache: all streams share a snapshot, which is the cheapest way to use it.
type everyone struct{}

func (everyone) ID(*core.Node) string { return "everyone" }

// assignment is what the lab's own servers serve under this number: ten endpoints, byte for byte.
func assignment(number, revision int) types.Resource {
	name := fmt.Sprintf("namespace-%03d/service-%06d/8080", number%100, number)
	members := make([]*endpoint.LbEndpoint, 0, 10)
	for at := 0; at < 10; at++ {
		address := fmt.Sprintf("10.%d.%d.%d", number/250%250, number%250, at)
		port := uint32(8000 + revision%50_000)
		members = append(members, &endpoint.LbEndpoint{HostIdentifier: &endpoint.LbEndpoint_Endpoint{Endpoint: &endpoint.Endpoint{
			Address: &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{
				Address: address, PortSpecifier: &core.SocketAddress_PortValue{PortValue: port},
			}}},
		}}})
	}
	return &endpoint.ClusterLoadAssignment{
		ClusterName: name, Endpoints: []*endpoint.LocalityLbEndpoints{{LbEndpoints: members}},
	}
}

type usage struct {
	CPU       int64  `json:"cpu_ns"`
	RSS       int64  `json:"rss_kib"`
	PeakRSS   int64  `json:"peak_rss_kib"`
	Allocated uint64 `json:"allocated_bytes"`
	First     int64  `json:"polls_of_first"`
	Rest      int64  `json:"polls_of_rest"`
}

func kib(status, key string) int64 {
	for _, line := range strings.Split(status, "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == key {
			value, _ := strconv.ParseInt(fields[1], 10, 64)
			return value
		}
	}
	return 0
}

func now() usage {
	var self syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &self)
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	status, _ := os.ReadFile("/proc/self/status")
	return usage{
		CPU: self.Utime.Nano() + self.Stime.Nano(), RSS: kib(string(status), "VmRSS:"),
		PeakRSS: kib(string(status), "VmHWM:"), Allocated: memory.TotalAlloc,
	}
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: go-control-plane RESOURCES THREADS")
	}
	resources, _ := strconv.Atoi(os.Args[1])
	threads, _ := strconv.Atoi(os.Args[2])
	runtime.GOMAXPROCS(threads)

	snapshots := cache.NewSnapshotCache(false, everyone{}, nil)
	all := make([]types.Resource, resources)
	for at := range all {
		all[at] = assignment(at, 0)
	}
	publish := func(revision int) {
		snapshot, err := cache.NewSnapshot(strconv.Itoa(revision), map[resource.Type][]types.Resource{resource.EndpointType: all})
		if err == nil {
			err = snapshots.SetSnapshot(context.Background(), "everyone", snapshot)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
	publish(0)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	served := grpc.NewServer(grpc.MaxRecvMsgSize(256<<20), grpc.MaxConcurrentStreams(1_000_000))
	discovery.RegisterAggregatedDiscoveryServiceServer(served, server.NewServer(context.Background(), snapshots, nil))
	go func() { log.Fatal(served.Serve(listener)) }()
	fmt.Println(listener.Addr())

	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if words := strings.Fields(lines.Text()); len(words) == 2 && words[0] == "change" {
			revision, _ := strconv.Atoi(words[1])
			number := revision * 7919 % resources
			// What did not change is the same pointer: its best case.
			changed := make([]types.Resource, resources)
			copy(changed, all)
			changed[number] = assignment(number, revision)
			all = changed
			publish(revision)
		} else {
			told, _ := json.Marshal(now())
			fmt.Println(string(told))
		}
	}
}
