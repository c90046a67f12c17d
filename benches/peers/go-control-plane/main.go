// The peer: go-control-plane's snapshot cache and server, told what to do the way the lab's own servers are.
//
// Its argument is a setting as JSON (see setting.rs). It prints the address it listens on; then `change REVISION NUMBER` on
// its standard input replaces one resource, and `usage` is answered with a line of JSON. It ends with its standard input.
//
// Changes that arrive while a snapshot is being set are in the next one together: that is how one would debounce it.
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

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
)

// everyone is the one key of the cache: all streams share a snapshot, which is the cheapest way to use it.
type everyone struct{}

func (everyone) ID(*core.Node) string { return "everyone" }

type setting struct {
	Content   string          `json:"content"`
	Resources int             `json:"resources"`
	Beside    int             `json:"beside"`
	Threads   int             `json:"threads"`
	Port      int             `json:"port"`
	TLS       json.RawMessage `json:"tls"`
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: go-control-plane SETTING")
	}
	var told setting
	if err := json.Unmarshal([]byte(os.Args[1]), &told); err != nil {
		log.Fatal(err)
	}
	if len(told.TLS) > 0 && string(told.TLS) != "null" {
		log.Fatal("this peer serves plain text only")
	}
	runtime.GOMAXPROCS(told.Threads)

	snapshots := cache.NewSnapshotCache(false, everyone{}, nil)
	stock := newStock(told.Content, told.Resources, told.Beside)
	published := int64(0)
	publish := func() {
		snapshot, err := cache.NewSnapshot(strconv.FormatInt(published, 10), stock.all)
		if err == nil {
			err = snapshots.SetSnapshot(context.Background(), "everyone", snapshot)
		}
		if err != nil {
			log.Fatal(err)
		}
		published++
	}
	publish()

	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", told.Port))
	if err != nil {
		log.Fatal(err)
	}
	served := grpc.NewServer(grpc.MaxRecvMsgSize(256<<20), grpc.MaxConcurrentStreams(1_000_000))
	discovery.RegisterAggregatedDiscoveryServiceServer(served, server.NewServer(context.Background(), snapshots, nil))
	go func() { log.Fatal(served.Serve(listener)) }()
	fmt.Println(listener.Addr())

	lines := make(chan string, 100_000)
	go func() {
		input := bufio.NewScanner(os.Stdin)
		for input.Scan() {
			lines <- input.Text()
		}
		close(lines)
	}()
	for line := range lines {
		changed := false
		for more := true; more; {
			words := strings.Fields(line)
			switch {
			case len(words) == 3 && words[0] == "change":
				revision, _ := strconv.Atoi(words[1])
				number, _ := strconv.Atoi(words[2])
				stock.change(number, revision)
				changed = true
			case line == "usage":
				// What it was told before is done by then.
				if changed {
					publish()
					changed = false
				}
				answer, _ := json.Marshal(now(published))
				fmt.Println(string(answer))
			default:
				log.Fatalf("what is %q?", line)
			}
			select {
			case line, more = <-lines:
			default:
				more = false
			}
		}
		if changed {
			publish()
		}
	}
}
