package e2e

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds everything a test waits for. It is no measure of speed: it
// only turns a hang into a failure.
const patience = 2 * time.Minute

// transcript collects what a process writes, and lets a test wait for a line.
type transcript struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed and replaced at every write
}

func (o *transcript) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	if o.changed != nil {
		close(o.changed)
	}
	o.changed = make(chan struct{})
	return len(p), nil
}

func (o *transcript) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// wait returns the submatches of the pattern as soon as the text has it, or nil
// when ctx or the process ended first.
func (o *transcript) wait(ctx context.Context, ended <-chan struct{}, pattern string) []string {
	re := regexp.MustCompile(pattern)
	for {
		o.mu.Lock()
		if o.changed == nil {
			o.changed = make(chan struct{})
		}
		changed := o.changed
		found := re.FindStringSubmatch(o.text.String())
		o.mu.Unlock()
		if found != nil {
			return found
		}
		select {
		case <-changed:
		case <-ended:
			return re.FindStringSubmatch(o.String())
		case <-ctx.Done():
			return nil
		}
	}
}

// A proxy is one running midstream.
type proxy struct {
	t       testing.TB
	Addr    string // host:port
	Confdir string
	Session string
	CA      string // PEM file of the certificate

	cmd    *exec.Cmd
	stdout transcript
	stderr transcript
	ended  chan struct{} // closed when the process is gone
	err    error         // of Wait; set before ended is closed
}

// start runs `midstream dump` with a folder and a session of its own, and waits
// until it listens. It verifies origins against the tests' own authority. The
// process is stopped when the test ends, and must then end well.
func start(t testing.TB, args ...string) *proxy {
	t.Helper()
	return startIn(t, nil, args...)
}

// startIn is start with variables of the environment.
func startIn(t testing.TB, env []string, args ...string) *proxy {
	t.Helper()
	dir := t.TempDir()
	p := &proxy{t: t, Confdir: filepath.Join(dir, "conf"), Session: filepath.Join(dir, "session"), ended: make(chan struct{})}
	p.CA = filepath.Join(p.Confdir, "midstream-ca-cert.pem")
	line := append([]string{"dump", "-p", "0", "--confdir", p.Confdir, "--session", p.Session,
		"--set", "ssl_verify_upstream_trusted_ca=" + authorityFile(t),
		"--set", "record_stall=1m"}, args...) // the machine's disk may be busy with other tests
	p.cmd = exec.Command(binary, line...)
	p.cmd.Env = cleanEnv(append(env, "HOME="+dir)...)
	p.cmd.Dir = dir
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("midstream %s\nstdout:\n%s\nstderr:\n%s", strings.Join(line, " "), p.stdout.String(), p.stderr.String())
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	found := p.stderr.wait(ctx, p.ended, `listening on (?:\S+://)?(127\.0\.0\.1:\d+)`)
	if found == nil {
		t.Fatalf("midstream does not listen")
	}
	p.Addr = found[1]
	return p
}

// stop ends the program as a person does, with an interrupt, and wants exit
// code 0. It may be called twice.
func (p *proxy) stop() {
	p.t.Helper()
	select {
	case <-p.ended:
	default:
		p.cmd.Process.Signal(os.Interrupt)
		select {
		case <-p.ended:
		case <-time.After(patience):
			p.cmd.Process.Signal(syscall.SIGQUIT) // stacks of what hangs
			select {
			case <-p.ended:
			case <-time.After(patience):
				p.cmd.Process.Kill()
				<-p.ended
			}
			p.t.Error("midstream did not stop on an interrupt")
			return
		}
	}
	if p.err != nil {
		p.t.Errorf("midstream ended with: %v", p.err)
	}
}

// waitStderr waits for a line on standard error.
func (p *proxy) waitStderr(pattern string) []string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	found := p.stderr.wait(ctx, p.ended, pattern)
	if found == nil {
		p.t.Fatalf("midstream did not say %q", pattern)
	}
	return found
}

// URL is the address of the proxy as clients take it.
func (p *proxy) URL() string { return "http://" + p.Addr }

// client returns an HTTP client that goes through the proxy and trusts it. Each
// has connections of its own.
func (p *proxy) client() *http.Client {
	tr := &http.Transport{
		Proxy:              http.ProxyURL(&url.URL{Scheme: "http", Host: p.Addr}),
		TLSClientConfig:    trusting(p.t, p.CA),
		DisableCompression: true,
	}
	p.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: patience}
}

// midstream runs another command of the program beside this proxy and returns
// its standard output.
func (p *proxy) midstream(args ...string) string {
	p.t.Helper()
	out, errs, err := p.try(args...)
	if err != nil {
		p.t.Fatalf("midstream %s: %v\n%s", strings.Join(args, " "), err, errs)
	}
	return out
}

// try is midstream for commands that may fail.
func (p *proxy) try(args ...string) (stdout, stderr string, err error) {
	p.t.Helper()
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = cleanEnv("HOME="+filepath.Dir(p.Confdir), "MIDSTREAM_CONFDIR="+p.Confdir)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// steering begins the names of variables that would steer clients elsewhere.
var steering = []string{"MIDSTREAM_", "HOME", "SSL", "GIT_", "NODE_EXTRA_CA_CERTS", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"}

// cleanEnv is the environment without what would steer clients elsewhere.
func cleanEnv(add ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		upper := strings.ToUpper(name)
		if strings.HasSuffix(upper, "_PROXY") || strings.HasSuffix(upper, "_CA_BUNDLE") || slices.ContainsFunc(steering, func(prefix string) bool { return strings.HasPrefix(upper, prefix) }) {
			continue
		}
		env = append(env, kv)
	}
	return append(env, add...)
}

// need returns the path of a client program, or skips the test.
func need(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed", program)
	}
	return path
}

// run runs a client and returns its standard output; the test fails when the
// client does.
func run(t testing.TB, env []string, name string, args ...string) string {
	t.Helper()
	out, errs, err := attempt(t, env, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\nstdout:\n%s\nstderr:\n%s", filepath.Base(name), strings.Join(args, " "), err, out, errs)
	}
	return out
}

// attempt is run for clients that are to fail.
func attempt(t testing.TB, env []string, name string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = cleanEnv(append([]string{"HOME=" + t.TempDir()}, env...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = patience
	err = cmd.Run()
	if ctx.Err() != nil {
		err = errors.New("it hangs")
	}
	return out.String(), errs.String(), err
}
