package ca

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// A Runner runs one command of a plan.
type Runner func(ctx context.Context, argv []string) error

// maxOutput bounds what is kept of a command's output.
const maxOutput = 16 << 10

// Exec returns a Runner that runs commands for real. They may read stdin; what
// they print is worth reading only when they fail, and is then in the error.
// (sudo asks for its password on the terminal itself.)
func Exec(stdin io.Reader) Runner {
	return func(ctx context.Context, argv []string) error {
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		out := &tail{}
		cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, out, out
		err := cmd.Run()
		if said := strings.TrimSpace(string(out.kept)); err != nil && said != "" {
			return fmt.Errorf("%w: %s", err, said)
		}
		return err
	}
}

// tail keeps the last maxOutput bytes written to it.
type tail struct{ kept []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if n := len(t.kept); n > maxOutput {
		t.kept = append(t.kept[:0], t.kept[n-maxOutput:]...)
	}
	return len(p), nil
}

// ErrPartly is wrapped by the error of a plan of which something was done and
// something was not.
var ErrPartly = errors.New("done in part")

// Run carries the plan out. A step that fails does not stop the others: the
// stores are independent. Progress goes to w, one line a step.
func (p Plan) Run(ctx context.Context, run Runner, w io.Writer) error {
	var failed []error
	done := 0
	for _, s := range p.Steps {
		if s.Blocked {
			fmt.Fprintf(w, "not done: %s: needs root; run as root: %s\n", s.For, shellLine(s.Argv))
			failed = append(failed, fmt.Errorf("%s: needs root", s.For))
			continue
		}
		err := run(ctx, s.Argv)
		switch {
		case err == nil:
			done++
			fmt.Fprintf(w, "done: %s\n", s.For)
		case s.MayFail && ctx.Err() == nil:
			fmt.Fprintf(w, "nothing changed: %s (%v)\n", s.For, err)
		default:
			fmt.Fprintf(w, "failed: %s: %v\n", s.For, err)
			failed = append(failed, fmt.Errorf("%s: %w", s.For, err))
		}
	}
	if len(failed) == 0 {
		return nil
	}
	if done > 0 {
		failed = append([]error{ErrPartly}, failed...)
	}
	return errors.Join(failed...)
}
