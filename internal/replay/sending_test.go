package replay

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"midstream/flow"
	"midstream/internal/engine"
	"midstream/internal/format"
	"midstream/internal/store"
	"midstream/internal/upstream"
)

// to sends an Item to the server at address.
func to(t *testing.T, it *format.Item, address string) *format.Item {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(port)
	it.Flow.Request.Host, it.Flow.Request.Port = host, uint16(n)
	it.Flow.Request.Fields.Set("Host", address)
	return it
}

func TestRequestsAreSentAgain(t *testing.T) {
	var mu sync.Mutex
	var got []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := io.ReadAll(r.Body)
		mu.Lock()
		got = append(got, fmt.Sprintf("%s %s %q", r.Method, r.URL, p))
		mu.Unlock()
		w.Write([]byte("new"))
	}))
	defer srv.Close()
	at := srv.Listener.Addr().String()
	upload := strings.Repeat("0123456789", 20000)
	get, post := to(t, item("/get?q=1", nil, "old"), at), to(t, withRequest(item("/post", nil, "old"), "POST", upload), at)
	missing := to(t, withRequest(item("/missing", nil, ""), "POST", ""), at)
	missing.Bodies[flow.ToServer] = nil
	format.Missing(&missing.Flow.RequestBody)
	cut := to(t, withRequest(item("/cut", nil, ""), "POST", "half"), at)
	cut.Flow.RequestBody.Sent = 100
	connect := item("", nil, "")
	connect.Flow.Request.Method, connect.Flow.Request.Form = "CONNECT", flow.AuthorityForm
	socket := to(t, item("/ws", nil, ""), at)
	socket.Flow.Response.Status = 101
	tunnel := &format.Item{Flow: &flow.Flow{Kind: flow.TCP, Start: noon}}
	nobody := to(t, item("/nobody", nil, ""), "127.0.0.1:1")

	for _, parallel := range []int{1, 4} {
		got = nil
		s := newSession(t)
		shelf, err := ShelfIn(s)
		if err != nil {
			t.Fatal(err)
		}
		src := list{get, post, missing, cut, connect, socket, tunnel, nobody}
		sending := &Sending{Engine: engine.New(engine.Config{Recorder: recorder{s}, SpillDir: t.TempDir()}), Dialer: upstream.New(upstream.Config{}), Shelf: shelf, Parallel: parallel}
		res, err := sending.Run(t.Context(), &src, nil)
		if want := (Result{Passed: 2, Failed: 1, Refused: 5}); err != nil || res != want {
			t.Fatalf("%+v, %v; want %+v", res, err, want)
		}
		want := []string{`GET /get?q=1 ""`, fmt.Sprintf("POST /post %q", upload)}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("the server got %.300q", got)
		}
		r := opened(t, s)
		originals, again := map[string]bool{}, 0
		for sum, err := range r.List(t.Context(), store.ListOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			f := flowOf(t, r, sum.Number)
			if f.Replayed != flow.RequestReplayed {
				originals[f.ID.String()] = true
				continue
			}
			again++
			if of := f.Metadata[Of]; !originals[of] || of == f.ID.String() {
				t.Errorf("flow %d is of %q", f.Number, of)
			}
			if f.Outcome.Kind == flow.Completed && bodyOf(t, r, f.Number, flow.ToClient) != "new" {
				t.Errorf("flow %d: %+v", f.Number, f.Outcome)
			}
		}
		if again != 3 || len(originals) != 3 {
			t.Errorf("%d flows beside %d originals", again, len(originals))
		}
		shelf.Close()
	}
}

// Archives have requests without Host, which no server of HTTP/1.1 takes; it is what
// the URL says then.
func TestARequestWithoutHostGetsOne(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) }))
	defer srv.Close()
	at := srv.Listener.Addr().String()
	without := to(t, item("/", nil, "old"), at)
	without.Flow.Request.Fields.Del("Host")
	s := newSession(t)
	shelf, err := ShelfIn(s)
	if err != nil {
		t.Fatal(err)
	}
	defer shelf.Close()
	sending := &Sending{Engine: engine.New(engine.Config{Recorder: recorder{s}}), Dialer: upstream.New(upstream.Config{}), Shelf: shelf, Parallel: 1}
	src := list{without}
	if res, err := sending.Run(t.Context(), &src, nil); err != nil || res.Passed != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	r := opened(t, s)
	for sum, err := range r.List(t.Context(), store.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		f := flowOf(t, r, sum.Number)
		if f.Replayed == flow.RequestReplayed && (f.Response == nil || f.Response.Status != 200 || bodyOf(t, r, f.Number, flow.ToClient) != at) {
			t.Errorf("%+v, %q, want %q", f.Response, bodyOf(t, r, f.Number, flow.ToClient), at)
		}
	}
}

func TestSpeedsAreRead(t *testing.T) {
	for text, want := range map[string]Speed{"1": 1, "0.5": 0.5, "max": 0, "100": 100} {
		if got, err := ParseSpeed(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "fast", "Inf", "NaN", "1x"} {
		if _, err := ParseSpeed(text); err == nil {
			t.Errorf("%q is a speed", text)
		}
	}
}
