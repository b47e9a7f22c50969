package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// untilSignal returns a context that the first Ctrl-C, SIGTERM or SIGHUP ends,
// so that what runs can come to its end; a second one ends the process at once.
// The caller must call stop.
func untilSignal(ctx context.Context, e *env) (_ context.Context, stop func()) {
	return untilSignalTold(ctx, e, func(s os.Signal) {
		fmt.Fprintf(e.stderr, "%s: ending what runs; once more ends it at once\n", s)
	})
}

// untilSignalTold is untilSignal for a command that has words of its own for the
// first signal, or none.
func untilSignalTold(ctx context.Context, e *env, tell func(os.Signal)) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // started with nohup it is to be ignored
		signal.Notify(signals, syscall.SIGHUP)
	}
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		twoSignals(signals, over, func(s os.Signal) {
			tell(s)
			cancel(fmt.Errorf("ended by signal: %s", s))
		}, func() { e.exit(exitFailed) })
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(over)
		<-ended
		cancel(context.Canceled)
	}
}

// echo is how long after a signal another one counts as the same: wrappers as
// timeout, make and npm pass on what the process has had already.
const echo = 250 * time.Millisecond

// twoSignals calls first at one signal and second at the next, until over.
func twoSignals(signals <-chan os.Signal, over <-chan struct{}, first func(os.Signal), second func()) {
	select {
	case s := <-signals:
		first(s)
	case <-over:
		return
	}
	began := time.Now()
	for {
		select {
		case <-signals:
			if time.Since(began) < echo {
				continue
			}
			second()
		case <-over:
		}
		return
	}
}
