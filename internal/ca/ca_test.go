package ca

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var testNow = time.Date(2027, 3, 25, 12, 0, 0, 0, time.UTC)

func testOptions() Options { return Options{Now: func() time.Time { return testNow }} }

func mustLoad(t testing.TB, dir string, o Options) *Authority {
	t.Helper()
	a, err := Load(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// readFixedCert gives a certificate that is the same in every run.
func readFixedCert(t testing.TB) *x509.Certificate {
	t.Helper()
	data, err := os.ReadFile("testdata/mitmproxy-ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	certs, err := parsePEMCerts(data)
	if err != nil || len(certs) != 1 {
		t.Fatal(certs, err)
	}
	return certs[0]
}

func TestLoadMakesTheFiles(t *testing.T) {
	for _, mask := range []int{0o077, 0o000, 0o022} {
		t.Run(fmt.Sprintf("umask %03o", mask), func(t *testing.T) {
			setUmask(t, mask)
			dir := filepath.Join(t.TempDir(), "a", "conf")
			a := mustLoad(t, dir, testOptions())
			if !a.Created() || len(a.Warnings()) != 0 {
				t.Errorf("created %v, warnings %v", a.Created(), a.Warnings())
			}
			for name, mode := range map[string]os.FileMode{".": 0o700, KeyFile: 0o600, CertFile: 0o644, CertDERFile: 0o644, CertP12File: 0o644} {
				info, err := os.Stat(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				if info.Mode().Perm() != mode {
					t.Errorf("%s has mode %04o, not %04o", name, info.Mode().Perm(), mode)
				}
			}
			entries, _ := os.ReadDir(dir)
			if len(entries) != 4 {
				t.Errorf("left behind: %v", entries)
			}
			for _, name := range []string{CertFile, CertDERFile, CertP12File} {
				data, _ := os.ReadFile(a.Path(name))
				b, err := ParseBundle(data, "")
				if err != nil || len(b.Certs) != 1 || !b.Certs[0].Equal(a.Cert()) || b.Key != nil {
					t.Errorf("%s: %v %v", name, b, err)
				}
			}
			again := mustLoad(t, dir, testOptions())
			if again.Created() || !again.Cert().Equal(a.Cert()) {
				t.Error("the second start made another CA")
			}
		})
	}
}

func TestRoot(t *testing.T) {
	for _, kind := range []KeyType{ECDSA, RSA} {
		o := testOptions()
		o.KeyType = kind
		c := mustLoad(t, t.TempDir(), o).Cert()
		if c.Subject.String() != "CN=midstream,O=midstream" || !c.IsCA || !c.MaxPathLenZero || len(c.SubjectKeyId) != 20 {
			t.Errorf("%v: subject %v ca %v", kind, c.Subject, c.IsCA)
		}
		if c.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign {
			t.Errorf("%v: key usage %b", kind, c.KeyUsage)
		}
		if life := c.NotAfter.Sub(c.NotBefore).Hours() / 24; life < 3650 || life > 3653 || testNow.Sub(c.NotBefore) != 48*time.Hour {
			t.Errorf("%v: valid %v to %v", kind, c.NotBefore, c.NotAfter)
		}
		for _, e := range c.Extensions {
			if id := e.Id.String(); (id == "2.5.29.19" || id == "2.5.29.15") && !e.Critical {
				t.Errorf("%v: extension %s is not critical", kind, id)
			}
		}
		if got := describeKey(c.PublicKey); got != map[KeyType]string{ECDSA: "ECDSA P-256", RSA: "RSA 2048"}[kind] {
			t.Errorf("%v: key %s", kind, got)
		}
	}
}

func TestTwoStartsAtOnceAgree(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "conf")
	const n = 16
	got := make([]string, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			a, err := Load(dir, testOptions())
			if err != nil {
				t.Error(err)
				return
			}
			got[i] = a.Fingerprint()
		})
	}
	wg.Wait()
	for _, g := range got {
		if g != got[0] {
			t.Fatalf("%d starts at once got different CAs", n)
		}
	}
	onDisk := mustLoad(t, dir, testOptions())
	if onDisk.Fingerprint() != got[0] || len(onDisk.Warnings()) > 0 {
		t.Error("the CA on disk is another")
	}
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	a := mustLoad(t, dir, testOptions())
	whole, _ := os.ReadFile(a.Path(KeyFile))
	cert, _ := os.ReadFile(a.Path(CertFile))
	key := bytes.TrimSuffix(whole, cert)
	other := mustLoad(t, t.TempDir(), testOptions())
	leaf, err := a.Leaf(context.Background(), LeafRequest{SNI: "a.test"})
	if err != nil {
		t.Fatal(err)
	}
	leafFile, err := encodeKeyFile(Bundle{Key: leaf.PrivateKey.(*ecdsa.PrivateKey), Certs: []*x509.Certificate{leaf.Leaf}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "file is empty"},
		{"cut", whole[:len(key)/2], "damaged PEM"},
		{"noise", bytes.Repeat([]byte{7}, 99), "neither PEM nor DER"},
		{"no key", cert, "no private key"},
		{"no certificate", key, "no certificate"},
		{"a foreign key", append(bytes.Clone(key), other.CertPEM()...), "belongs to none"},
		{"a leaf", leafFile, "not a CA"},
		{"two keys", append(bytes.Clone(key), whole...), "more than one private key"},
		{"broken base64 inside", bytes.Replace(whole, []byte("MIG"), []byte("AAA"), 1), "private key is damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(a.Path(KeyFile), c.file, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Load(dir, testOptions())
			if err == nil {
				t.Fatal("loaded")
			}
			for _, want := range []string{c.want, a.Path(KeyFile), "midstream ca import"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
			if now, _ := os.ReadFile(a.Path(KeyFile)); !bytes.Equal(now, c.file) {
				t.Error("the damaged file was changed")
			}
		})
	}
}

func TestLoadWarns(t *testing.T) {
	dir := t.TempDir()
	a := mustLoad(t, dir, testOptions())
	at := func(d time.Duration) Options { return Options{Now: func() time.Time { return testNow.Add(d) }} }
	const year = 365 * 24 * time.Hour
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"expired", at(11 * year), "expired on 2037-03-23"},
		{"expires soon", at(10*year - 10*24*time.Hour), "expires on 2037-03-23"},
		{"clock wrong", at(-year), "valid only from 2027-03-23"},
	} {
		if w := mustLoad(t, dir, c.o).Warnings(); len(w) != 1 || !strings.Contains(w[0], c.want) || !strings.Contains(w[0], a.Path(KeyFile)) {
			t.Errorf("%s: %q", c.name, w)
		}
	}
	if err := os.Chmod(a.Path(KeyFile), 0o644); err != nil {
		t.Fatal(err)
	}
	if w := mustLoad(t, dir, testOptions()).Warnings(); len(w) != 1 || !strings.Contains(w[0], "mode 0644") {
		t.Errorf("open key file: %q", w)
	}
	if w := mustLoad(t, dir, testOptions()).Warnings(); len(w) != 0 {
		t.Errorf("it was not closed: %q", w)
	}
	o := testOptions()
	o.KeyType = RSA
	if w := mustLoad(t, dir, o).Warnings(); len(w) != 1 || !strings.Contains(w[0], "key_type is rsa, but the CA in "+a.Path(KeyFile)+" has an ECDSA P-256 key") {
		t.Errorf("key type: %q", w)
	}
	// An expired CA still serves clients that do not verify.
	if _, err := mustLoad(t, dir, at(11*year)).Leaf(context.Background(), LeafRequest{SNI: "a.test"}); err != nil {
		t.Error(err)
	}
}

func TestStaleCopiesAreWrittenAgain(t *testing.T) {
	dir := t.TempDir()
	a := mustLoad(t, dir, testOptions())
	for _, name := range []string{CertFile, CertDERFile, CertP12File} {
		if err := os.WriteFile(a.Path(name), []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustLoad(t, dir, testOptions())
	for _, name := range []string{CertFile, CertDERFile, CertP12File} {
		data, _ := os.ReadFile(a.Path(name))
		if b, err := ParseBundle(data, ""); err != nil || !b.Certs[0].Equal(a.Cert()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConfdirIsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "conf")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, testOptions()); err == nil || !strings.Contains(err.Error(), "confdir") {
		t.Error(err)
	}
}

// openssl runs the program, and skips the test where it is missing.
func openssl(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	out, err := exec.Command("openssl", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestOpenSSLVerifiesLeaves(t *testing.T) {
	for _, kind := range []KeyType{ECDSA, RSA} {
		o := testOptions()
		o.KeyType, o.Now = kind, time.Now
		a := mustLoad(t, t.TempDir(), o)
		leaf, err := a.Leaf(context.Background(), LeafRequest{SNI: "foo_bar.example.test", Addr: "127.0.0.1"})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "leaf.pem")
		if err := os.WriteFile(file, encodeCerts(leaf.Leaf), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, check := range [][]string{{"-verify_hostname", "foo_bar.example.test"}, {"-verify_ip", "127.0.0.1"}} {
			args := append([]string{"verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", a.Path(CertFile)}, check...)
			if out := openssl(t, append(args, file)...); !strings.Contains(out, "OK") {
				t.Errorf("%v: %s", kind, out)
			}
		}
		out := openssl(t, "pkcs12", "-in", a.Path(CertP12File), "-passin", "pass:", "-nokeys")
		if !strings.Contains(out, "BEGIN CERTIFICATE") {
			t.Errorf("pkcs12: %s", out)
		}
	}
}

func TestRSALeafForOneClient(t *testing.T) {
	a := mustLoad(t, t.TempDir(), testOptions())
	r := LeafRequest{SNI: "old.test"}
	usual, err := a.Leaf(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	r.RSA = true
	old, err := a.Leaf(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := usual.PrivateKey.(*ecdsa.PrivateKey); !ok {
		t.Errorf("usual key %T", usual.PrivateKey)
	}
	if _, ok := old.PrivateKey.(*rsa.PrivateKey); !ok || old.Leaf.KeyUsage&x509.KeyUsageKeyEncipherment == 0 {
		t.Errorf("old key %T usage %b", old.PrivateKey, old.Leaf.KeyUsage)
	}
}

func TestHandshake(t *testing.T) {
	o := testOptions()
	o.Now = time.Now
	a := mustLoad(t, t.TempDir(), o)
	pool := x509.NewCertPool()
	pool.AddCert(a.Cert())
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	done := make(chan error, 1)
	go func() {
		done <- tls.Server(server, &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return a.Leaf(h.Context(), LeafRequest{SNI: h.ServerName})
		}}).Handshake()
	}()
	c := tls.Client(client, &tls.Config{ServerName: "shop.example", RootCAs: pool})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := len(c.ConnectionState().PeerCertificates); n != 1 {
		t.Errorf("%d certificates on the wire; the root stays home", n)
	}
}
