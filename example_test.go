package midstream_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"midstream"
	"midstream/hook"
)

// tagger is an addon: it has one of the event methods of package hook.
type tagger struct{}

func (tagger) ResponseHeaders(ctx context.Context, x *hook.Exchange) error {
	x.Response.Fields.Set("X-Seen-By", "midstream")
	if strings.HasPrefix(x.Response.Fields.Get("Content-Type"), "text/plain") {
		// Rewrite the body as it passes: nothing is held.
		x.Response.Stream.Transform = func() hook.Transform {
			return hook.ChunkFunc(func(p []byte) ([][]byte, error) {
				return [][]byte{[]byte(strings.ToUpper(string(p)))}, nil
			})
		}
	}
	return nil
}

func Example() {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "hello")
	}))
	defer origin.Close()
	confdir, err := os.MkdirTemp("", "midstream")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(confdir)

	p, err := midstream.New(midstream.Config{
		Options: map[string][]string{"confdir": {confdir}, "session_keep": {"0"}},
		Addons:  []any{tagger{}},
	})
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	if err := p.Start(ctx); err != nil {
		panic(err)
	}

	through := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: p.Addresses()[0]})}
	client := &http.Client{Transport: through}
	r, err := client.Get(origin.URL)
	if err != nil {
		panic(err)
	}
	body, _ := io.ReadAll(r.Body)
	r.Body.Close()
	fmt.Println(r.Header.Get("X-Seen-By"), string(body))

	through.CloseIdleConnections()
	stop()
	if err := p.Wait(); err != nil {
		panic(err)
	}
	// Output: midstream HELLO
}

func TestLibraryPageHasTheExample(t *testing.T) {
	page, err := os.ReadFile("docs/library.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```go\n")
	shown, _, _ := strings.Cut(rest, "```")
	if shown == "" || !strings.Contains(string(source), strings.TrimSpace(shown)) {
		t.Error("the code of docs/library.md is not the example's")
	}
}

func TestWrongOptionsAreNamed(t *testing.T) {
	for text, options := range map[string]map[string][]string{
		"stream_large_bodies": {"stream_large_bodies": {"many"}},
		"no_such_option":      {"no_such_option": {"1"}},
	} {
		options["confdir"] = []string{t.TempDir()}
		p, err := midstream.New(midstream.Config{Options: options})
		if err == nil {
			err = p.Start(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v: %v", options, err)
		}
	}
}

func TestAProxyTellsItsCertificateAndSession(t *testing.T) {
	p, err := midstream.New(midstream.Config{Options: map[string][]string{"confdir": {t.TempDir()}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	if err := p.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(p.CA()) {
		t.Error("CA is no certificate in PEM form")
	}
	if _, err := os.Stat(p.Session()); err != nil {
		t.Errorf("session: %v", err)
	}
	stop()
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
}
