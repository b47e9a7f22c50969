package onboard

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/ca"
)

func TestDetect(t *testing.T) {
	for agent, want := range map[string]device{
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile/15E148 Safari/604.1":   ios,
		"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 FxiOS/130.0 Mobile/15E148 Safari/605.1.15":          ios,
		"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36":                     android,
		"Mozilla/5.0 (Android 14; Mobile; rv:130.0) Gecko/130.0 Firefox/130.0":                                                  android,
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0":             windows,
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0":                                      firefox,
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15": macos,
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36":                 linux,
		"curl/8.9.1": other, "": other,
	} {
		if got := detect(agent); got != want {
			t.Errorf("%s: %q, want %q", agent, got, want)
		}
	}
}

func addon(t *testing.T) (*Addon, *ca.Authority) {
	t.Helper()
	authority, err := ca.Load(t.TempDir(), ca.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(authority, "MITM.it.")
	if err != nil {
		t.Fatal(err)
	}
	return a, authority
}

// ask sends a request and returns its answer, nil where the addon lets it pass.
func ask(t *testing.T, a *Addon, scheme, host, path string, fields ...flow.Field) *hook.Response {
	t.Helper()
	method := "GET"
	if m, p, ok := strings.Cut(path, " "); ok {
		method, path = m, p
	}
	head := flow.Request{Method: method, Scheme: scheme, Host: host, Path: path, Form: flow.OriginForm}
	head.Version, head.Fields = flow.HTTP11, append(flow.Fields{{Name: "Host", Value: host}}, fields...)
	x, _ := hook.NewExchange(head, &flow.Conn{TLS: &flow.TLS{Version: 0x304, Cipher: 0x1301, SNI: "<b>", Offered: []string{"h2"}}}, nil, func() {})
	if err := a.RequestHeaders(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	return x.Response
}

func content(t *testing.T, r *hook.Response) []byte {
	t.Helper()
	body, err := r.Raw()
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestOnlyItsNamesAreAnswered(t *testing.T) {
	a, _ := addon(t)
	for host, want := range map[string]bool{"midstream.internal": true, "mitm.it": true, "Mitm.IT.": true, "example.com": false, "x.mitm.it": false, "": false} {
		if got := ask(t, a, "http", host, "/") != nil; got != want {
			t.Errorf("%s is answered: %v", host, got)
		}
		err := a.ServerConnect(t.Context(), &hook.Dial{Address: host + ":443"})
		if _, refused := errors.AsType[*hook.Refusal](err); refused != want {
			t.Errorf("a dial to %s: %v", host, err)
		}
	}
}

func TestTheCertificateInAllForms(t *testing.T) {
	a, authority := addon(t)
	der := authority.Cert().Raw
	for path, read := range map[string]func([]byte) ([]byte, error){
		"/cert/pem": func(p []byte) ([]byte, error) {
			block, rest := pem.Decode(p)
			if block == nil || len(rest) > 0 {
				return nil, errors.New("not one PEM block")
			}
			return block.Bytes, nil
		},
		"/cert/cer": func(p []byte) ([]byte, error) { return p, nil },
		"/cert/p12": func(p []byte) ([]byte, error) {
			certs, err := pkcs12.DecodeTrustStore(p, "")
			if err != nil || len(certs) != 1 {
				return nil, err
			}
			return certs[0].Raw, nil
		},
		"/cert/mobileconfig": func(p []byte) ([]byte, error) {
			for d := xml.NewDecoder(bytes.NewReader(p)); ; {
				if _, err := d.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					return nil, err
				}
			}
			data := regexp.MustCompile(`<data>([^<]+)</data>`).FindSubmatch(p)
			if len(data) != 2 {
				return nil, errors.New("not one payload")
			}
			return base64.StdEncoding.DecodeString(string(data[1]))
		},
	} {
		r := ask(t, a, "http", "mitm.it", path)
		got, err := read(content(t, r))
		if err != nil || r.Status != 200 || !bytes.Equal(got, der) {
			t.Errorf("%s: status %d, %v", path, r.Status, err)
		}
	}
	key, err := keyOf(t, authority).Bytes()
	if err != nil || len(key) != 32 {
		t.Fatal(err)
	}
	for path := range a.files {
		if bytes.Contains(content(t, ask(t, a, "http", "mitm.it", path)), key) {
			t.Errorf("%s has the key", path)
		}
	}
}

func keyOf(t *testing.T, a *ca.Authority) *ecdsa.PrivateKey {
	t.Helper()
	path, err := a.WriteKeyP12("")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := ca.ParseBundle(data, "")
	if err != nil {
		t.Fatal(err)
	}
	return b.Key.(*ecdsa.PrivateKey)
}

func TestThePage(t *testing.T) {
	a, _ := addon(t)
	agent := func(s string) flow.Field { return flow.Field{Name: "User-Agent", Value: s} }
	page := string(content(t, ask(t, a, "http", "mitm.it", "/?x", agent("<script>alert(1)</script> Android"))))
	for _, want := range []string{"Your device: Android", `src="https://mitm.it/trust.svg"`, "&lt;script&gt;", "&lt;b&gt;"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "Set the proxy") || regexp.MustCompile(`(src|href)="https?://[^m]`).MatchString(page) {
		t.Errorf("the page has what it should not:\n%s", page)
	}
	if page := string(content(t, ask(t, a, "https", "midstream.internal", "/"))); !strings.Contains(page, "This page has come over HTTPS") {
		t.Error("over https the page does not say so")
	}
	for named, want := range map[string]string{
		"192.0.2.7:8080": "https://192.0.2.7:8080/trust.svg", "[2001:db8::1]:8080": "https://[2001:db8::1]:8080/trust.svg", "proxy.example": "https://proxy.example:80/trust.svg",
		`x"><script>:80`: "https://midstream.internal/trust.svg", "a:b:c": "https://midstream.internal/trust.svg", "x:99999": "https://midstream.internal/trust.svg",
	} {
		r := asked(t, a, named)
		if page := string(content(t, r)); !strings.Contains(page, `src="`+want+`"`) {
			t.Errorf("asked as %s: the picture is not at %s\n%s", named, want, regexp.MustCompile(`src="[^"]*"`).FindString(page))
		}
	}
	if r := asked(t, a, "192.0.2.7:8080"); !strings.Contains(r.Fields.Get("Content-Security-Policy"), "img-src 'self' https://192.0.2.7:8080 http://midstream.internal;") {
		t.Errorf("the policy is %s", r.Fields.Get("Content-Security-Policy"))
	}
}

// asked asks for the page directly, naming the proxy so.
func asked(t *testing.T, a *Addon, named string) *hook.Response {
	t.Helper()
	head := flow.Request{Method: "GET", Scheme: "http", Host: Host, Port: 80, Path: "/", Form: flow.OriginForm}
	head.Version, head.Fields = flow.HTTP11, flow.Fields{{Name: "Host", Value: named}}
	x, _ := hook.NewExchange(head, nil, nil, func() {})
	if err := a.RequestHeaders(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	return x.Response
}

// In transparent mode a request goes to the address that a name of the page has
// on the Internet.
func TestTransparentClientsAreKnownByHost(t *testing.T) {
	a, _ := addon(t)
	for mode, want := range map[string]bool{"transparent": true, "transparent@8081": true, "regular": false} {
		head := flow.Request{Method: "GET", Scheme: "http", Host: "192.0.2.7", Port: 80, Path: "/", Form: flow.OriginForm}
		head.Version, head.Fields = flow.HTTP11, flow.Fields{{Name: "Host", Value: "mitm.it"}}
		x, _ := hook.NewExchange(head, &flow.Conn{Mode: mode}, nil, func() {})
		if err := a.RequestHeaders(t.Context(), x); err != nil || (x.Response != nil) != want {
			t.Errorf("%s: answered: %v, %v", mode, x.Response != nil, err)
		}
	}
}

func TestStatuses(t *testing.T) {
	a, _ := addon(t)
	for _, c := range []struct {
		scheme, path string
		status       int
	}{
		{"https", "/trust.svg", 200}, {"http", "/trust.svg", 404}, {"http", "/cert/magisk", 404}, {"http", "/cert/", 404}, {"http", "/../midstream-ca.pem", 404},
		{"http", "POST /", 405}, {"http", "HEAD /cert/pem", 200}, {"http", "/index.html", 200},
	} {
		if r := ask(t, a, c.scheme, "mitm.it", c.path); r.Status != c.status || r.Fields.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: %d, want %d", c.scheme, c.path, r.Status, c.status)
		}
	}
}

func TestVisitors(t *testing.T) {
	a, _ := addon(t)
	var v Visitors
	a.NoteIn(&v)
	visit := func(peer, scheme, named, path, agent string) {
		t.Helper()
		head := flow.Request{Method: "GET", Scheme: scheme, Host: Host, Port: 80, Path: path, Form: flow.OriginForm}
		head.Version, head.Fields = flow.HTTP11, flow.Fields{{Name: "Host", Value: named}, {Name: "User-Agent", Value: agent}}
		x, _ := hook.NewExchange(head, &flow.Conn{Peer: peer}, nil, func() {})
		if err := a.RequestHeaders(t.Context(), x); err != nil {
			t.Fatal(err)
		}
	}
	is := func(what string, want ...Visitor) {
		t.Helper()
		got := v.List()
		if len(got) != len(want) {
			t.Fatalf("%s: %+v", what, got)
		}
		for i := range got {
			got[i].Last = want[i].Last
			if got[i] != want[i] {
				t.Errorf("%s: %+v, want %+v", what, got[i], want[i])
			}
		}
	}
	is("nobody")
	visit("10.0.0.7:5123", "http", "192.0.2.7:8080", "/", "iPhone")
	is("it looks", Visitor{Client: "10.0.0.7", Device: "iPhone or iPad"})
	visit("10.0.0.7:5124", "http", "midstream.internal", throughPath, "iPhone")
	is("its proxy is set", Visitor{Client: "10.0.0.7", Device: "iPhone or iPad", Through: true})
	visit("[2001:db8::1]:9", "http", "mitm.it", trustPath, "odd")
	visit("10.0.0.7:5125", "https", "192.0.2.7:8080", trustPath, "iPhone")
	is("it trusts", Visitor{Client: "10.0.0.7", Device: "iPhone or iPad", Through: true, Trusted: true}, Visitor{Client: "2001:db8::1", Through: true})
	for i := range 3 * maxVisitors {
		visit(fmt.Sprintf("10.0.1.%d:1", i), "http", "mitm.it", "/", "")
	}
	if got := v.List(); len(got) != maxVisitors || got[0].Client != fmt.Sprintf("10.0.1.%d", 3*maxVisitors-1) {
		t.Errorf("%d are remembered, the newest is %+v", len(got), got[0])
	}
}
