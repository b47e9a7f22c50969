package api

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A body of protobuf has the names of protobuf_definitions, as they are in the file now.
func TestDefinitionsNameFields(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "shop.proto")
	stamp := time.Now().Add(-time.Hour)
	write := func(text string) {
		t.Helper()
		stamp = stamp.Add(time.Minute)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, stamp, stamp); err != nil {
			t.Fatal(err)
		}
	}
	write(`syntax = "proto3"; package shop; message Order { string title = 1; }`)
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", `application/x-protobuf; messageType="shop.Order"`)
		io.WriteString(w, "\x0a\x03abc")
	}, "protobuf_definitions="+path)
	r.through("/order")
	shows := func(want string) {
		t.Helper()
		var l struct{ Lines, Notes []string }
		if r.call("GET", "/flows/1/response/view", "", &l); !strings.Contains(strings.Join(append(l.Lines, l.Notes...), "\n"), want) {
			t.Errorf("%q, %q: no %q", l.Lines, l.Notes, want)
		}
	}
	shows(`"title": "abc"`)
	write(`syntax = "proto3"; package shop; message Order { string name = 1; }`)
	shows(`"name": "abc"`)
	write(`syntax = `)
	shows("read protobuf_definitions: ")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	shows("read protobuf_definitions: ")
}
