// What this process has used up so far, as the lab's own servers tell it.
package main

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

type usage struct {
	CPU       int64  `json:"cpu_ns"`
	RSS       int64  `json:"rss_kib"`
	PeakRSS   int64  `json:"peak_rss_kib"`
	Allocated uint64 `json:"allocated_bytes"`
	Published int64  `json:"publications"`
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

func now(published int64) usage {
	var self syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &self)
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	status, _ := os.ReadFile("/proc/self/status")
	return usage{
		CPU: self.Utime.Nano() + self.Stime.Nano(), RSS: kib(string(status), "VmRSS:"),
		PeakRSS: kib(string(status), "VmHWM:"), Allocated: memory.TotalAlloc, Published: published,
	}
}
