package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"midstream/internal/browser"
	"midstream/internal/instance"
)

// opener opens a browser of this machine that passes through a running midstream:
// it is `midstream browser --attach`, one at a time. It is an api.Browsing.
type opener struct {
	name string   // of the browser
	line []string // that opens it
	env  []string

	mu   sync.Mutex // guards the rest
	open bool
	over bool // none is opened any more
	stop context.CancelFunc
	ends sync.WaitGroup
}

// newOpener is nil where no browser can be opened: none is installed that starts
// here, nobody sees a display, or there is no proxy for it.
func newOpener(e *env, in *instance.Instance, confdir string) *opener {
	if !display(e) || len(in.Proxies()) == 0 || in.Session().Dir == "" {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	find := browser.Finder{System: runtime.GOOS, Getenv: e.getenv, Look: exec.LookPath}
	program, err := find.Find("")
	if err == nil && program.Kind == browser.Chromium && runtime.GOOS == "linux" && os.Geteuid() == 0 {
		program, err = find.Find("firefox") // the others do not start as root
	}
	if err != nil {
		return nil
	}
	return &opener{name: program.Name, env: e.environ(),
		line: []string{self, "browser", "--attach", "--confdir", confdir, "--session", in.Session().Dir, "--browser", program.Path}}
}

// Name is the browser's.
func (o *opener) Name() string { return o.name }

// Open opens it, and returns when it runs, or has failed to.
func (o *opener) Open(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over {
		return errors.New("midstream is stopping")
	}
	if o.open {
		return fmt.Errorf("%s is open already", o.name)
	}
	life, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(life, o.line[0], o.line[1:]...)
	cmd.Env, cmd.Stdout, cmd.WaitDelay = o.env, io.Discard, 5*time.Second
	if runtime.GOOS != "windows" {
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	}
	said, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		stop()
		return fmt.Errorf("open %s: %w", o.name, err)
	}
	o.open, o.stop = true, stop
	begun := make(chan error, 1)
	o.ends.Go(func() {
		defer stop()
		last := ""
		for in := bufio.NewScanner(said); in.Scan(); {
			last = strings.TrimPrefix(in.Text(), "midstream: ")
			if strings.Contains(last, "with a fresh profile passes through") {
				select {
				case begun <- nil:
				default:
				}
			}
		}
		_, _ = io.Copy(io.Discard, said) // what follows a line that was too long
		_ = cmd.Wait()                   // it has said why
		o.mu.Lock()
		o.open = false
		o.mu.Unlock()
		select {
		case begun <- fmt.Errorf("open %s: %s", o.name, last):
		default:
		}
	})
	o.mu.Unlock()
	defer o.mu.Lock()
	select {
	case err := <-begun:
		return err
	case <-ctx.Done():
		return errors.New("nobody waits for the browser any more")
	}
}

// close ends it.
func (o *opener) close() {
	if o == nil {
		return
	}
	o.mu.Lock()
	stop := o.stop
	o.over = true
	o.mu.Unlock()
	if stop != nil {
		stop()
	}
	o.ends.Wait()
}
