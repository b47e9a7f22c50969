package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// errNotDone is the answer no, or none.
var errNotDone = errors.New("nothing was done")

// confirm says what is about to be done and asks, unless that was said to be
// right on the command line.
func confirm(e *env, yes bool, what, command string) error {
	if yes {
		return nil
	}
	if !isTerminal(e.stdin) {
		return usageError("%w: it would %s; without a terminal nobody can be asked: run %s with --yes", errNotDone, what, command)
	}
	fmt.Fprintf(e.stderr, "%s? [y/N] ", what)
	line, _ := bufio.NewReader(e.stdin).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return errNotDone
}

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
