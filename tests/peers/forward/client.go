// SPDX-License-Identifier: MIT
//
// Sends numbered records with fluent-logger-golang, the library of Docker's log driver.
package main

import (
	"flag"
	"fmt"
	"math/rand"
	"os"
	"time"

	"github.com/fluent/fluent-logger-golang/fluent"
)

func main() {
	port := flag.Int("port", 0, "")
	unix := flag.String("unix", "", "")
	count := flag.Int("count", 10, "")
	tag := flag.String("tag", "ads.web", "")
	ack := flag.Bool("ack", false, "")
	event := flag.Bool("event", false, "EventTime")
	asJSON := flag.Bool("json", false, "")
	async := flag.Bool("async", false, "")
	fixed := flag.Bool("fixed", false, "chunk ids that repeat")
	flag.Parse()
	if *fixed {
		rand.Seed(1)
	}
	network := "tcp"
	if *unix != "" {
		network = "unix"
	}
	logger, err := fluent.New(fluent.Config{
		FluentNetwork: network, FluentSocketPath: *unix, FluentHost: "127.0.0.1",
		FluentPort: *port, RequestAck: *ack, SubSecondPrecision: *event,
		MarshalAsJSON: *asJSON, Async: *async, MaxRetry: 2, Timeout: 20 * time.Second,
	})
	fail(err)
	for i := 0; i < *count; i++ {
		record := map[string]interface{}{
			"event":    "click",
			"event_id": fmt.Sprintf("go-%d", i),
			"position": i % 4,
			"weight":   -0.5,
			"note":     "žluťoučký kůň 🐎",
			"items":    []interface{}{int64(-1), uint64(1 << 63), nil, true, "x"},
		}
		if !*asJSON {
			record["digest"] = []byte{byte(i), 0xff, 0xc1, 0x00}
		}
		when := time.Unix(1795458438+int64(i), 494000000)
		fail(logger.PostWithTime(*tag, when, record))
	}
	fail(logger.Close())
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_client:", err)
		os.Exit(1)
	}
}
