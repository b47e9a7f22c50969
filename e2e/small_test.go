package e2e

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Where midstream answers for a server that cannot be reached, the list says what
// the client got, and that it is midstream's.
func TestListShowsOurAnswer(t *testing.T) {
	t.Parallel()
	p := start(t)
	c := p.client()
	r, err := c.Get("http://127.0.0.1:1/gone")
	if err != nil || r.StatusCode != http.StatusBadGateway {
		t.Fatalf("%+v %v", r, err)
	}
	r.Body.Close()
	rec := p.recorded()
	if out := p.midstream("flows", "list", "--session", p.Session); !strings.Contains(out, "GET      (502) ") {
		t.Errorf("no (502) in\n%s", out)
	}
	if !strings.Contains(rec.lines, `"answered":502`) || !strings.Contains(rec.lines, `"status":0`) {
		t.Errorf("list --json: %s", rec.lines)
	}
	if !strings.Contains(p.stdout.String(), "/gone (502), ") {
		t.Errorf("dump: %s", p.stdout.String())
	}
}

// A command that follows a body ends at a signal with one line.
func TestFollowEndsWithOneLine(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r := get(t, p.client(), o.HTTP+"/pieces?id=oneline&n=3")
	defer r.Body.Close()
	readPiece(t, r.Body, 0)
	cmd := exec.CommandContext(ctx, binary, "flows", "body", "--session", p.Session, "--raw", "--follow", p.live("/pieces?id=oneline&n=3"))
	cmd.Env = cleanEnv("HOME=" + t.TempDir())
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	cmd.Process.Signal(os.Interrupt)
	cmd.WaitDelay = time.Minute
	cmd.Wait()
	if cmd.ProcessState.ExitCode() != 3 || strings.Count(errs.String(), "\n") != 1 || !strings.Contains(errs.String(), "ended before it was whole") {
		t.Errorf("exit %d, stderr:\n%s", cmd.ProcessState.ExitCode(), errs.String())
	}
}
