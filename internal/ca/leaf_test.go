package ca

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestLeafNames(t *testing.T) {
	a := mustLoad(t, t.TempDir(), testOptions())
	long := strings.Repeat(strings.Repeat("a", 49)+".", 5)[:249] + ".com"
	label63 := strings.Repeat("b", 63) + ".test"
	many := make([]string, 10_000)
	for i := range many {
		many[i] = fmt.Sprintf("host-%d.many.test", i)
	}
	upstream := func(names ...string) *x509.Certificate {
		return &x509.Certificate{DNSNames: names, SerialNumber: big.NewInt(-5)}
	}
	for _, c := range []struct {
		name string
		r    LeafRequest
		dns  []string
		ips  []string
	}{
		{"SNI", LeafRequest{SNI: "a.test"}, []string{"a.test"}, nil},
		{"SNI keeps its bytes", LeafRequest{SNI: "A.Test"}, []string{"A.Test"}, nil},
		{"underscore", LeafRequest{SNI: "foo_bar.test"}, []string{"foo_bar.test"}, nil},
		{"A-label", LeafRequest{SNI: "xn--bcher-kva.test"}, []string{"xn--bcher-kva.test"}, nil},
		{"raw UTF-8", LeafRequest{Addr: "bücher.test"}, []string{"xn--bcher-kva.test"}, nil},
		{"emoji", LeafRequest{Addr: "i❤.test"}, []string{"xn--i-7iq.test"}, nil},
		{"invalid UTF-8 is left out", LeafRequest{SNI: "a\xff.test", Addr: "b.test"}, []string{"b.test"}, nil},
		{"65 bytes", LeafRequest{SNI: strings.Repeat("x.", 30) + "abcde"}, []string{strings.Repeat("x.", 30) + "abcde"}, nil},
		{"253 bytes", LeafRequest{SNI: long}, []string{long}, nil},
		{"a label of 63", LeafRequest{SNI: label63}, []string{label63}, nil},
		{"beyond every bound", LeafRequest{SNI: strings.Repeat("x", 60_000), Addr: "a.test"}, []string{"a.test"}, nil},
		{"IPv4 only", LeafRequest{Addr: "192.0.2.1"}, nil, []string{"192.0.2.1"}},
		{"IPv6 in brackets", LeafRequest{Addr: "[::1]"}, nil, []string{"::1"}},
		{"IPv6 with zone", LeafRequest{Addr: "fe80::1%eth0"}, nil, []string{"fe80::1"}},
		{"IPv4 in IPv6", LeafRequest{Addr: "::ffff:192.0.2.1"}, nil, []string{"192.0.2.1"}},
		{"IP as SNI", LeafRequest{SNI: "192.0.2.7"}, nil, []string{"192.0.2.7"}},
		{"SNI and address", LeafRequest{SNI: "a.test", Addr: "192.0.2.1"}, []string{"a.test"}, []string{"192.0.2.1"}},
		{"final dot", LeafRequest{Addr: "a.test."}, []string{"a.test"}, nil},
		{"same name twice", LeafRequest{SNI: "a.test", Addr: "A.TEST", Upstream: upstream("a.test", "b.test")}, []string{"a.test", "b.test"}, nil},
		{"server's names follow", LeafRequest{SNI: "a.test", Upstream: upstream("*.test", "c.test")}, []string{"a.test", "*.test", "c.test"}, nil},
		{"empty and odd names of the server", LeafRequest{SNI: "a.test", Upstream: upstream("", ".", "*.", "*", "*.*", "b\x00.test", "c d", "ok.test")}, []string{"a.test", "ok.test"}, nil},
		{"server's addresses", LeafRequest{SNI: "a.test", Upstream: &x509.Certificate{IPAddresses: []net.IP{{192, 0, 2, 9}, {1, 2, 3}, nil}}}, []string{"a.test"}, []string{"192.0.2.9"}},
		{"addresses have no case", LeafRequest{Addr: "65.65.65.65", Upstream: &x509.Certificate{IPAddresses: []net.IP{{97, 97, 97, 97}}}}, nil, []string{"65.65.65.65", "97.97.97.97"}},
		{"ten thousand names", LeafRequest{SNI: "a.test", Upstream: upstream(many...)}, append([]string{"a.test"}, many[:maxNames-1]...), nil},
		{"nothing known", LeafRequest{}, []string{noName}, nil},
		{"nothing usable", LeafRequest{SNI: "..", Addr: "\x00", Upstream: &x509.Certificate{}}, []string{noName}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			leaf, err := a.Leaf(context.Background(), c.r)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(leaf.Leaf.DNSNames); got != fmt.Sprint(c.dns) && len(got)+len(fmt.Sprint(c.dns)) > 4 {
				t.Errorf("names %.300s, not %.300s", got, fmt.Sprint(c.dns))
			}
			if got := fmt.Sprint(leaf.Leaf.IPAddresses); got != fmt.Sprint(c.ips) {
				t.Errorf("addresses %s, not %s", got, c.ips)
			}
			checkLeaf(t, a, leaf)
		})
	}
}

// checkLeaf has what every leaf must be, and what must never be in one.
func checkLeaf(t testing.TB, a *Authority, leaf *tls.Certificate) {
	t.Helper()
	c := leaf.Leaf
	pool := x509.NewCertPool()
	pool.AddCert(a.Cert())
	if _, err := c.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: a.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err != nil {
		t.Errorf("does not verify: %v", err)
	}
	if c.Subject.String() != "" {
		t.Errorf("subject %q", c.Subject)
	}
	if string(c.AuthorityKeyId) != string(a.Cert().SubjectKeyId) {
		t.Error("authority key id is not the CA's key id")
	}
	if life := c.NotAfter.Sub(c.NotBefore); life > 100*24*time.Hour || a.now().Sub(c.NotBefore) < 48*time.Hour {
		t.Errorf("valid %v to %v", c.NotBefore, c.NotAfter)
	}
	if c.SerialNumber.BitLen() < 64 || c.SerialNumber.Sign() <= 0 || len(c.SerialNumber.Bytes()) > 20 {
		t.Errorf("serial %v", c.SerialNumber)
	}
	if c.IsCA || c.KeyUsage&x509.KeyUsageDigitalSignature == 0 || len(c.ExtKeyUsage) != 1 || c.ExtKeyUsage[0] != x509.ExtKeyUsageServerAuth {
		t.Errorf("usage %b %v", c.KeyUsage, c.ExtKeyUsage)
	}
	for _, e := range c.Extensions {
		if e.Id.Equal(oidSAN) && !e.Critical {
			t.Error("subjectAltName is not critical though the subject is empty")
		}
		if e.Id.String() == "1.3.6.1.5.5.7.1.24" {
			t.Error("has the TLS feature extension")
		}
	}
	if len(c.Raw) > 8<<10 {
		t.Errorf("%d bytes large", len(c.Raw))
	}
}

func TestLeafIsShared(t *testing.T) {
	a := mustLoad(t, t.TempDir(), testOptions())
	r := LeafRequest{SNI: "a.test", Upstream: &x509.Certificate{DNSNames: []string{"b.test"}}}
	var wg sync.WaitGroup
	got := make([]*tls.Certificate, 32)
	for i := range got {
		wg.Go(func() { got[i], _ = a.Leaf(context.Background(), r) })
	}
	wg.Wait()
	for _, g := range got {
		if g == nil || g != got[0] {
			t.Fatal("equal requests got different leaves")
		}
	}
	// Another certificate of the server with the same names changes nothing.
	r.Upstream = &x509.Certificate{DNSNames: []string{"b.test"}, SerialNumber: big.NewInt(9)}
	if again, _ := a.Leaf(context.Background(), r); again != got[0] {
		t.Error("a renewed server certificate made another leaf")
	}
}

// What was asked before is known by all that the leaf depends on.
func TestWhatWasAskedForBefore(t *testing.T) {
	a := mustLoad(t, t.TempDir(), testOptions())
	server := func(name string) *x509.Certificate {
		leaf, err := a.Leaf(t.Context(), LeafRequest{SNI: name})
		if err != nil {
			t.Fatal(err)
		}
		return leaf.Leaf
	}
	c, d := server("c.test"), server("d.test")
	for range 2 {
		for _, w := range []struct {
			r     LeafRequest
			names string
			rsa   bool
		}{
			{LeafRequest{SNI: "a.test", Addr: "b.test"}, "[a.test b.test]", false},
			{LeafRequest{SNI: "a.testb", Addr: ".test"}, "[a.testb .test]", false},
			{LeafRequest{Addr: "b.test"}, "[b.test]", false},
			{LeafRequest{SNI: "a.test", Addr: "b.test", RSA: true}, "[a.test b.test]", true},
			{LeafRequest{SNI: "a.test", Upstream: c}, "[a.test c.test]", false},
			{LeafRequest{SNI: "a.test", Upstream: d}, "[a.test d.test]", false},
		} {
			leaf, err := a.Leaf(t.Context(), w.r)
			if err != nil {
				t.Fatal(err)
			}
			if _, rsa := leaf.PrivateKey.(*rsa.PrivateKey); fmt.Sprint(leaf.Leaf.DNSNames) != w.names || rsa != w.rsa {
				t.Errorf("%+v: %v, RSA %v", w.r, leaf.Leaf.DNSNames, rsa)
			}
		}
	}
	var known asked
	for i := range 2 * maxAsked {
		r := LeafRequest{SNI: fmt.Sprint(i)}
		known.key(r, func() cacheKey { return cacheKey{names: [32]byte{1}} })
		if got := known.key(r, func() cacheKey { t.Fatal("asked again"); return cacheKey{} }); got.names[0] != 1 {
			t.Fatal(got)
		}
	}
	if n := len(known.known); n != maxAsked {
		t.Errorf("%d are known, not %d", n, maxAsked)
	}
}

func TestLeafIsMintedAgainBeforeItEnds(t *testing.T) {
	now := testNow
	a := mustLoad(t, t.TempDir(), Options{Now: func() time.Time { return now }})
	r := LeafRequest{SNI: "a.test"}
	first, err := a.Leaf(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	now = first.Leaf.NotAfter.Add(-renewBefore - time.Minute)
	if same, _ := a.Leaf(context.Background(), r); same != first {
		t.Error("minted again too early")
	}
	now = first.Leaf.NotAfter.Add(-renewBefore + time.Minute)
	second, _ := a.Leaf(context.Background(), r)
	if second == first {
		t.Fatal("an ending leaf was served")
	}
	checkLeaf(t, a, second)
	if a.cache.len() != 1 {
		t.Errorf("cache holds %d leaves", a.cache.len())
	}
	// Nor is one served whose time has not come, after a clock was set back.
	now = testNow
	if third, _ := a.Leaf(context.Background(), r); third == second {
		t.Error("a leaf of the future was served")
	}
}

func TestLeafEndsWithItsCA(t *testing.T) {
	now := testNow
	a := mustLoad(t, t.TempDir(), Options{Now: func() time.Time { return now }})
	now = a.Cert().NotAfter.Add(-2 * time.Hour)
	r := LeafRequest{SNI: "a.test"}
	leaf, err := a.Leaf(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	if !leaf.Leaf.NotAfter.Equal(a.Cert().NotAfter) {
		t.Errorf("ends %v, its CA %v", leaf.Leaf.NotAfter, a.Cert().NotAfter)
	}
}

func TestCacheIsBounded(t *testing.T) {
	o := testOptions()
	o.CacheEntries = 10
	a := mustLoad(t, t.TempDir(), o)
	ctx := context.Background()
	first, _ := a.Leaf(ctx, LeafRequest{SNI: "0.test"})
	for i := range 30 {
		if _, err := a.Leaf(ctx, LeafRequest{SNI: fmt.Sprintf("%d.test", i)}); err != nil {
			t.Fatal(err)
		}
		if again, _ := a.Leaf(ctx, LeafRequest{SNI: "0.test"}); again != first {
			t.Fatal("the leaf in use was forgotten")
		}
	}
	if n := a.cache.len(); n != 10 {
		t.Errorf("holds %d leaves, not 10", n)
	}
	c := newCache(1 << 20)
	big := &tls.Certificate{Certificate: [][]byte{make([]byte, 1<<20)}, Leaf: first.Leaf}
	for i := range 40 {
		if _, err := c.get(ctx, cacheKey{names: [32]byte{byte(i)}}, testNow, func() (*tls.Certificate, error) { return big, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if c.bytes > maxCacheBytes || c.len() != maxCacheBytes>>21 {
		t.Errorf("holds %d bytes in %d leaves", c.bytes, c.len())
	}
}

func TestWaiterLeavesWithItsContext(t *testing.T) {
	c := newCache(0)
	started, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := c.get(context.Background(), cacheKey{}, testNow, func() (*tls.Certificate, error) {
			close(started)
			<-release
			return nil, errors.New("no")
		})
		if err == nil {
			t.Error("no error")
		}
	})
	<-started
	gone := errors.New("client left")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(gone)
	if _, err := c.get(ctx, cacheKey{}, testNow, nil); !errors.Is(err, gone) {
		t.Errorf("waiter got %v", err)
	}
	close(release)
	wg.Wait()
	// A failure is not kept.
	ok := &tls.Certificate{Leaf: &x509.Certificate{NotBefore: testNow, NotAfter: testNow.Add(99 * time.Hour)}}
	if got, err := c.get(context.Background(), cacheKey{}, testNow, func() (*tls.Certificate, error) { return ok, nil }); got != ok || err != nil {
		t.Errorf("after a failure: %v %v", got, err)
	}
}

func FuzzLeaf(f *testing.F) {
	a := mustLoad(f, f.TempDir(), testOptions())
	for _, s := range []string{"a.test", "foo_bar.test", "xn--a", "bücher.test", "i❤.test", ".", "*.", "", "a\x00b", "[::1]", "::1%x", "\xff\xfe", strings.Repeat("a.", 200), "xn--" + strings.Repeat("9", 300)} {
		f.Add(s, "192.0.2.1", s, []byte{192, 0, 2, 1})
		f.Add("", s, "*."+s, []byte(s))
	}
	f.Fuzz(func(t *testing.T, sni, addr, san string, ip []byte) {
		r := LeafRequest{SNI: sni, Addr: addr, Upstream: &x509.Certificate{DNSNames: []string{san, sni + san, "*." + san}, IPAddresses: []net.IP{ip}}}
		leaf, err := a.Leaf(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		checkLeaf(t, a, leaf)
		if again, _ := a.Leaf(context.Background(), r); again != leaf {
			t.Error("an equal request got another leaf")
		}
	})
}

func BenchmarkLeaf(b *testing.B) {
	ctx := context.Background()
	b.Run("minted", func(b *testing.B) {
		a := mustLoad(b, b.TempDir(), Options{})
		for i := 0; b.Loop(); i++ {
			if _, err := a.Leaf(ctx, LeafRequest{SNI: fmt.Sprintf("%d.test", i)}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("cached", func(b *testing.B) {
		a := mustLoad(b, b.TempDir(), Options{})
		up := &x509.Certificate{DNSNames: []string{"a.test", "*.a.test", "b.test"}}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := a.Leaf(ctx, LeafRequest{SNI: "a.test", Addr: "a.test", Upstream: up}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestLeafKeyHash(t *testing.T) {
	a := mustLoad(t, t.TempDir(), testOptions())
	leaf, err := a.Leaf(context.Background(), LeafRequest{SNI: "a.test"})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(leaf.Leaf.RawSubjectPublicKeyInfo)
	if got, err := a.LeafKeyHash(); err != nil || got != base64.StdEncoding.EncodeToString(sum[:]) {
		t.Errorf("%s %v", got, err)
	}
}

func (c *cache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.order.Len()
}
