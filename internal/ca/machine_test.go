package ca

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func tools(names ...string) map[string]bool {
	m := make(map[string]bool)
	for _, n := range names {
		m[n] = true
	}
	return m
}

func TestPlan(t *testing.T) {
	cert := readFixedCert(t)
	alias := "midstream-ca-" + shortID(cert)
	debian := Machine{OS: "linux", Root: true, Tools: tools("update-ca-certificates"), Folders: tools("/usr/local/share/ca-certificates")}
	fedora := Machine{OS: "linux", Tools: tools("update-ca-trust", "sudo"), Folders: tools("/etc/pki/ca-trust/source/anchors")}
	arch := Machine{OS: "linux", Root: true, Tools: tools("update-ca-trust", "trust"), Folders: tools("/etc/ca-certificates/trust-source/anchors")}
	suse := Machine{OS: "linux", Root: true, Tools: tools("update-ca-certificates"), Folders: tools("/usr/share/pki/trust/anchors")}
	anchored := debian
	anchored.Anchors = []string{"/usr/local/share/ca-certificates/" + alias + ".crt", "/usr/local/share/ca-certificates/midstream-ca-00000000.crt"}
	anchoredJava := anchored
	anchoredJava.DebianKeystore, anchoredJava.Keytool = debianKeystore, "/usr/bin/keytool"
	nss := debian
	nss.NSS = []string{"/home/ann x/.pki/nssdb"}
	nss.Tools = tools("update-ca-certificates", "certutil")
	nssBare := nss
	nssBare.Tools = tools("update-ca-certificates")
	fresh := debian
	fresh.NewNSS = "/home/ann/.pki/nssdb"
	fresh.Tools = tools("update-ca-certificates", "certutil", "chromium")
	java := debian
	java.Keystore, java.Keytool = "/opt/jdk/lib/security/cacerts", "/opt/jdk/bin/keytool"

	for _, c := range []struct {
		name   string
		m      Machine
		action Action
		want   []string // parts of the printed plan, in order
		not    []string
	}{
		{"debian as root", debian, Trust, []string{"install -D -m 0644 /c/ca.pem /usr/local/share/ca-certificates/" + alias + ".crt", "update-ca-certificates\n"}, []string{"sudo", "certutil"}},
		{"fedora through sudo", fedora, Trust, []string{"sudo install -D -m 0644 /c/ca.pem /etc/pki/ca-trust/source/anchors/" + alias + ".pem", "sudo update-ca-trust extract"}, nil},
		{"arch", arch, Trust, []string{"/etc/ca-certificates/trust-source/anchors/" + alias + ".crt", "update-ca-trust\n"}, nil},
		{"suse", suse, Trust, []string{"/usr/share/pki/trust/anchors/" + alias + ".pem", "update-ca-certificates\n"}, nil},
		{"debian's folder is made when missing", Machine{OS: "linux", Root: true, Tools: tools("update-ca-certificates")}, Trust, []string{"install -D -m 0644 /c/ca.pem /usr/local/share/ca-certificates/"}, nil},
		{"neither root nor sudo", Machine{OS: "linux", Tools: tools("update-ca-certificates"), Folders: tools("/usr/local/share/ca-certificates")}, Trust, []string{"(needs root)", "install -D"}, nil},
		{"no store at all", Machine{OS: "linux"}, Trust, []string{"no system trust store was found"}, []string{"install -D"}},
		{"untrust removes its own only", anchored, Untrust, []string{"rm -f /usr/local/share/ca-certificates/" + alias + ".crt", "update-ca-certificates --fresh", "stay trusted: /usr/local/share/ca-certificates/midstream-ca-00000000.crt"}, []string{"rm -f /usr/local/share/ca-certificates/midstream-ca-00000000.crt"}},
		{"untrust empties Debian's keystore too", anchoredJava, Untrust, []string{"--fresh", "/usr/bin/keytool -delete -noprompt -keystore /etc/ssl/certs/java/cacerts -storepass changeit -alias debian:" + alias + ".pem"}, nil},
		{"untrust without anchor", debian, Untrust, []string{"nothing to remove"}, []string{"rm -f"}},
		{"a database with a space in its path", nss, Trust, []string{"certutil -A -d 'sql:/home/ann x/.pki/nssdb' -n " + alias + " -t C,, -i /c/ca.pem"}, nil},
		{"a database is left", nss, Untrust, []string{"certutil -D -d 'sql:/home/ann x/.pki/nssdb' -n " + alias}, nil},
		{"certutil is missing", nssBare, Trust, []string{"certutil is missing: install libnss3-tools"}, []string{"certutil -A"}},
		{"chromium without a database", fresh, Trust, []string{"mkdir -p -m 0700 /home/ann/.pki/nssdb", "certutil -N --empty-password -d sql:/home/ann/.pki/nssdb", "certutil -A"}, nil},
		{"java", java, Trust, []string{"/opt/jdk/bin/keytool -importcert -noprompt -trustcacerts -keystore /opt/jdk/lib/security/cacerts"}, nil},
		{"java left", java, Untrust, []string{"/opt/jdk/bin/keytool -delete -noprompt"}, nil},
		{"mac", Machine{OS: "darwin", Tools: tools("sudo")}, Trust, []string{"sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain /c/ca.pem"}, nil},
		{"mac left", Machine{OS: "darwin", Tools: tools("sudo")}, Untrust, []string{"security remove-trusted-cert -d /c/ca.pem", "security delete-certificate -Z "}, nil},
		{"windows", Machine{OS: "windows"}, Trust, []string{"certutil.exe -user -addstore -f Root /c/ca.pem"}, []string{"needs root"}},
		{"windows left", Machine{OS: "windows"}, Untrust, []string{"certutil.exe -user -delstore Root "}, nil},
		{"another system", Machine{OS: "plan9"}, Trust, []string{"by hand"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := NewPlan(c.m, c.action, cert, "/c/ca.pem").Print(&out); err != nil {
				t.Fatal(err)
			}
			rest := out.String()
			for _, w := range c.want {
				_, after, ok := strings.Cut(rest, w)
				if !ok {
					t.Fatalf("plan lacks %q (in this order):\n%s", w, out.String())
				}
				rest = after
			}
			for _, n := range c.not {
				if strings.Contains(out.String(), n) {
					t.Errorf("plan has %q:\n%s", n, out.String())
				}
			}
		})
	}
}

func TestPlanRun(t *testing.T) {
	plan := Plan{Steps: []Step{
		{For: "one", Argv: []string{"ok"}},
		{For: "two", Argv: []string{"bad"}},
		{For: "three", Argv: []string{"bad"}, MayFail: true},
		{For: "four", Argv: []string{"ok"}, Blocked: true},
		{For: "five", Argv: []string{"ok"}},
	}}
	var ran []string
	var out bytes.Buffer
	err := plan.Run(context.Background(), func(_ context.Context, argv []string) error {
		ran = append(ran, argv[0])
		if argv[0] == "bad" {
			return errors.New("exit status 7")
		}
		return nil
	}, &out)
	if !errors.Is(err, ErrPartly) || !strings.Contains(err.Error(), "two: exit status 7") || !strings.Contains(err.Error(), "four: needs root") {
		t.Errorf("error %v", err)
	}
	if got := strings.Join(ran, " "); got != "ok bad bad ok" {
		t.Errorf("ran %s", got)
	}
	for _, want := range []string{"done: one", "failed: two", "nothing changed: three", "not done: four: needs root", "done: five"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out.String())
		}
	}
	allBad := Plan{Steps: plan.Steps[1:2]}
	if err := allBad.Run(context.Background(), func(context.Context, []string) error { return errors.New("no") }, &out); err == nil || errors.Is(err, ErrPartly) {
		t.Errorf("a plan of which nothing was done: %v", err)
	}
}

func TestLookFindsDatabasesAndKeystore(t *testing.T) {
	home := t.TempDir()
	for _, f := range []string{".pki/nssdb/cert9.db", ".mozilla/firefox/abc.default/cert9.db", "jdk/lib/security/cacerts"} {
		path := filepath.Join(home, f)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := Look(home, func(k string) string {
		if k == "JAVA_HOME" {
			return filepath.Join(home, "jdk")
		}
		return ""
	})
	if len(m.NSS) != 2 || m.NewNSS != "" {
		t.Errorf("databases %v, new %q", m.NSS, m.NewNSS)
	}
	if m.Keystore != filepath.Join(home, "jdk/lib/security/cacerts") || !m.KeystoreWritable {
		t.Errorf("keystore %q writable %v", m.Keystore, m.KeystoreWritable)
	}
}

// The commands for Java and NSS are run for real, on stores of the test's own.
func TestPlanChangesRealStores(t *testing.T) {
	o := testOptions()
	o.Now = time.Now
	a := mustLoad(t, t.TempDir(), o)
	ctx := context.Background()
	carry := func(t *testing.T, m Machine, action Action) string {
		t.Helper()
		var out bytes.Buffer
		if err := NewPlan(m, action, a.Cert(), a.Path(CertFile)).Run(ctx, Exec(nil), &out); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		return out.String()
	}
	alias := "midstream-ca-" + shortID(a.Cert())
	t.Run("java", func(t *testing.T) {
		keytool, err := exec.LookPath("keytool")
		if err != nil {
			t.Skip("keytool is not installed")
		}
		store := filepath.Join(t.TempDir(), "cacerts")
		m := Machine{OS: "none", Keystore: store, KeystoreWritable: true, Keytool: keytool}
		list := func() string {
			out, _ := exec.Command(keytool, "-list", "-keystore", store, "-storepass", "changeit").CombinedOutput()
			return string(out)
		}
		if carry(t, m, Trust); !strings.Contains(list(), alias+",") {
			t.Errorf("not in the keystore: %s", list())
		}
		if out := carry(t, m, Trust); !strings.Contains(out, "nothing changed") {
			t.Errorf("again: %s", out)
		}
		if carry(t, m, Untrust); strings.Contains(list(), alias+",") {
			t.Errorf("still in the keystore: %s", list())
		}
	})
	t.Run("nss", func(t *testing.T) {
		certutil, err := exec.LookPath("certutil")
		if err != nil {
			t.Skip("certutil of NSS is not installed")
		}
		db := filepath.Join(t.TempDir(), ".pki", "nssdb")
		list := func() string {
			out, _ := exec.Command(certutil, "-L", "-d", "sql:"+db).CombinedOutput()
			return string(out)
		}
		if carry(t, Machine{OS: "none", NewNSS: db, Tools: tools("certutil")}, Trust); !strings.Contains(list(), alias) {
			t.Errorf("not in the database: %s", list())
		}
		m := Machine{OS: "none", NSS: []string{db}, Tools: tools("certutil")}
		carry(t, m, Trust)
		if carry(t, m, Untrust); strings.Contains(list(), alias) {
			t.Errorf("still in the database: %s", list())
		}
	})
}
