package instance

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"midstream/internal/store"
)

// Modes change while it runs: who looks for the instance finds the new address,
// and a mode that cannot be opened changes nothing.
func TestModesChangeWhileItRuns(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "origin") }))
	defer origin.Close()
	reg := options(t)
	log := &lines{}
	in, stop := running(t, Config{Options: reg, Log: slog.New(slog.NewTextHandler(log, nil))})
	defer stop()
	if err := reg.Update(map[string]any{"mode": []string{"regular", "reverse:" + origin.URL}}); err != nil {
		t.Fatal(err)
	}
	list := in.Listeners()
	if len(list) != 2 {
		t.Fatalf("%+v", list)
	}
	at := list[1].Addresses[0].String()
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr}).Get("http://" + at + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != "origin" {
		t.Errorf("%s", b)
	}
	live, err := store.LiveProcesses(reg.Path("confdir"))
	if err != nil || len(live) != 1 || !strings.Contains(fmt.Sprint(live[0].Listeners), at) {
		t.Errorf("%+v, %v, want %s", live, err, at)
	}
	if !strings.Contains(log.String(), "listening on "+at) {
		t.Errorf("%s", log)
	}

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, wrong := range []struct{ mode, text string }{
		{"regular@" + taken.Addr().String(), "is taken"},
		{"regulr", "no such mode"},
	} {
		err := reg.Update(map[string]any{"mode": []string{wrong.mode}})
		if err == nil || !strings.Contains(err.Error(), wrong.text) || !strings.Contains(err.Error(), wrong.mode) {
			t.Errorf("%s: %v", wrong.mode, err)
		}
		if now := in.Listeners(); len(now) != 2 || now[1].Addresses[0].String() != at || len(reg.List("mode")) != 2 {
			t.Errorf("%s: %+v, option %v", wrong.mode, now, reg.List("mode"))
		}
	}
	if err := reg.Update(map[string]any{"mode": []string{"regular"}}); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", at); err == nil {
		c.Close()
		t.Error("the reverse mode still listens")
	}
}

// lines collects what is logged.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
