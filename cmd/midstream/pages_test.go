package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"midstream/internal/option"
)

var update = flag.Bool("update", false, "write the golden files anew")

// testEnv is an env with nothing of the machine in it.
func testEnv(args ...string) (e *env, stdout, stderr *bytes.Buffer) {
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	return &env{
		stdin: strings.NewReader(""), stdout: stdout, stderr: stderr,
		getenv: func(string) string { return "" }, environ: func() []string { return nil },
		args: append([]string{"midstream"}, args...),
		home: func() (string, error) { return "/nonexistent/home", nil },
		exit: func(int) {},
	}, stdout, stderr
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got {
		t.Errorf("%s is not what the program says (%v); go test ./cmd/midstream -update writes it. Now:\n%s", path, err, got)
	}
}

func TestPages(t *testing.T) {
	e, _, _ := testEnv()
	root := newRootCmd(e)
	golden(t, "testdata/pages/tree.txt", commandTree(root))
	golden(t, "testdata/pages/help.txt", helpScreen(root))
	golden(t, "testdata/pages/options.txt", allOptions())
	golden(t, "testdata/pages/midstream.1", manPage(root))
	golden(t, "../../docs/commands.md", commandsPage(root))
}

func TestHelpIsOneScreen(t *testing.T) {
	e, _, _ := testEnv()
	screen := helpScreen(newRootCmd(e))
	if n := strings.Count(screen, "\n"); n > 50 {
		t.Errorf("%d lines", n)
	}
	examples, _, _ := strings.Cut(screen, "\nCommands\n")
	if n := strings.Count(examples, "\n  midstream "); n != 3 {
		t.Errorf("%d examples", n)
	}
	for page, text := range map[string]string{"help": screen, "help options": allOptions()} {
		for line := range strings.Lines(text) {
			if len(line)-1 > screenWidth {
				t.Errorf("%s: %d columns: %s", page, len(line)-1, line)
			}
		}
	}
}

func TestHelpOfEveryCommand(t *testing.T) {
	e, stdout, _ := testEnv()
	root := newRootCmd(e)
	walk(root, func(cmd *cobra.Command) {
		stdout.Reset()
		if err := cmd.Help(); err != nil {
			t.Error(err)
		}
		page := stdout.String()
		for line := range strings.Lines(page) {
			if len(line)-1 > screenWidth {
				t.Errorf("%s: %d columns: %s", cmd.CommandPath(), len(line)-1, line)
			}
		}
		if cmd == root || cmd.Name() == dumpName || cmd.Name() == webName {
			return
		}
		if !strings.HasPrefix(page, cmd.CommandPath()) || strings.Contains(page, "[=true") {
			t.Errorf("%s --help:\n%s", cmd.CommandPath(), page)
		}
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if _, ours := f.Value.(*optionFlag); !ours && f.Name != "help" && !strings.Contains(page, "--"+f.Name) {
				t.Errorf("%s --help is silent about --%s", cmd.CommandPath(), f.Name)
			}
		})
	})
}

func TestEveryCommandSaysWhatItIs(t *testing.T) {
	e, _, _ := testEnv()
	walk(newRootCmd(e), func(cmd *cobra.Command) {
		if cmd.Short == "" {
			t.Errorf("%s has no short text", cmd.CommandPath())
		}
		if cmd.Runnable() && cmd.Args == nil {
			t.Errorf("%s takes any words", cmd.CommandPath())
		}
	})
}

func TestEveryOptionIsOnEveryPage(t *testing.T) {
	e, _, _ := testEnv()
	root := newRootCmd(e)
	man := strings.ReplaceAll(manPage(root), `\-`, "-")
	for _, o := range builtin() {
		for page, text := range map[string]string{"man": man, "help options": allOptions(), "options.md": option.Markdown(builtin())} {
			if !strings.Contains(text, o.Name) || !strings.Contains(text, o.FlagName()) {
				t.Errorf("%s is not on the page %s", o.Name, page)
			}
		}
		flags := root.Flags()
		if flags.Lookup(o.FlagName()) == nil {
			t.Errorf("%s has no flag --%s", o.Name, o.FlagName())
		}
		if o.Type == option.Bool && flags.Lookup("no-"+o.FlagName()) == nil {
			t.Errorf("%s has no flag --no-%s", o.Name, o.FlagName())
		}
	}
}

func TestMistakesEndWithCode2(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"dmup", `unknown command "dmup": did you mean "midstream dump"?`},
		{"~u x", `unknown command "~u": a filter goes behind a command, as in "midstream dump ~u"`},
		{"frobnicate", `unknown command "frobnicate": "midstream --help" lists them`},
		{"--strem 3m", `unknown flag "--strem": did you mean --stream?`},
		{"--stream_large_body 3m", `unknown flag "--stream_large_body": did you mean --stream?`},
		{"dump --ssl-insecur", `did you mean --ssl-insecure?`},
		{"dump -w pages_test.go/out", `option save_stream_file: write flows to pages_test.go/out: `},
		{"dump -w out%q", `option save_stream_file: the name "out%q": %q is no part of a time that is known`},
		{"dump -w out --set record=none", `option save_stream_file: flows are written from the session, and record=none keeps none`},
		{"dump -n -r none", `option rfile: read flows: stat none: no such file or directory`},
		{"dump --console-mouse", `mitmproxy's option console_mouse is not there yet`},
		{"dump --no-http3", `mitmproxy's option http3 is not there yet`},
		{"dump --options", `"midstream options" does that`},
		{"dump -y", `unknown flag "-y"`},
		{"-p", `flag needs an argument: 'p' in -p`},
		{"-p 99999", `option listen_port: "99999" is not a whole number from 0 to 65535, or none`},
		{"--stream 3x", `option stream_large_bodies: "3x" is not a size: a whole number with b, k, m, g or t behind it, as 3m, or none`},
		{"--set record=some", `option record: "some" is not one of all, heads, none`},
		{"--set console_layout", `mitmproxy's option console_layout is not there yet`},
		{"options nowhere", `unknown option "nowhere"`},
		{"options lsten_port", `did you mean listen_port?`},
		{"options a b", `midstream options takes one name, and got 2 words`},
		{"completion", `completion takes one word: bash, zsh, fish or powershell`},
		{"completion tcsh", `unknown shell "tcsh"`},
		{"help dmup", `unknown command "dmup"`},
		{"man x", `midstream man takes no words, and got "x"`},
		{"ca path x", `midstream ca path takes no words, and got "x"`},
		{"ca pth", `did you mean "midstream ca path"?`},
		{"--log-file /dev/null/x", `open log_file`},
		{"\x1b[2J", `unknown command "\x1b[2J"`},
	} {
		e, stdout, stderr := testEnv(strings.Split(c.line, " ")...)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // what is no mistake would serve for ever
		code := run(ctx, e)
		cancel()
		if code != exitUsage || !strings.Contains(stderr.String(), c.want) || strings.Count(stderr.String(), "\n") != 1 || stdout.Len() > 0 {
			t.Errorf("%s: code %d, stdout %q, stderr %q; want code 2 and one line with %q", c.line, code, stdout, stderr, c.want)
		}
	}
}

func TestNamesOfMitmproxyBehaveAsDumpOrWeb(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"midstream", "options"}, {"/usr/bin/mitmdump", "dump options"}, {`C:\bin\MITMDUMP.EXE`, "dump options"}, {"mitmweb", "web options"}, {"mitmproxy", "options"},
	} {
		if got := strings.Join(arguments([]string{c.name, "options"}), " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestFlagsAreOptions(t *testing.T) {
	for _, c := range []struct{ line, name, want string }{
		{"-p 81", "listen_port", "81"}, {"-n", "server", "false"}, {"--no-server", "server", "false"}, {"--server=false", "server", "false"},
		{"--no-server=false", "server", "true"}, {"-k", "ssl_insecure", "true"}, {"-k --no-ssl-insecure", "ssl_insecure", "false"},
		{"--stream 3M", "stream_large_bodies", "3m"}, {"--stream_large_bodies 4k", "stream_large_bodies", "4k"}, {"--stream-large-bodies=1g", "stream_large_bodies", "1g"},
		{"-m regular --mode reverse:http://a", "mode", "regular, reverse:http://a"}, {"-s a.js -s b.ts", "scripts", "a.js, b.ts"},
		{"-q", "flow_detail", "0"}, {"-q", "termlog_verbosity", "error"}, {"-v", "termlog_verbosity", "debug"}, {"-v --flow-detail 4", "flow_detail", "4"},
		{"--flow-detail 4 -v", "flow_detail", "2"}, {"--set listen_port=1 -p 2", "listen_port", "2"}, {"-p 2 --set listen_port=1", "listen_port", "1"},
		{"--set ssl_insecure", "ssl_insecure", "true"}, {"--set server=toggle", "server", "false"}, {"--cert-passphrase hush", "cert_passphrase", "(set, not shown)"},
		{"--ignore-hosts a,b", "ignore_hosts", "a,b"}, {"--tcp-timeout 10m", "tcp_timeout", "10m"}, {"--no-upstream-cert", "upstream_cert", "false"},
	} {
		e, stdout, stderr := testEnv(append([]string{"options", c.name}, strings.Split(c.line, " ")...)...)
		if code := run(t.Context(), e); code != 0 {
			t.Errorf("%s: code %d, %s", c.line, code, stderr)
			continue
		}
		if !strings.Contains(stdout.String(), "\nvalue      "+c.want+"\n") || strings.Contains(stdout.String(), "hush") {
			t.Errorf("%s: want %s = %s, got\n%s", c.line, c.name, c.want, stdout)
		}
	}
}

// A wrong filter is shown with a mark under its fault.
func TestAWrongFilterIsPointedAt(t *testing.T) {
	for _, line := range []string{"dump ~q ~u", "flows list ~q ~u"} {
		e, stdout, stderr := testEnv(strings.Split(line, " ")...)
		code := run(t.Context(), e)
		if want := "midstream: filter: column 6: ~u wants a regular expression behind it\n  ~q ~u\n       ^\n"; code != exitUsage || stdout.String() != "" || stderr.String() != want {
			t.Errorf("%s: code %d, stdout %q, stderr %q", line, code, stdout, stderr)
		}
	}
}
