package e2e

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A newUser has midstream and nothing else set up: no CA yet, no proxy.
type newUser struct {
	*proxy
	dir string
	env []string
}

// newcomer makes one whose midstream verifies origins against the tests' own
// authority, which a person need not say: their origins are on the Internet.
func newcomer(t *testing.T, more ...string) *newUser {
	t.Helper()
	dir := t.TempDir()
	u := &newUser{dir: dir, proxy: &proxy{t: t, Confdir: filepath.Join(dir, ".midstream"), Session: filepath.Join(dir, "session"), ended: make(chan struct{})}}
	close(u.ended) // it is not this proxy that runs
	u.env = append([]string{"HOME=" + dir, "MIDSTREAM_SSL_VERIFY_UPSTREAM_TRUSTED_CA=" + authorityFile(t), "MIDSTREAM_SESSION=" + u.Session}, more...)
	return u
}

// towards adds a script that sends every name to the origin.
func (u *newUser) towards(o *origin) *newUser {
	u.t.Helper()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(o.HTTPS, "https://"))
	if err != nil {
		u.t.Fatal(err)
	}
	script := filepath.Join(u.dir, "redirect.js")
	write(u.t, script, "export function server_connect(data) { data.server.address = ['127.0.0.1', "+port+"] }\n")
	u.env = append(u.env, "MIDSTREAM_SCRIPTS="+script)
	return u
}

// run runs `midstream run` in the user's folder.
func (u *newUser) run(args ...string) (stdout, stderr string, code int) {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append([]string{"run"}, args...)...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Dir = cleanEnv(u.env...), u.dir
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = patience
	if err := cmd.Run(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok || ctx.Err() != nil {
			u.t.Fatalf("midstream run %v: %v\n%s%s", args, err, out.String(), errs.String())
		}
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// Clients with no other setting than what `midstream run` gives them.
func TestRunCapturesClients(t *testing.T) {
	const python = "/usr/bin/python3" // Debian's, which has the libraries
	library := func(name string) func(t *testing.T, o *origin, u *newUser) []string {
		return func(t *testing.T, o *origin, u *newUser) []string {
			if exec.Command(python, "-c", "import "+name).Run() != nil {
				t.Skipf("the Python library %s is not installed", name)
			}
			return []string{python, "-c", "import sys, " + name + "\nfor url in sys.argv[1:]: print(" + name + ".get(url).text, end='')", o.HTTPS + "/hello", o.HTTP + "/hello"}
		}
	}
	for _, c := range []struct {
		name   string
		line   func(t *testing.T, o *origin, u *newUser) []string
		asked  int
		prints string // on standard error, besides what midstream says
	}{
		{"curl", func(t *testing.T, o *origin, u *newUser) []string {
			return []string{need(t, "curl"), "-sS", o.HTTPS + "/hello", o.HTTP + "/hello"}
		}, 2, ""},
		{"wget", func(t *testing.T, o *origin, u *newUser) []string {
			return []string{need(t, "wget"), "-qO-", o.HTTPS + "/hello", o.HTTP + "/hello"}
		}, 2, ""},
		{"requests", library("requests"), 2, ""},
		{"httpx", library("httpx"), 2, ""},
		{"urllib", func(t *testing.T, o *origin, u *newUser) []string {
			return []string{need(t, "python3"), "-c", "import urllib.request\nprint(urllib.request.urlopen('" + o.HTTPS + "/hello').read().decode(), end='')"}
		}, 1, ""},
		{"node", func(t *testing.T, o *origin, u *newUser) []string {
			program, err := filepath.Abs("testdata/ask.mjs")
			if err != nil {
				t.Fatal(err)
			}
			return []string{need(t, "node"), program, o.HTTPS + "/hello", o.HTTP + "/hello"}
		}, 4, ""},
		{"java", func(t *testing.T, o *origin, u *newUser) []string {
			program, err := filepath.Abs("testdata/Ask.java")
			if err != nil {
				t.Fatal(err)
			}
			return []string{need(t, "java"), program, o.HTTPS + "/hello", o.HTTP + "/hello"}
		}, 4, "Picked up JAVA_TOOL_OPTIONS"},
		{"go", func(t *testing.T, o *origin, u *newUser) []string {
			program := filepath.Join(u.dir, "ask")
			run(t, []string{"HOME=" + os.Getenv("HOME")}, need(t, "go"), "build", "-o", program, "./testdata/ask")
			u.towards(o)
			return []string{program, "https://example.com/hello"} // loopback it asks for by itself
		}, 1, ""},
		{"ruby", func(t *testing.T, o *origin, u *newUser) []string {
			u.towards(o)
			return []string{need(t, "ruby"), "-ropen-uri", "-e", "print URI.open('https://example.com/hello').read"}
		}, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o, u := newOrigin(t), newcomer(t)
			line := c.line(t, o, u)
			out, errs, code := u.run(append([]string{"--"}, line...)...)
			if code != 0 || out != strings.Repeat("hello\n", c.asked) {
				t.Errorf("it ended with %d and printed %q\n%s", code, out, errs)
			}
			var said []string
			for l := range strings.Lines(errs) {
				if c.prints == "" || !strings.HasPrefix(l, c.prints) {
					said = append(said, strings.TrimSpace(l))
				}
			}
			if len(said) != 1 || !strings.HasPrefix(said[0], "midstream: "+counted(c.asked)+"; recorded in ") {
				t.Errorf("it says %q", said)
			}
			f := u.recorded().flow("/hello")
			f.completed()
		})
	}
}

func counted(n int) string {
	if n == 1 {
		return "1 exchange"
	}
	return string(rune('0'+n)) + " exchanges"
}

func TestRunCapturesPackageManagers(t *testing.T) {
	t.Run("git", func(t *testing.T) {
		git := need(t, "git")
		t.Parallel()
		o, u := newOrigin(t), newcomer(t)
		_, root, _ := serveGit(t, git, o)
		work := filepath.Join(root, "work")
		if _, errs, code := u.run("--", git, "clone", "-q", o.HTTPS+"/git/repo.git", work); code != 0 {
			t.Fatalf("git ended with %d\n%s", code, errs)
		}
		if got, _ := os.ReadFile(filepath.Join(work, "file")); string(got) != "first\n" {
			t.Errorf("cloned %q", got)
		}
		u.recorded().flow("/git/repo.git/git-upload-pack").completed()
	})
	t.Run("npm", func(t *testing.T) {
		npm := need(t, "npm")
		t.Parallel()
		o, u := newOrigin(t), newcomer(t)
		serveNpm(t, o)
		if _, errs, code := u.run("--", npm, "install", "--prefix", u.dir, "--registry", o.HTTPS+"/", "--no-audit", "--no-fund", "--no-update-notifier", "morning"); code != 0 {
			t.Fatalf("npm ended with %d\n%s", code, errs)
		}
		if text, err := os.ReadFile(filepath.Join(u.dir, "node_modules/morning/index.js")); err != nil || !strings.Contains(string(text), "good morning") {
			t.Errorf("installed %q, %v", text, err)
		}
		u.recorded().flow("/morning-1.0.0.tgz").completed()
	})
	t.Run("pip", func(t *testing.T) {
		pip := need(t, "pip")
		t.Parallel()
		o, u := newOrigin(t), newcomer(t)
		name, _ := serveWheel(t, o)
		u.env = append(u.env, "PIP_CONFIG_FILE="+os.DevNull)
		if _, errs, code := u.run("--", pip, "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "--no-deps", "--root-user-action=ignore",
			"--index-url", o.HTTPS+"/simple", "--target", u.dir, "morning"); code != 0 {
			t.Fatalf("pip ended with %d\n%s", code, errs)
		}
		if text, err := os.ReadFile(filepath.Join(u.dir, "morning.py")); err != nil || !strings.Contains(string(text), "good morning") {
			t.Errorf("installed %q, %v", text, err)
		}
		u.recorded().flow("/files/" + name).completed()
	})
}

func TestRunGivesCodesAndSaysWhatPassed(t *testing.T) {
	t.Parallel()
	u := newcomer(t)
	for _, c := range []struct {
		line []string
		code int
		says string
	}{
		{[]string{"--", "sh", "-c", "exit 7"}, 7, "nothing passed: the command asked for nothing, or takes no proxy from its environment"},
		{[]string{"sh", "-c", "kill -TERM $$"}, 128 + int(syscall.SIGTERM), "0 exchanges; "},
		{[]string{"--", "no-such-program"}, 127, "run no-such-program: no such program"},
		{[]string{"--mode", "reverse:http://127.0.0.1:1", "--", "true"}, 2, "a program needs a listener in regular mode"},
		{[]string{"--attach", "--", "true"}, 1, "no midstream is running"},
		{[]string{"--attach", "-k", "--", "true"}, 2, "leave --ssl-insecure out"},
		{[]string{"--", need(t, "curl"), "-sS", "http://127.0.0.1:1/"}, 0, "1 exchange, 1 failed; "},
		{[]string{"--", need(t, "curl"), "-sS", "--cacert", "/etc/hostname", "https://localhost:1/"}, 77, ""},
	} {
		if _, errs, code := u.run(c.line...); code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("%v: code %d, want %d and %q\n%s", c.line, code, c.code, c.says, errs)
		}
	}
	o := newOrigin(t)
	_, errs, _ := u.run("--", need(t, "curl"), "-sS", "--cacert", authorityFile(t), o.HTTPS+"/hello")
	if !strings.Contains(errs, "midstream: the command does not trust the certificate it was shown for localhost") {
		t.Errorf("a client that does not trust the CA: %s", errs)
	}
}

// What is in config.yaml for the everyday proxy does not get in the way.
func TestRunTakesAFreePort(t *testing.T) {
	t.Parallel()
	o, u := newOrigin(t), newcomer(t)
	if err := os.MkdirAll(u.Confdir, 0o700); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(o.HTTP, "http://"))
	write(t, filepath.Join(u.Confdir, "config.yaml"), "listen_port: "+port+"\nmode: [\"reverse:http://127.0.0.1:1\"]\nproxyauth: somebody:secret\n")
	if out, errs, code := u.run("--", need(t, "curl"), "-sS", o.HTTPS+"/hello"); code != 0 || out != "hello\n" {
		t.Errorf("%d, %q, %s", code, out, errs)
	}
}

func TestRunAndEnvUseTheLiveProxy(t *testing.T) {
	t.Parallel()
	curl := need(t, "curl")
	o := newOrigin(t)
	p := start(t)
	env := []string{"MIDSTREAM_CONFDIR=" + p.Confdir, "P=" + binary, "URL=" + o.HTTPS + "/hello"}
	out, errs, err := attempt(t, env, binary, "run", "--attach", "--", curl, "-sS", o.HTTPS+"/hello")
	if err != nil || out != "hello\n" || !strings.Contains(errs, "midstream: 1 exchange; recorded by process ") {
		t.Errorf("%v, %q, %s", err, out, errs)
	}
	for shell, line := range map[string]string{
		"sh":   `eval "$("$P" env)"; eval "$("$P" env --shell sh)"; curl -sS "$URL"`,
		"bash": `eval "$("$P" env --shell bash)"; curl -sS "$URL"`,
		"fish": `$P env --shell fish | source; curl -sS $URL`,
	} {
		program, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("%s is not installed", shell)
			continue
		}
		if out := run(t, env, program, "-c", line); out != "hello\n" {
			t.Errorf("%s: %q", shell, out)
		}
	}
	if out := run(t, env, binary, "env", "--shell", "powershell"); !strings.Contains(out, "$env:HTTPS_PROXY = 'http://"+p.Addr+"'\n") {
		t.Errorf("powershell:\n%s", out)
	}
	if _, errs, err := attempt(t, env, binary, "env", "--shell", "tcsh"); err == nil || !strings.Contains(errs, `unknown shell "tcsh"`) {
		t.Errorf("tcsh: %v, %s", err, errs)
	}
	p.recorded().flow("/hello").completed()
}

// The program has the terminal's streams for itself, and gets the signals.
func TestRunPassesSignalsOn(t *testing.T) {
	t.Parallel()
	u := newcomer(t)
	cmd := exec.Command(binary, "run", "--", "sh", "-c", `trap 'echo caught; kill $p; exit 5' INT; sleep 1000 >/dev/null & p=$!; echo up; wait $p`)
	cmd.Env, cmd.Dir = cleanEnv(u.env...), u.dir
	var said transcript
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal that sends it too
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
	}()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if said.wait(ctx, ended, `up\n`) == nil {
		cmd.Process.Kill()
		t.Fatal("it does not run")
	}
	cmd.Process.Signal(os.Interrupt)
	if said.wait(ctx, ended, `caught\n`) == nil {
		cmd.Process.Kill()
		t.Error("the signal was not passed on")
	}
	<-ended
	if code := cmd.ProcessState.ExitCode(); code != 5 {
		t.Errorf("it ended with code %d\n%s", code, said.String())
	}
}
