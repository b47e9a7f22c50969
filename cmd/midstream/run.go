package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"midstream/internal/ca"
	"midstream/internal/dump"
	"midstream/internal/engine"
	"midstream/internal/instance"
	"midstream/internal/option"
	"midstream/internal/view"
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
	alive := ctx
	ctx, shutdown := context.WithCancel(ctx)
	defer shutdown()

	pages := new(programPages)
	if e.getenv("GOGC") == "" {
		paceCollector(pages)
	}
	recorded := new(recorded)
	defer recorded.close()
	front := newFrontEnd(e, reg, &log)
	defer front.close(log)
	watchers := []engine.Watcher{front.hub}
	var printer *dump.Printer
	if !kind.quiet {
		schema, err := definitions(ctx, reg.Path("protobuf_definitions"))
		if err != nil {
			return err
		}
		if name := reg.String("dumper_default_contentview"); !view.Known(name) {
			return &codedError{exitUsage, fmt.Errorf("option dumper_default_contentview: %w", &view.UnknownError{Name: name})}
		}
		filter, cancel := followPrinted(e, reg, kind.filter)
		defer cancel()
		printer = newPrinter(e, reg, kind, filter, recorded, schema, log)
		defer closePrinter(printer)
		watchers = append(watchers, printer)
	}
	home, err := e.home()
	if err != nil {
		home = ""
	}
	var room func(context.Context)
	if printer != nil {
		room = printer.Await
	}
	in, err := instance.Start(ctx, instance.Config{
		Options: reg, Watchers: watchers, Log: log, Output: kind.lines, Errors: e.stderr, Stdout: e.stdout,
		Stdin: e.stdin, Room: room, Resend: kind.resend,
		Case: filterCase(e), Version: versionText(), Args: argumentsForScripts(e.args), Getenv: e.getenv, Shutdown: shutdown,
	})
	if err != nil {
		return usageOf(err)
	}
	recorded.in = in
	unheard := front.listen(ctx, e, in)
	fmt.Fprint(e.stderr, started(in, home).text())
	if hint := ca.MitmproxyHint(home, reg.Path("confdir")); hint != "" {
		fmt.Fprintln(e.stderr, hint)
	}
	replaying := startReplay(ctx, e, in, log)
	ends := func() bool { return kind.ends && !reg.Bool("keepserving") }
	if replaying != nil && kind.ends {
		go func() {
			<-replaying.done
			if !ends() {
				return
			}
			if replaying.err == nil && printer != nil {
				_ = printer.Close(alive) // who reads it has all the time
			}
			shutdown()
		}()
	}
	if err = unheard; err == nil {
		err = front.open(ctx, e, in, kind.web)
	}
	if err == nil {
		go pages.drop()
		err = in.Serve(ctx)
	} else {
		shutdown()
		err = errors.Join(err, in.Serve(ctx))
	}
	shutdown()
	if missed := replaying.wait(); ends() {
		err = errors.Join(err, missed)
	}
	if printer != nil {
		closePrinter(printer) // it reads what is recorded
	}
	front.close(log)
	sum, closing := in.Finish(in.Close(context.WithoutCancel(ctx)))
	fmt.Fprint(e.stderr, ended(sum, home).text())
	return errors.Join(err, closing)
}

// started is the start notice of in.
func started(in *instance.Instance, home string) startNotice {
	n := startNotice{session: sessionOf(in.Session()), caCert: in.CA().Path(ca.CertFile), home: home}
	for _, l := range in.Listeners() {
		w := listenNotice{mode: l.Mode}
		for _, a := range l.Addresses {
			w.addresses = append(w.addresses, a.String())
		}
		n.listeners = append(n.listeners, w)
	}
	return n
}

// ended is the exit notice of an instance that left sum.
func ended(sum instance.Summary, home string) exitNotice {
	return exitNotice{session: sessionOf(sum.Session), flows: sum.Flows, size: sum.Size, until: sum.Until.Local(), home: home}
}

func sessionOf(s instance.Session) sessionNotice {
	return sessionNotice{path: s.Dir, named: s.Named, keep: s.Keep, maxSize: s.MaxSize, heads: s.Heads}
}

// closePrinter prints the last flows; who does not read them does not hold up
// the end.
func closePrinter(p *dump.Printer) {
	ctx, cancel := context.WithTimeout(context.Background(), lastFlows)
	defer cancel()
	_ = p.Close(ctx) // there is nowhere left to say that nobody reads
}
