package main

import (
	"context"
	"time"

	"midstream/internal/dump"
	"midstream/internal/option"
)

// lastFlows is how long a proxy that ends waits for its output to be read.
const lastFlows = 2 * time.Second

// runProxy runs the proxy that the options describe until ctx ends or a signal
// comes.
func runProxy(ctx context.Context, e *env, reg *option.Registry, kind proxyKind) error {
	log, done, err := openLog(e, reg)
	if err != nil {
		return err
	}
	defer done()
	ctx, stop := untilSignal(ctx, e)
	defer stop()

	warnings, err := reg.Settle() // after scripts have declared theirs
	if err != nil {
		return &codedError{exitUsage, err}
	}
	for _, w := range warnings {
		log.Warn(w.Error())
	}
	printer := newPrinter(e, reg, kind, nil, log)
	defer closePrinter(printer)

	<-ctx.Done()
	return nil
}

// closePrinter prints the last flows; who does not read them does not hold up
// the end.
func closePrinter(p *dump.Printer) {
	ctx, cancel := context.WithTimeout(context.Background(), lastFlows)
	defer cancel()
	_ = p.Close(ctx) // there is nowhere left to say that nobody reads
}
