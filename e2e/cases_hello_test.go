package e2e

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// hidingConfig is an ECHConfigList of a server that is hidden behind name.
func hidingConfig(t *testing.T, name string) []byte {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	body := []byte{7, 0, 0x20, 0, 32}
	body = append(body, key.PublicKey().Bytes()...)
	body = append(body, 0, 4, 0, 1, 0, 1) // HKDF-SHA256, AES-128-GCM
	body = append(body, 32, byte(len(name)))
	body = append(append(body, name...), 0, 0)
	config := []byte{0xfe, 0x0d, 0, byte(len(body))}
	config = append(config, body...)
	return append([]byte{0, byte(len(config))}, config...)
}

// A client with a real Encrypted ClientHello meets a certificate of the outer name
// and no keys to try again with, so that it falls back; the flow says what it was.
func TestCasesEncryptedClientHello(t *testing.T) {
	t.Parallel()
	p := startCases(t)
	o := newWitness(t, p, true)
	conn := tunnel(t, p, o.Addr)
	defer conn.Close()
	hidden := tls.Client(conn, &tls.Config{ServerName: "secret.test", RootCAs: trusting(t, p.CA).RootCAs, EncryptedClientHelloConfigList: hidingConfig(t, "public.test"), MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"}})
	err := hidden.HandshakeContext(t.Context())
	rejected, ok := errors.AsType[*tls.ECHRejectionError](err)
	if !ok || len(rejected.RetryConfigList) > 0 {
		t.Fatalf("%T %v", err, err)
	}
	conn.Close()
	// The client tries again without.
	c := secure(t, p, o.Addr, "localhost")
	if status, _ := ask(t, c, "/", "x"); status != 200 {
		t.Errorf("without it: %d", status)
	}
	c.Close()
	p.stop()
	out := p.midstream("flows", "list", "--session", p.Session, "~finding encrypted-client-hello", "--json")
	if strings.Count(out, "\n") != 1 || !strings.Contains(p.stderr.String(), "for public.test") || !strings.Contains(p.stderr.String(), "hidden by Encrypted ClientHello") {
		t.Errorf("flows with the finding:\n%s\nsaid:\n%s", out, p.stderr.String())
	}
}

// A client that insists on a list of revoked certificates finds one where the
// server's own certificate has it, at the same host.
func TestCasesRevocationList(t *testing.T) {
	t.Parallel()
	m := newMaker(t)
	listed := m.leaf(func(c *x509.Certificate) {
		c.DNSNames = []string{"odd.test"}
		c.CRLDistributionPoints = []string{"ldap://directory.test/cn=x", "http://crl.test:81/own.crl"}
	})
	p := startCases(t, "-k")
	o := newRawOriginTLS(t, p, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{listed}, PrivateKey: m.key}}}, func(c *peer) {})
	c := secure(t, p, o.Addr, "odd.test")
	leaf := c.ConnectionState().PeerCertificates[0]
	c.Close()
	data, err := os.ReadFile(p.CA)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if len(leaf.CRLDistributionPoints) != 1 || !strings.HasPrefix(leaf.CRLDistributionPoints[0], "http://crl.test:81/midstream-") {
		t.Fatalf("the leaf names %q", leaf.CRLDistributionPoints)
	}
	res, err := p.client().Get(leaf.CRLDistributionPoints[0])
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	der, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "application/pkix-crl" {
		t.Fatal(res.Status, err)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil || list.CheckSignatureFrom(root) != nil || len(list.RevokedCertificateEntries) != 0 {
		t.Errorf("%+v, %v, %v", list, err, list.CheckSignatureFrom(root))
	}
}
