package e2e

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A filter behind dump chooses what is printed, with bodies too; all is
// recorded, and the same language finds it again.
func TestFilterOfDumpAndList(t *testing.T) {
	t.Parallel()
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/gone":
			http.NotFound(w, r)
		case "/packed":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			fmt.Fprint(z, strings.Repeat("hay ", 100_000), "a needle in it")
			z.Close()
		default:
			fmt.Fprint(w, "hay")
		}
	}))
	defer origin.Close()
	p := start(t, "~c", "404", "|", "~bs needle")
	client := p.client()
	for _, path := range []string{"/plain", "/gone", "/packed", "/last"} {
		resp, err := client.Get(origin.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	all := p.recorded()
	said := p.stdout.String()
	if len(all.flows) != 4 || strings.Count(said, "\n") != 2 || !strings.Contains(said, "/gone 404") || !strings.Contains(said, "/packed 200") {
		t.Errorf("%d flows are recorded, and printed is:\n%s", len(all.flows), said)
	}
	for _, c := range []struct{ filter, want string }{
		{"~bs 'hay a needle'", "/packed"},
		{"~c 404", "/gone"},
		{"!~c 404 & !packed", "/plain /last"},
		{"~u '/(?!packed|gone)[a-z]+$'", "/plain /last"},
	} {
		out := p.midstream("flows", "list", "--session", p.Session, "--columns", "path", c.filter)
		if got := strings.Join(strings.Fields(out), " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.filter, got, c.want)
		}
	}
	if out := p.midstream("flows", "list", "--session", p.Session, "--columns", "number,status,path", "--last", "1", "~c", "200"); out != "4\t200\t/last\n" {
		t.Errorf("the last: %q", out)
	}
	_, errs, err := p.try("flows", "list", "--session", p.Session, "~c 2x & ~q")
	if err == nil || !strings.Contains(errs, "column 4") || !strings.HasSuffix(errs, "\n  ~c 2x & ~q\n     ^\n") {
		t.Errorf("a wrong filter: %v\n%s", err, errs)
	}
}
