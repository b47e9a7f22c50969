package ca

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestImport(t *testing.T) {
	for _, c := range []struct{ file, passphrase string }{
		{"mitmproxy-ca.pem", ""},
		{"traditional-encrypted.pem", "tiger"},
		{"pkcs8-encrypted.pem", "tiger"},
		{"pkcs8-des3.pem", "tiger"},
		{"ca.p12", "tiger"},
	} {
		t.Run(c.file, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "conf")
			got, err := Import(dir, filepath.Join("testdata", c.file), c.passphrase, testNow)
			if err != nil {
				t.Fatal(err)
			}
			if got.Cert.Subject.CommonName != "mitmproxy" || got.Old != nil || got.Backup != "" || got.Same || len(got.Written) != 4 || len(got.Notes) != 0 {
				t.Errorf("%+v", got)
			}
			a := mustLoad(t, dir, testOptions())
			if a.Created() || !a.Cert().Equal(readFixedCert(t)) || len(a.Warnings()) > 0 {
				t.Error("the imported CA is not the one loaded")
			}
			leaf, err := a.Leaf(context.Background(), LeafRequest{SNI: "a.test"})
			if err != nil {
				t.Fatal(err)
			}
			checkLeaf(t, a, leaf)
			if info, _ := os.Stat(a.Path(KeyFile)); looseMode(info) {
				t.Errorf("mode %v", info.Mode())
			}
		})
	}
}

func TestImportRefuses(t *testing.T) {
	write := func(data []byte) string {
		path := filepath.Join(t.TempDir(), "in.pem")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, c := range []struct {
		name, file, passphrase, want string
	}{
		{"missing file", "/nonexistent/x.pem", "", "no such file"},
		{"no passphrase", "testdata/pkcs8-encrypted.pem", "", "no passphrase was given"},
		{"wrong passphrase", "testdata/pkcs8-encrypted.pem", "lion", "passphrase"},
		{"wrong passphrase, traditional", "testdata/traditional-encrypted.pem", "lion", "passphrase"},
		{"p12 without passphrase", "testdata/ca.p12", "", "no passphrase was given"},
		{"p12 with wrong passphrase", "testdata/ca.p12", "lion", "wrong passphrase"},
		{"scrypt", "testdata/pkcs8-scrypt.pem", "tiger", "openssl pkcs8"},
		{"not a CA", "testdata/client-rsa1024.pem", "", ""},
		{"certificate only", write(encodeCerts(readFixedCert(t))), "", "no private key"},
		{"half a file", write(read("mitmproxy-ca.pem")[:900]), "", "damaged"},
		{"half a p12", write(read("ca.p12")[:900]), "tiger", "neither PEM nor"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.want == "" {
				c.want = "browsers" // openssl req makes a CA of it: weak, but one
				got, err := Import(filepath.Join(t.TempDir(), "conf"), c.file, c.passphrase, testNow)
				if err != nil || len(got.Notes) == 0 || !strings.Contains(got.Notes[0], c.want) {
					t.Errorf("%+v %v", got, err)
				}
				return
			}
			dir := filepath.Join(t.TempDir(), "conf")
			_, err := Import(dir, c.file, c.passphrase, testNow)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.file) {
				t.Errorf("%v lacks %q or %q", err, c.want, c.file)
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("a refused import left a folder")
			}
		})
	}
	if _, err := Import(t.TempDir(), "testdata/mitmproxy-ca.pem", "", testNow.AddDate(200, 0, 0)); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("expired: %v", err)
	}
}

func TestImportKeepsTheOldOne(t *testing.T) {
	dir := t.TempDir()
	a := mustLoad(t, dir, testOptions())
	old, _ := os.ReadFile(a.Path(KeyFile))
	if _, err := a.WriteKeyP12(""); err != nil {
		t.Fatal(err)
	}
	got, err := Import(dir, "testdata/mitmproxy-ca.pem", "", testNow)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "midstream-ca-20270325-120000.pem"); got.Backup != want {
		t.Errorf("backup %q, not %q", got.Backup, want)
	}
	kept, _ := os.ReadFile(got.Backup)
	info, _ := os.Stat(got.Backup)
	if !bytes.Equal(kept, old) || looseMode(info) || !got.Old.Equal(a.Cert()) {
		t.Error("the old CA was not kept as it was")
	}
	if _, err := os.Stat(a.Path(KeyP12File)); err == nil {
		t.Error("the old key stayed in the PKCS#12 file")
	}
	again, err := Import(dir, "testdata/mitmproxy-ca.pem", "", testNow)
	if err != nil || !again.Same || len(again.Written) != 0 || again.Backup != "" {
		t.Errorf("the same again: %+v %v", again, err)
	}
	// Back to the old one, in the same second: the first backup is not touched.
	back, err := Import(dir, got.Backup, "", testNow)
	if err != nil || back.Backup != filepath.Join(dir, "midstream-ca-20270325-120000-1.pem") {
		t.Errorf("back: %+v %v", back, err)
	}
}

func TestIntermediateBringsItsChain(t *testing.T) {
	root := mustLoad(t, t.TempDir(), testOptions())
	key, _ := newKey(ECDSA)
	top, _ := newKey(ECDSA)
	rootCert, err := newRoot(top, testNow)
	if err != nil {
		t.Fatal(err)
	}
	rootCert.MaxPathLenZero, rootCert.MaxPathLen = false, -1
	template := &x509.Certificate{SerialNumber: newSerial(), Subject: pkix.Name{CommonName: "middle"}, NotBefore: testNow.Add(-time.Hour), NotAfter: testNow.AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, SubjectKeyId: []byte{1, 2, 3}}
	der, err := x509.CreateCertificate(rand.Reader, template, rootCert, key.Public(), top)
	if err != nil {
		t.Fatal(err)
	}
	middle, _ := x509.ParseCertificate(der)
	data, _ := encodeKeyFile(Bundle{Key: key, Certs: []*x509.Certificate{root.Cert(), rootCert, middle}})
	file := filepath.Join(t.TempDir(), "middle.pem")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	got, err := Import(dir, file, "", testNow)
	if err != nil || len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "intermediate") {
		t.Fatalf("%+v %v", got, err)
	}
	leaf, err := mustLoad(t, dir, testOptions()).Leaf(context.Background(), LeafRequest{SNI: "a.test"})
	if err != nil {
		t.Fatal(err)
	}
	if len(leaf.Certificate) != 2 || !bytes.Equal(leaf.Certificate[1], middle.Raw) {
		t.Errorf("chain of %d", len(leaf.Certificate))
	}
}

func TestMitmproxyHint(t *testing.T) {
	home, conf := t.TempDir(), t.TempDir()
	if got := MitmproxyHint(home, conf); got != "" {
		t.Errorf("without mitmproxy: %q", got)
	}
	theirs := filepath.Join(home, ".mitmproxy", "mitmproxy-ca.pem")
	if err := os.MkdirAll(filepath.Dir(theirs), 0o700); err != nil {
		t.Fatal(err)
	}
	data, _ := os.ReadFile("testdata/mitmproxy-ca.pem")
	if err := os.WriteFile(theirs, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := MitmproxyHint(home, conf); !strings.Contains(got, "midstream ca import "+theirs) {
		t.Errorf("first: %q", got)
	}
	if got := MitmproxyHint(home, conf); got != "" {
		t.Errorf("second: %q", got)
	}
	imported := t.TempDir()
	if _, err := Import(imported, theirs, "", testNow); err != nil {
		t.Fatal(err)
	}
	if got := MitmproxyHint(home, imported); got != "" {
		t.Errorf("after import: %q", got)
	}
}

func TestWriteKeyP12(t *testing.T) {
	a := mustLoad(t, t.TempDir(), testOptions())
	for _, pass := range []string{"", "tiger"} {
		path, err := a.WriteKeyP12(pass)
		if err != nil {
			t.Fatal(err)
		}
		data, _ := os.ReadFile(path)
		b, err := ParseBundle(data, pass)
		if err != nil || b.Key == nil || !matches(b.Key, a.Cert()) {
			t.Errorf("passphrase %q: %v", pass, err)
		}
		if info, _ := os.Stat(path); looseMode(info) {
			t.Errorf("mode %v", info.Mode())
		}
	}
}

func TestCertsMatch(t *testing.T) {
	dir := t.TempDir()
	a := mustLoad(t, t.TempDir(), testOptions())
	file := func(name string) string {
		leaf, err := a.Leaf(context.Background(), LeafRequest{SNI: name})
		if err != nil {
			t.Fatal(err)
		}
		data, err := encodeKeyFile(Bundle{Key: leaf.PrivateKey.(crypto.Signer), Certs: []*x509.Certificate{leaf.Leaf}})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, strings.ReplaceAll(name, "*", "star")+".pem")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	certs, err := LoadCerts([]string{"own.test=" + file("self.test"), "*.wild.test=" + file("w.example"), "BÜCHER.test=" + file("b.example")}, "")
	if err != nil {
		t.Fatal(err)
	}
	all, err := LoadCerts([]string{file("all.example")}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		certs *Certs
		hosts []string
		want  string
	}{
		{certs, []string{"own.test"}, "self.test"},
		{certs, []string{"OWN.test."}, "self.test"},
		{certs, []string{"self.test"}, "self.test"},
		{certs, []string{"a.wild.test"}, "w.example"},
		{certs, []string{"a.b.wild.test"}, "w.example"},
		{certs, []string{"wild.test"}, ""},
		{certs, []string{"xn--bcher-kva.test"}, "b.example"},
		{certs, []string{"", "own.test"}, "self.test"},
		{certs, []string{"other.test", "192.0.2.1"}, ""},
		{certs, []string{"notown.test"}, ""},
		{certs, nil, ""},
		{all, []string{"anything.test"}, "all.example"},
		{all, []string{"", ""}, "all.example"},
		{nil, []string{"own.test"}, ""},
	} {
		got := ""
		if m := c.certs.Match(c.hosts...); m != nil {
			got = m.Leaf.DNSNames[0]
		}
		if got != c.want {
			t.Errorf("%q matched %q, not %q", c.hosts, got, c.want)
		}
	}
	a.SetCerts(certs)
	if leaf, _ := a.Leaf(context.Background(), LeafRequest{SNI: "own.test"}); leaf != certs.Match("own.test") {
		t.Error("Leaf did not take the given certificate")
	}
	if leaf, _ := a.Leaf(context.Background(), LeafRequest{SNI: "else.test"}); leaf.Leaf.DNSNames[0] != "else.test" {
		t.Error("Leaf did not mint")
	}
	for _, bad := range []string{"=x.pem", "a.test=", "/nonexistent.pem", "..=" + file("self.test"), "testdata/pkcs8-encrypted.pem"} {
		if _, err := LoadCerts([]string{bad}, ""); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := LoadCerts([]string{"testdata/pkcs8-encrypted.pem"}, "tiger"); err != nil {
		t.Error(err)
	}
}

func TestClientCerts(t *testing.T) {
	if c, err := LoadClientCerts("", ""); c != nil || err != nil || c.For("a.test") != nil {
		t.Error(c, err)
	}
	one, err := LoadClientCerts("testdata/client-rsa1024.pem", "")
	if err != nil || one.For("any.test") == nil {
		t.Fatal(one, err)
	}
	dir := t.TempDir()
	data, _ := os.ReadFile("testdata/client-rsa1024.pem")
	for _, name := range []string{"Host.test.pem", "192.0.2.1.pem", "readme.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	many, err := LoadClientCerts(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{"host.test": true, "192.0.2.1": true, "other.test": false, "../Host.test": false, "": false} {
		if got := many.For(host) != nil; got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "bad.pem"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadClientCerts(dir, ""); err == nil || !strings.Contains(err.Error(), "bad.pem") {
		t.Error(err)
	}
}

// A client certificate with an RSA key of 1024 bits can still be shown.
func TestClientCertRSA1024Handshake(t *testing.T) {
	certs, err := LoadClientCerts("testdata/client-rsa1024.pem", "")
	if err != nil {
		t.Fatal(err)
	}
	o := testOptions()
	o.Now = time.Now
	a := mustLoad(t, t.TempDir(), o)
	leaf, err := a.Leaf(context.Background(), LeafRequest{SNI: "a.test"})
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := net.Pipe()
		done := make(chan error, 1)
		go func() {
			done <- tls.Client(client, &tls.Config{InsecureSkipVerify: true, MaxVersion: version, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return certs.For("a.test"), nil
			}}).Handshake()
		}()
		s := tls.Server(server, &tls.Config{Certificates: []tls.Certificate{*leaf}, ClientAuth: tls.RequireAnyClientCert, SessionTicketsDisabled: true})
		if err := s.Handshake(); err != nil {
			t.Errorf("version %x: %v", version, err)
		}
		if err := <-done; err != nil {
			t.Errorf("version %x: client: %v", version, err)
		}
		client.Close()
		server.Close()
	}
}

func TestP12MayNotComputeForHours(t *testing.T) {
	data, err := os.ReadFile("testdata/ca.p12")
	if err != nil {
		t.Fatal(err)
	}
	// The count of rounds is 2048 everywhere in it: 02 02 08 00.
	few := []byte{0x02, 0x02, 0x08, 0x00}
	if !bytes.Contains(data, few) || checkIterations(data, 0) != nil {
		t.Fatal("the file is not what this test thinks")
	}
	salt, _ := asn1.Marshal(struct {
		Salt  []byte
		Count int
	}{[]byte("saltsalt"), maxP12Iterations + 1})
	wrapped, _ := asn1.Marshal(asn1.RawValue{Tag: asn1.TagOctetString, Bytes: salt})
	outer, _ := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: wrapped})
	if _, err := ParseBundle(outer, "x"); err == nil || !strings.Contains(err.Error(), "rounds of key derivation") {
		t.Error(err)
	}
}

func FuzzParseBundle(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.*")
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "")
		f.Add(data, "tiger")
		f.Add(data[:len(data)/2], "tiger")
	}
	f.Fuzz(func(t *testing.T, data []byte, pass string) {
		b, err := ParseBundle(data, pass)
		if err != nil {
			if err.Error() == "" || strings.ContainsAny(err.Error(), "\x00\n") {
				t.Errorf("error text %q", err)
			}
			return
		}
		if b.Key == nil && len(b.Certs) == 0 {
			t.Error("neither error nor content")
		}
		cert, _, err := b.pair()
		if err != nil || checkCA(cert) != nil {
			return
		}
		importable(data, pass, testNow)
	})
}
