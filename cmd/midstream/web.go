package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"midstream/internal/api"
	"midstream/internal/instance"
	"midstream/internal/option"
	"midstream/internal/web"
)

const webName = "web"

func newWebCmd(e *env) *cobra.Command {
	cmd := newProxyCmd(e, webName+" [OPTIONS]", proxyKind{web: true, quiet: true})
	cmd.Short = "the proxy and its page"
	cmd.Long = "Runs the proxy, and a page that shows what passes while it passes. It prints where both are, and\n" +
		"errors. The address has a token: who has it can do what midstream can do, so give it to nobody.\n\n" +
		"Ctrl-C ends it after what runs has had a moment to end; a second one ends it at once."
	return cmd
}

// frontEnd is the control API of a proxy, and the page.
type frontEnd struct {
	options *option.Registry
	runtime string // XDG_RUNTIME_DIR
	hub     *api.Hub
	lines   *api.Log
	server  *api.Server // nil before open
	once    sync.Once
	socket  string // "" where there is none
	browser *opener
}

// newFrontEnd makes one; what is logged from now on can be looked at in it.
func newFrontEnd(e *env, reg *option.Registry, log **slog.Logger) *frontEnd {
	f := &frontEnd{options: reg, runtime: e.getenv("XDG_RUNTIME_DIR"), hub: api.NewHub(), lines: new(api.Log)}
	*log = slog.New(f.lines.Handler((*log).Handler()))
	return f
}

// listen serves the API on a socket.
func (f *frontEnd) listen(ctx context.Context, e *env, in *instance.Instance) error {
	var err error
	c := api.Config{Instance: in, Hub: f.hub, Lines: f.lines, Log: in.Log(), Version: versionText(), Case: filterCase(e)}
	if f.browser = newOpener(e, in, f.options.Path("confdir")); f.browser != nil {
		c.Browser = f.browser
	}
	f.server, err = api.New(ctx, c)
	if err != nil {
		return err
	}
	if f.socket, err = f.server.ListenSocket(f.runtime, f.options.Path("confdir")); err != nil {
		in.Log().Warn("other commands cannot change what runs here: " + err.Error())
	}
	return nil
}

// open serves it with the page on the web address, where that is wanted, and lets
// other commands know where it is.
func (f *frontEnd) open(ctx context.Context, e *env, in *instance.Instance, page bool) error {
	plain := ""
	if page {
		password, _ := f.options.OptionalString("web_password")
		at := api.Web{Host: f.options.Host("web_host"), Port: f.options.Int("web_port"),
			Password: password, ReadOnly: f.options.Bool("web_readonly"), Pages: web.Files()}
		address, err := f.server.ListenWeb(ctx, at)
		if set, _ := f.options.Lookup("web_port"); set.Source == option.Default && errors.Is(err, syscall.EADDRINUSE) {
			at.Port = 0 // nobody has asked for that port
			address, err = f.server.ListenWeb(ctx, at)
		}
		if err != nil {
			return &codedError{exitUsage, err}
		}
		plain = address.Plain
		fmt.Fprintf(e.stderr, "web interface at %s\n", address.URL)
		if f.options.Bool("web_open_browser") && hasDisplay(e) {
			if err := showPage(address.Once()); err != nil {
				in.Log().Info("no browser was opened: " + err.Error())
			}
		}
	}
	in.Control().AnnounceControl(plain, f.socket)
	return nil
}

// close ends it; more than once does nothing.
func (f *frontEnd) close(log *slog.Logger) {
	f.once.Do(func() {
		if f.server == nil {
			return
		}
		if err := f.server.Close(); err != nil {
			log.Warn("close the control API", "err", err)
		}
		f.browser.close()
	})
}

// hasDisplay tells whether a person sits at a terminal of a machine with a display.
func hasDisplay(e *env) bool {
	return terminal(e.stderr) != nil && display(e)
}

// display tells whether there is one.
func display(e *env) bool {
	switch runtime.GOOS {
	case "windows", "darwin":
		return e.getenv("SSH_CONNECTION") == ""
	}
	return e.getenv("DISPLAY") != "" || e.getenv("WAYLAND_DISPLAY") != ""
}

// showPage opens an address in the browser of this user.
func showPage(address string) error {
	line := []string{"xdg-open", address}
	switch runtime.GOOS {
	case "windows":
		line = []string{"rundll32", "url.dll,FileProtocolHandler", address}
	case "darwin":
		line = []string{"open", address}
	}
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // it ends with the browser, or before
	return nil
}
