package client

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"midstream/internal/api"
	"midstream/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answering is a client of a socket where h answers.
func answering(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "c") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	c, err := New(store.Live{PID: 7, Control: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		server.Close()
		<-done
		os.RemoveAll(dir)
	})
	return c
}

func TestWhatIsAskedAndAnswered(t *testing.T) {
	var asked string
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		asked = r.Method + " " + r.URL.String() + " " + string(b)
		io.WriteString(w, `{"done":2,"failed":[{"number":3,"text":"no"}]}`)
	})
	d, err := c.Mark(t.Context(), api.Which{Numbers: []uint64{1, 2, 3}}, ":x:")
	if err != nil || d.Done != 2 || len(d.Failed) != 1 || asked != `POST /api/v1/flows/mark {"numbers":[1,2,3],"marker":":x:"}` {
		t.Errorf("%+v, %v, asked %s", d, err, asked)
	}
	if _, err := c.ChangeRule(t.Context(), "a b/c", api.RuleWish{}); err != nil || !strings.HasPrefix(asked, "PATCH /api/v1/rules/a%20b%2Fc ") {
		t.Errorf("%v, asked %s", err, asked)
	}
}

func TestErrorsSayWhatWentWrong(t *testing.T) {
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/rules" {
			w.WriteHeader(http.StatusConflict)
			io.WriteString(w, `{"error":{"code":"conflict","text":"not now"}}`)
			return
		}
		w.WriteHeader(http.StatusTeapot)
	})
	_, err := c.Rules(t.Context())
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != "conflict" || e.Status != 409 || err.Error() != "not now" {
		t.Errorf("%v", err)
	}
	if _, err := c.Delete(t.Context(), api.Which{}); err == nil || !strings.Contains(err.Error(), "process 7") || !strings.Contains(err.Error(), "418") {
		t.Errorf("%v", err)
	}
	gone, err := New(store.Live{PID: 8, Control: "/nowhere/s"})
	if err != nil {
		t.Fatal(err)
	}
	defer gone.Close()
	if _, err := gone.Rules(t.Context()); err == nil || !strings.Contains(err.Error(), "process 8") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
	if _, err := New(store.Live{}); !errors.Is(err, ErrNoControl) {
		t.Errorf("%v", err)
	}
}
