package main

import (
	"bytes"
	"context"
	"errors"
	"testing"
)

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// A command whose output cannot be written fails, and says so.
func TestOutputThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, line := range [][]string{{"--help"}, {"--version"}, {"options"}, {"options", "mode"}, {"man"}, {"completion", "bash"}, {"help"}, {"flows", "--help"}} {
		e := systemEnv()
		var said bytes.Buffer
		e.stdout, e.stderr, e.args = full{}, &said, append([]string{"midstream"}, line...)
		home := t.TempDir()
		e.home = func() (string, error) { return home, nil }
		if code := run(context.Background(), e); code != exitFailed || !bytes.Contains(said.Bytes(), []byte("no space left")) || bytes.Count(said.Bytes(), []byte("\n")) != 1 {
			t.Errorf("%q ends with %d and says %q", line, code, said.String())
		}
	}
}
