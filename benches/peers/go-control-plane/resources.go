// The resources the lab's own servers serve, byte for byte: see made.rs and edge.rs.
package main

import (
	"fmt"
	"strconv"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	router "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	table    = "shops"
	clusters = 10
)

func name(number int) string {
	return fmt.Sprintf("namespace-%03d/service-%06d/8080", number%100, number)
}

func socket(address string, port int) *core.Address {
	return &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{
		Address: address, PortSpecifier: &core.SocketAddress_PortValue{PortValue: uint32(port)},
	}}}
}

// assignment has ten endpoints.
func assignment(number, revision int) types.Resource {
	members := make([]*endpoint.LbEndpoint, 0, 10)
	for at := 0; at < 10; at++ {
		address := socket(fmt.Sprintf("10.%d.%d.%d", number/250%250, number%250, at), 8000+revision%50_000)
		members = append(members, &endpoint.LbEndpoint{HostIdentifier: &endpoint.LbEndpoint_Endpoint{
			Endpoint: &endpoint.Endpoint{Address: address},
		}})
	}
	return &endpoint.ClusterLoadAssignment{
		ClusterName: name(number), Endpoints: []*endpoint.LocalityLbEndpoints{{LbEndpoints: members}},
	}
}

func aggregated() *core.ConfigSource {
	return &core.ConfigSource{
		ResourceApiVersion:    core.ApiVersion_V3,
		ConfigSourceSpecifier: &core.ConfigSource_Ads{Ads: &core.AggregatedConfigSource{}},
	}
}

func edsCluster(number int) types.Resource {
	return &cluster.Cluster{
		Name: name(number), ConnectTimeout: durationpb.New(1_000_000_000),
		ClusterDiscoveryType: &cluster.Cluster_Type{Type: cluster.Cluster_EDS},
		EdsClusterConfig:     &cluster.Cluster_EdsClusterConfig{EdsConfig: aggregated()},
	}
}

func packed(message proto.Message) *anypb.Any {
	made, err := anypb.New(message)
	if err != nil {
		panic(err)
	}
	return made
}

func edgeListener(number int) types.Resource {
	connections := &hcm.HttpConnectionManager{
		StatPrefix: "in",
		RouteSpecifier: &hcm.HttpConnectionManager_Rds{
			Rds: &hcm.Rds{ConfigSource: aggregated(), RouteConfigName: name(number)},
		},
		HttpFilters: []*hcm.HttpFilter{{
			Name: "router", ConfigType: &hcm.HttpFilter_TypedConfig{TypedConfig: packed(&router.Router{})},
		}},
	}
	filter := &listener.Filter{
		Name: "connections", ConfigType: &listener.Filter_TypedConfig{TypedConfig: packed(connections)},
	}
	return &listener.Listener{
		Name: name(number), Address: socket("127.0.0.1", 10_000+number%50_000),
		FilterChains: []*listener.FilterChain{{Filters: []*listener.Filter{filter}}},
	}
}

func toCluster(number int) *route.Route {
	return &route.Route{
		Match: &route.RouteMatch{PathSpecifier: &route.RouteMatch_Prefix{Prefix: "/"}},
		Action: &route.Route_Route{Route: &route.RouteAction{
			ClusterSpecifier: &route.RouteAction_Cluster{Cluster: name(number)},
		}},
	}
}

func routes(number int) types.Resource {
	return &route.RouteConfiguration{Name: name(number), VirtualHosts: []*route.VirtualHost{{
		Name: "all", Domains: []string{"*"}, Routes: []*route.Route{toCluster(number)},
	}}}
}

func host(number, revision int) *route.VirtualHost {
	domain := fmt.Sprintf("host-%06d.example.com", number)
	one := toCluster(number % clusters)
	one.RequestHeadersToAdd = []*core.HeaderValueOption{{
		Header: &core.HeaderValue{Key: "x-revision", Value: strconv.Itoa(revision)},
	}}
	return &route.VirtualHost{Name: table + "/" + domain, Domains: []string{domain}, Routes: []*route.Route{one}}
}
