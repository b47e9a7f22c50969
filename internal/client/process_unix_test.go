//go:build !windows

package client

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestCommandGivesItsCode(t *testing.T) {
	folder := t.TempDir()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"sh", "-c", "exit 0"}, 0, ""},
		{[]string{"sh", "-c", "exit 7"}, 7, ""},
		{[]string{"sh", "-c", "kill -KILL $$"}, 128 + int(syscall.SIGKILL), ""},
		{[]string{"no-such-program-here"}, 127, "no such program"},
		{[]string{filepath.Join(folder, "nothing")}, 127, "no such program"},
		{[]string{folder}, 126, "permission denied"},
	} {
		code, err := Command{Args: c.args, Env: os.Environ()}.Run(t.Context())
		if code != c.code || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %d, %v; want %d, %q", c.args, code, err, c.code, c.says)
		}
	}
}

// ready is a writer that tells of its first write.
type ready struct {
	text bytes.Buffer
	once chan struct{}
}

func (r *ready) Write(p []byte) (int, error) {
	if r.text.Len() == 0 {
		close(r.once)
	}
	return r.text.Write(p)
}

func TestSignalsArePassedOn(t *testing.T) {
	for name, end := range map[string]func(cancel func()){
		"USR1": func(func()) { syscall.Kill(os.Getpid(), syscall.SIGUSR1) },
		"TERM": func(cancel func()) { cancel() },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		out := &ready{once: make(chan struct{})}
		go func() {
			<-out.once
			end(cancel)
		}()
		code, err := Command{Args: []string{"sh", "-c", `trap 'echo caught; kill $p; exit 3' ` + name + `; sleep 1000 & p=$!; echo up; wait $p`},
			Env: os.Environ(), Stdout: out}.Run(ctx)
		cancel()
		if code != 3 || err != nil || out.text.String() != "up\ncaught\n" {
			t.Errorf("%s: %d, %v, %q", name, code, err, out.text.String())
		}
	}
}
