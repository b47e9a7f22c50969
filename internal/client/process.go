package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// Exit codes for a program that could not be started, as shells have them.
const (
	ExitNotRunnable = 126
	ExitNotFound    = 127
	exitBySignal    = 128 // and the number of the signal
)

// Command is one program that runs with the streams that it is given, which it
// gets as they are: a terminal stays one.
type Command struct {
	Args   []string // the program and its words; at least one
	Env    []string
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
}

// afterExit is how long copies of streams that are no files may go on once the
// program has ended: something that it left behind may hold them open.
const afterExit = time.Second

// Run runs the program to its end and returns the code that a shell would give:
// its own, 128 and the number of a signal that ended it, 127 or 126 with an error
// where it cannot be started. Signals that this process gets are passed on to it,
// and so is the end of ctx, as SIGTERM; it decides what they mean.
func (c Command) Run(ctx context.Context) (int, error) {
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Env, c.Stdin, c.Stdout, c.Stderr
	cmd.WaitDelay = afterExit

	// Caught before the start: a signal must not end this process while the
	// program lives on.
	caught := make(chan os.Signal, 16)
	signal.Notify(caught, passedOn()...)
	defer signal.Stop(caught)

	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			return ExitNotFound, fmt.Errorf("run %s: no such program: check its name and PATH", c.Args[0])
		}
		return ExitNotRunnable, fmt.Errorf("run %s: %w", c.Args[0], cause(err))
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	over := ctx.Done()
	for {
		select {
		case s := <-caught:
			if !hasItAlready(s) {
				_ = cmd.Process.Signal(s) // it may have ended meanwhile
			}
		case <-over:
			over = nil
			_ = terminate(cmd.Process)
		case err := <-ended:
			return codeOf(cmd.ProcessState, err)
		}
	}
}

// codeOf is the code of a program that has ended.
func codeOf(state *os.ProcessState, err error) (int, error) {
	if state == nil {
		return ExitNotRunnable, err
	}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return exitBySignal + int(ws.Signal()), nil
	}
	return state.ExitCode(), nil
}

// cause takes off what names the system call.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*exec.Error](err); ok {
		return e.Err
	}
	return err
}
