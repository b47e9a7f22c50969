package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A maker makes certificates that no authority would.
type maker struct {
	t   testing.TB
	key *ecdsa.PrivateKey
}

func newMaker(t testing.TB) *maker {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &maker{t, key}
}

// leaf signs a leaf by itself, after edit.
func (m *maker) leaf(edit func(*x509.Certificate)) []byte {
	m.t.Helper()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(7), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, DNSNames: []string{"odd.test"},
	}
	edit(c)
	der, err := x509.CreateCertificate(rand.Reader, c, c, m.key.Public(), m.key)
	if err != nil {
		m.t.Fatal(err)
	}
	return der
}

// withSerial replaces a serial number by one that CreateCertificate refuses.
func (m *maker) withSerial(der []byte, serial *big.Int) []byte {
	m.t.Helper()
	var whole, tbs []asn1.RawValue
	must := func(_ any, err error) {
		if err != nil {
			m.t.Fatal(err)
		}
	}
	_, err := asn1.Unmarshal(der, &whole)
	must(nil, err)
	_, err = asn1.Unmarshal(whole[0].FullBytes, &tbs)
	must(nil, err)
	number, err := asn1.Marshal(serial)
	must(nil, err)
	tbs[1] = asn1.RawValue{FullBytes: number}
	body, err := asn1.Marshal(tbs)
	must(nil, err)
	sum := sha256.Sum256(body)
	sig, err := m.key.Sign(rand.Reader, sum[:], crypto.SHA256)
	must(nil, err)
	bits, err := asn1.Marshal(asn1.BitString{Bytes: sig, BitLength: 8 * len(sig)})
	must(nil, err)
	out, err := asn1.Marshal([]asn1.RawValue{{FullBytes: body}, whole[1], {FullBytes: bits}})
	must(nil, err)
	return out
}

// chain is a leaf behind n authorities, each signed by the next.
func (m *maker) chain(n int) [][]byte {
	m.t.Helper()
	var ders [][]byte
	name := func(i int) pkix.Name { return pkix.Name{CommonName: fmt.Sprintf("authority %d", i)} }
	for i := range n {
		c := &x509.Certificate{SerialNumber: big.NewInt(int64(i + 1)), Subject: name(i), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
		if i == 0 {
			c.DNSNames = []string{"odd.test"}
		} else {
			c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		}
		der, err := x509.CreateCertificate(rand.Reader, c, &x509.Certificate{Subject: name(i + 1)}, m.key.Public(), m.key)
		if err != nil {
			m.t.Fatal(err)
		}
		ders = append(ders, der)
	}
	return ders
}

// Whatever certificate a server shows, the client's handshake is completed: with
// --ssl-insecure the exchange goes on, else it is answered with the reason.
func TestCasesOddServerCertificates(t *testing.T) {
	t.Parallel()
	m := newMaker(t)
	names := func(list ...string) []byte {
		return m.leaf(func(c *x509.Certificate) { c.DNSNames = list })
	}
	many := make([]string, 10000)
	for i := range many {
		many[i] = fmt.Sprintf("n%d.test", i)
	}
	mustStaple := pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}, Value: []byte{0x30, 3, 2, 1, 5}}
	careless, doubting := startCases(t, "-k"), startCases(t)
	for _, x := range []struct {
		name  string
		chain [][]byte
		// unread: not even TLS itself takes it.
		unread bool
	}{
		{"no names", [][]byte{names()}, false},
		{"empty subjectAltName", [][]byte{m.leaf(func(c *x509.Certificate) {
			c.DNSNames = nil
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: []byte{0x30, 0}}}
		})}, false},
		{"a dot", [][]byte{names(".")}, false},
		{"two dots", [][]byte{names("..")}, false},
		{"a star", [][]byte{names("*")}, false},
		{"a star and a dot", [][]byte{names("*.")}, false},
		{"a star inside", [][]byte{names("a*b.test", "*.*.test")}, false},
		{"an empty name", [][]byte{names("")}, false},
		{"NUL in a name", [][]byte{names("odd.test\x00.evil.test")}, false},
		{"spaces and markup in a name", [][]byte{names(" odd .test", "<script>.test", "a\r\nb.test")}, false},
		{"a label of 300", [][]byte{names(fill(300, "x") + ".test")}, false},
		{"a name of 5000", [][]byte{names(fill(5000, "x."))}, false},
		{"10000 names", [][]byte{names(many...)}, false},
		{"a subject of 60 KB", [][]byte{m.leaf(func(c *x509.Certificate) { c.Subject.CommonName = fill(60<<10, "x") })}, false},
		{"NUL in the subject", [][]byte{m.leaf(func(c *x509.Certificate) { c.Subject.CommonName = "a\x00b" })}, false},
		{"expired", [][]byte{m.leaf(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })}, false},
		{"of the year 9999", [][]byte{m.leaf(func(c *x509.Certificate) { c.NotAfter = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) })}, false},
		{"must-staple", [][]byte{m.leaf(func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{mustStaple} })}, false},
		{"negative serial", [][]byte{m.withSerial(names("odd.test"), big.NewInt(-5))}, true},
		{"serial 0", [][]byte{m.withSerial(names("odd.test"), big.NewInt(0))}, false},
		{"serial of 40 octets", [][]byte{m.withSerial(names("odd.test"), new(big.Int).Lsh(big.NewInt(1), 320))}, false},
		{"chain of 100", m.chain(100), false},
		{"no certificate at all", [][]byte{{0x30, 0}}, true},
	} {
		t.Run(x.name, func(t *testing.T) {
			for _, p := range []*proxy{careless, doubting} {
				o := newRawOriginTLS(t, p, &tls.Config{Certificates: []tls.Certificate{{Certificate: x.chain, PrivateKey: m.key}}}, func(c *peer) {
					if _, err := headOctets(c.in); err == nil {
						io.WriteString(c, okResponse)
					}
				})
				c := tls.Client(tunnel(t, p, o.Addr), &tls.Config{RootCAs: trusting(t, p.CA).RootCAs, ServerName: "odd.test"})
				c.SetDeadline(time.Now().Add(patience))
				if err := c.Handshake(); err != nil {
					t.Fatalf("handshake: %v", err)
				}
				for _, e := range c.ConnectionState().PeerCertificates[0].Extensions {
					if e.Id.Equal(mustStaple.Id) {
						t.Error("the client's certificate is must-staple")
					}
				}
				status, body := ask(t, c, "/x", "odd.test")
				want := 502
				if p == careless && !x.unread {
					want = 200
				}
				if status != want {
					t.Errorf("answered with %d %q, not %d", status, body, want)
				}
				c.Close()
			}
		})
	}
}

// The certificate that a client sees is what browsers want of one.
func TestCasesLeaf(t *testing.T) {
	t.Parallel()
	p := startCases(t)
	o := newWitness(t, p, true)
	for _, name := range []string{"127.0.0.1", "localhost", fill(63, "x") + ".test", fill(250, "abcdefghi.") + ".t", "foo_bar.test", "xn--bcher-kva.test"} {
		t.Run(name[:min(len(name), 30)], func(t *testing.T) {
			c := secure(t, p, o.Addr, name)
			defer c.Close()
			chain := c.ConnectionState().PeerCertificates
			data, err := os.ReadFile(p.CA)
			if err != nil {
				t.Fatal(err)
			}
			block, _ := pem.Decode(data)
			root, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			leaf := chain[0]
			if life := leaf.NotAfter.Sub(leaf.NotBefore); life > 100*24*time.Hour || time.Until(leaf.NotAfter) < 24*time.Hour {
				t.Errorf("it lives from %v to %v", leaf.NotBefore, leaf.NotAfter)
			}
			if !bytes.Equal(leaf.AuthorityKeyId, root.SubjectKeyId) || len(root.SubjectKeyId) == 0 {
				t.Errorf("authority key id %x, the CA has %x", leaf.AuthorityKeyId, root.SubjectKeyId)
			}
			if len(leaf.ExtKeyUsage) != 1 || leaf.ExtKeyUsage[0] != x509.ExtKeyUsageServerAuth || leaf.SerialNumber.BitLen() < 60 || leaf.IsCA {
				t.Errorf("usage %v, serial %v", leaf.ExtKeyUsage, leaf.SerialNumber)
			}
			if leaf.Subject.CommonName != "" && len(leaf.Subject.CommonName) > 64 {
				t.Errorf("common name of %d characters", len(leaf.Subject.CommonName))
			}
		})
	}
}

// Old versions of TLS are refused by default, with an error that says how to
// allow them; then they work.
func TestCasesOldTLS(t *testing.T) {
	t.Parallel()
	p := startCases(t)
	old := originTLS(t)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	script := func(c *peer) {
		if _, err := headOctets(c.in); err == nil {
			io.WriteString(c, okResponse)
		}
	}
	o := newRawOriginTLS(t, p, old, script)
	c := secure(t, p, o.Addr, "127.0.0.1")
	if status, body := ask(t, c, "/x", "x"); status != 502 || !strings.Contains(body, "tls_legacy_hosts") {
		t.Errorf("answered with %d %q", status, body)
	}
	c.Close()
	config := trusting(t, p.CA)
	config.ServerName, config.MinVersion, config.MaxVersion = "127.0.0.1", tls.VersionTLS10, tls.VersionTLS11
	client := tls.Client(tunnel(t, p, o.Addr), config)
	if err := client.Handshake(); err == nil {
		t.Error("a client of TLS 1.1 is served")
	}
	client.Close()
	p.waitStderr("tls_version_client_min")

	for _, allow := range []string{"tls_version_server_min=TLS1", `tls_legacy_hosts=^127\.0\.0\.1:`} {
		lax := startCases(t, "--set", allow, "--set", "tls_version_client_min=TLS1")
		o = newRawOriginTLS(t, lax, old, script)
		config = trusting(t, lax.CA)
		config.ServerName, config.MinVersion, config.MaxVersion = "127.0.0.1", tls.VersionTLS10, tls.VersionTLS11
		client = tls.Client(tunnel(t, lax, o.Addr), config)
		if status, body := ask(t, client, "/x", "x"); status != 200 {
			t.Errorf("where %s allows it: %d %q", allow, status, body)
		}
		client.Close()
	}
}

// A client certificate with an RSA key of 1024 bits is used where it is given.
func TestCasesSmallClientKey(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../internal/ca/testdata/client-rsa1024.pem")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "localhost.pem"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	p := startCases(t, "--set", "client_certs="+folder)
	config := originTLS(t)
	config.ClientAuth = tls.RequireAnyClientCert
	o := newRawOriginTLS(t, p, config, func(c *peer) {
		if _, err := headOctets(c.in); err == nil {
			io.WriteString(c, okResponse)
		}
	})
	_, port, _ := net.SplitHostPort(o.Addr)
	c := secure(t, p, "localhost:"+port, "localhost")
	if status, body := ask(t, c, "/x", "localhost"); status != 200 {
		t.Errorf("answered with %d %q", status, body)
	}
	c.Close()
}

// A server of TLS 1.2 may ask once to negotiate anew, in the middle of it all.
func TestCasesRenegotiation(t *testing.T) {
	program := need(t, "openssl")
	t.Parallel()
	p := startCases(t)
	leaf := mustPKI(t).leaf
	key, err := x509.MarshalPKCS8PrivateKey(leaf.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "server.pem")
	data := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Certificate[0]})...)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	server := exec.CommandContext(ctx, program, "s_server", "-accept", "127.0.0.1:0", "-tls1_2", "-cert", file, "-key", file)
	in, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		in.Close()
		server.Wait()
	}()
	lines := bufio.NewReader(out)
	// until returns the line that has the text.
	until := func(text string) string {
		t.Helper()
		for {
			line, err := lines.ReadString('\n')
			if strings.Contains(line, text) {
				return strings.TrimSpace(line)
			}
			if err != nil {
				t.Fatalf("s_server does not say %q: %v", text, err)
			}
		}
	}
	address := strings.TrimPrefix(until("ACCEPT "), "ACCEPT ")
	c := secure(t, p, address, "127.0.0.1")
	c.SetDeadline(time.Now().Add(patience))
	io.WriteString(c, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
	until("GET /x HTTP/1.1")
	io.WriteString(in, "r\n") // negotiate anew
	until("SSL_do_handshake -> 1")
	until("Read BLOCK")
	io.WriteString(in, okResponse+"\n")
	r := bufio.NewReader(c)
	head, err := headOctets(r)
	if !strings.HasPrefix(head, "HTTP/1.1 200 OK") {
		t.Errorf("the client got %q, %v", head, err)
	}
	c.Close()
}
