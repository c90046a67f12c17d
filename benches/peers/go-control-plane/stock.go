// What is served, and what one of it becomes by a change. What does not change stays the same pointer: the cache's best case.
package main

import (
	"log"

	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
)

type stock struct {
	content string
	all     map[resource.Type][]types.Resource
	hosts   []*route.VirtualHost
}

func newStock(content string, resources, beside int) *stock {
	made := &stock{content: content, all: map[resource.Type][]types.Resource{}}
	each := func(count int, make func(number int) types.Resource) []types.Resource {
		all := []types.Resource{}
		for number := 0; number < count; number++ {
			all = append(all, make(number))
		}
		return all
	}
	endpoints := func(at int) types.Resource { return assignment(at, 0) }
	switch content {
	case "endpoints":
		made.all[resource.EndpointType] = each(resources+beside, endpoints)
	case "everything":
		made.all[resource.ClusterType] = each(resources, edsCluster)
		made.all[resource.EndpointType] = each(resources+beside, endpoints)
		made.all[resource.ListenerType] = each(resources, edgeListener)
		made.all[resource.RouteType] = each(resources, routes)
	case "table":
		made.all[resource.ClusterType] = each(clusters, edsCluster)
		made.all[resource.EndpointType] = each(clusters, endpoints)
		for number := 0; number < resources; number++ {
			made.hosts = append(made.hosts, host(number, 0))
		}
		made.all[resource.RouteType] = []types.Resource{made.table()}
	case "tables":
		made.all[resource.ClusterType] = each(clusters, edsCluster)
		made.all[resource.EndpointType] = each(clusters, endpoints)
		made.all[resource.RouteType] = each(resources, func(at int) types.Resource { return tableOfOne(at, 0) })
	default:
		log.Fatalf("this peer cannot serve %q", content)
	}
	return made
}

func tableOfOne(number, revision int) types.Resource {
	return &route.RouteConfiguration{Name: name(number), VirtualHosts: []*route.VirtualHost{host(number, revision)}}
}

func (s *stock) table() types.Resource {
	return &route.RouteConfiguration{Name: table, VirtualHosts: append([]*route.VirtualHost{}, s.hosts...)}
}

func (s *stock) change(number, revision int) {
	switch s.content {
	case "table":
		s.hosts[number] = host(number, revision)
		s.all[resource.RouteType] = []types.Resource{s.table()}
	case "tables":
		s.replace(resource.RouteType, number, tableOfOne(number, revision))
	default:
		s.replace(resource.EndpointType, number, assignment(number, revision))
	}
}

// replace leaves the list that snapshots refer to as it is.
func (s *stock) replace(kind resource.Type, number int, by types.Resource) {
	s.all[kind] = append([]types.Resource{}, s.all[kind]...)
	s.all[kind][number] = by
}
