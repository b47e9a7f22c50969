package client

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func lookup(list []Variable) func(string) string {
	m := make(map[string]string)
	for _, v := range list {
		m[v.Name] = v.Value
	}
	return func(name string) string { return m[name] }
}

func TestVariables(t *testing.T) {
	s := Setting{Proxy: "127.0.0.1:4711", PEM: "/c/all.pem", P12: "/c/all.p12", CA: "/c/ca.pem", NodeScript: "/c/node.cjs", WgetSettings: "/c/wgetrc"}
	none := func(string) string { return "" }
	list := s.Variables(none)
	get := lookup(list)
	for name, want := range map[string]string{
		"http_proxy": "http://127.0.0.1:4711", "HTTPS_PROXY": "http://127.0.0.1:4711", "ALL_PROXY": "http://127.0.0.1:4711", "NO_PROXY": "", "no_proxy": "",
		"SSL_CERT_FILE": "/c/all.pem", "CURL_CA_BUNDLE": "/c/all.pem", "NODE_EXTRA_CA_CERTS": "/c/ca.pem", "NODE_OPTIONS": "--require=/c/node.cjs", "WGETRC": "/c/wgetrc",
		"JAVA_TOOL_OPTIONS": "-Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=4711 -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=4711 -Dhttp.nonProxyHosts= " +
			"-Djavax.net.ssl.trustStore=/c/all.p12 -Djavax.net.ssl.trustStoreType=PKCS12",
	} {
		if got := get(name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	seen := make(map[string]bool)
	for _, v := range list {
		if seen[v.Name] {
			t.Errorf("%s is set twice", v.Name)
		}
		seen[v.Name] = true
	}
	if get := lookup(Setting{Proxy: "[::1]:1"}.Variables(none)); !strings.Contains(get("JAVA_TOOL_OPTIONS"), "-Dhttp.proxyHost=::1 ") || get("NODE_OPTIONS") != "" {
		t.Errorf("with an IPv6 address %q", get("JAVA_TOOL_OPTIONS"))
	}
}

func TestWhatWasSetBeforeStays(t *testing.T) {
	s := Setting{Proxy: "127.0.0.1:1", P12: "/with space/a.p12", NodeScript: `/with space/n.cjs`}
	old := lookup([]Variable{{"NODE_OPTIONS", "--max-old-space-size=100  --trace-warnings"}, {"JAVA_TOOL_OPTIONS", `-Xmx1g "-Dmy.text=a b" -Dhttp.proxyHost=elsewhere`}})
	first := lookup(s.Variables(old))
	if got, want := first("NODE_OPTIONS"), `--max-old-space-size=100 --trace-warnings --require="/with space/n.cjs"`; got != want {
		t.Errorf("NODE_OPTIONS %s, want %s", got, want)
	}
	if got, want := first("JAVA_TOOL_OPTIONS"), `-Xmx1g "-Dmy.text=a b" -Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=1 -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=1 -Dhttp.nonProxyHosts= `+
		`"-Djavax.net.ssl.trustStore=/with space/a.p12" -Djavax.net.ssl.trustStoreType=PKCS12`; got != want {
		t.Errorf("JAVA_TOOL_OPTIONS %s, want %s", got, want)
	}
	// What an earlier call has put there is not there twice.
	s.Proxy = "127.0.0.1:2"
	second := lookup(s.Variables(first))
	for _, name := range []string{"NODE_OPTIONS", "JAVA_TOOL_OPTIONS"} {
		if want := strings.ReplaceAll(first(name), "Port=1", "Port=2"); second(name) != want {
			t.Errorf("the second time %s is %s, not %s", name, second(name), want)
		}
	}
	if got := trustFiles(lookup([]Variable{{"AWS_CA_BUNDLE", "/a"}, {"DENO_CERT", "/b"}, {"OTHER", "/c"}})); strings.Join(got, " ") != "/a /b" {
		t.Errorf("trust files %v", got)
	}
}

func TestEnvironReplaces(t *testing.T) {
	base := []string{"A=1", "Http_Proxy=old", "http_proxy=old", "B=2"}
	set := []Variable{{"http_proxy", "new"}, {"NO_PROXY", ""}}
	if got := strings.Join(Environ(base, set, false), " "); got != "A=1 Http_Proxy=old B=2 http_proxy=new NO_PROXY=" {
		t.Error(got)
	}
	if got := strings.Join(Environ(base, set, true), " "); got != "A=1 B=2 http_proxy=new NO_PROXY=" {
		t.Error(got)
	}
}

// Values that would do something, were they not quoted, come out of real shells
// as they went in.
func TestScriptsAreQuoted(t *testing.T) {
	nasty := []string{"", "plain", "it's", `back\slash\`, "$HOME `id` $(id) ${x}", "two\nlines", `"double"`, "a;b|c&d", "!!", "‘curly’", "*?[a]~#", "tab\there"}
	for _, shell := range []struct{ name, program string }{{"sh", "sh"}, {"bash", "bash"}, {"sh", "zsh"}, {"fish", "fish"}, {"powershell", "pwsh"}} {
		t.Run(shell.program, func(t *testing.T) {
			program, err := exec.LookPath(shell.program)
			if err != nil {
				t.Skipf("%s is not installed", shell.program)
			}
			for _, value := range nasty {
				text, err := Script(shell.name, []Variable{{"MIDSTREAM_QUOTED", value}})
				if err != nil {
					t.Fatal(err)
				}
				cmd := exec.Command(program, "-c", text+"printenv MIDSTREAM_QUOTED")
				cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
				if out, err := cmd.CombinedOutput(); err != nil || string(out) != value+"\n" {
					t.Errorf("%q came out as %q, %v", value, out, err)
				}
			}
		})
	}
	for in, want := range map[string]string{"it's": "'it''s'", "‘x": "'‘‘x'", "$x`n": "'$x`n'"} {
		if got := quotePowershell(in); got != want {
			t.Errorf("PowerShell: %s, want %s", got, want)
		}
	}
	if _, err := Script("tcsh", nil); err == nil || !strings.Contains(err.Error(), "sh, bash, fish, powershell") {
		t.Errorf("tcsh: %v", err)
	}
	for _, c := range [][3]string{{"/usr/bin/fish", "linux", "fish"}, {"/bin/zsh", "darwin", "sh"}, {"", "windows", "powershell"}, {"", "linux", "sh"}, {"/bin/bash", "linux", "bash"}, {"/opt/pwsh", "linux", "powershell"}} {
		if got := GuessShell(c[0], c[1]); got != c[2] {
			t.Errorf("shell of %q on %s: %s", c[0], c[1], got)
		}
	}
}

func TestWgetSettingsKeepTheOldOnes(t *testing.T) {
	old := filepath.Join(t.TempDir(), "wgetrc")
	if err := os.WriteFile(old, []byte("tries = 3"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{old: "tries = 3\nca_certificate = /a.pem\n", "": "ca_certificate = /a.pem\n", old + ".none": "ca_certificate = /a.pem\n"} {
		if got, err := WgetSettings(path, "/a.pem"); err != nil || got != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	if err := os.WriteFile(old, bytes.Repeat([]byte("#"), maxWgetrc+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := WgetSettings(old, "/a.pem"); err == nil {
		t.Error("a file without an end was read")
	}
}
