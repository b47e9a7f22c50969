package proxy

//lint:file-ignore SA1019 the counterparts of these tests are x/net's own client and server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"midstream/flow"
)

// h2Origin is Go's server, with HTTP/2 or without.
func h2Origin(t *testing.T, two bool, handler http.HandlerFunc) uint16 {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: handler, TLSConfig: originTLS(), ErrorLog: log.New(io.Discard, "", 0)}
	if !two {
		s.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	}
	done := make(chan struct{})
	go func() { defer close(done); s.ServeTLS(l, "", "") }()
	t.Cleanup(func() { s.Close(); <-done })
	return portOf(l.Addr())
}

// inside is a client in a tunnel, that speaks what the proxy agrees to of offer.
func (r *rig) inside(target string, offer ...string) (http.RoundTripper, tls.ConnectionState) {
	r.t.Helper()
	p := r.dial()
	p.connect(target)
	s := p.mustSecure(&tls.Config{ServerName: "127.0.0.1", NextProtos: offer})
	state := s.state()
	if state.NegotiatedProtocol == h2 {
		cc, err := new(xhttp2.Transport).NewClientConn(s.Conn)
		if err != nil {
			r.t.Fatal(err)
		}
		r.t.Cleanup(func() { cc.Close() })
		return cc, state
	}
	tr := &http.Transport{DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return s, nil }, MaxConnsPerHost: 1}
	r.t.Cleanup(tr.CloseIdleConnections)
	return tr, state
}

// pairs runs a test with each pair of versions, the client's first. Towards an
// HTTP/1 origin a client gets HTTP/2 only where the origin was not asked first.
func pairs(t *testing.T, handler http.HandlerFunc, test func(t *testing.T, r *rig, rt http.RoundTripper, base string)) {
	for _, c := range []struct {
		name     string
		client   []string
		origin   bool
		strategy Strategy
		want     string
	}{
		{"1 to 1", []string{http11}, true, Eager, http11},
		{"2 to 2", []string{h2, http11}, true, Eager, h2},
		{"2 to 1", []string{h2, http11}, false, Lazy, h2},
		{"2 alone to 1", []string{h2}, false, Eager, h2},
		{"2 offered, 1 spoken", []string{h2, http11}, false, Eager, http11},
	} {
		t.Run(c.name, func(t *testing.T) {
			port := h2Origin(t, c.origin, handler)
			r := newRig(t, func(cfg *Config) { cfg.HTTP2, cfg.Strategy = true, c.strategy })
			rt, state := r.inside(local(port), c.client...)
			if state.NegotiatedProtocol != c.want {
				t.Fatalf("the client speaks %q, want %q", state.NegotiatedProtocol, c.want)
			}
			test(t, r, rt, "https://"+local(port))
		})
	}
}

var bodySizes = []int{0, 1, 65535, 65536, 16384 * 4, 16384*7 - 1, 16384*7 + 1, 3 << 20}

func TestBodiesOfEverySizePassBetweenVersions(t *testing.T) {
	pairs(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		w.Write(b)
	}, func(t *testing.T, r *rig, rt http.RoundTripper, base string) {
		for _, n := range bodySizes {
			for _, known := range []bool{true, false} {
				want := bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n]
				var body io.Reader = bytes.NewReader(want)
				if !known {
					body = io.MultiReader(body)
				}
				req, _ := http.NewRequest("POST", base+"/x", body)
				resp, err := rt.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || sha256.Sum256(got) != sha256.Sum256(want) {
					t.Fatalf("%d octets, length known %v: status %d, %d came back, %v: %.300s", n, known, resp.StatusCode, len(got), err, got)
				}
			}
		}
	})
}

func TestTrailersCookiesAndHostPassBetweenVersions(t *testing.T) {
	pairs(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s cookie=%q te=%q body=%s trailer=%s connection=%q", r.Host, r.URL.Path, r.Header["Cookie"], r.Header["Te"], b, r.Trailer.Get("X-In"), r.Header["Connection"])
		w.Header().Set("X-Sum", "7")
	}, func(t *testing.T, r *rig, rt http.RoundTripper, base string) {
		req, _ := http.NewRequest("POST", base+"/p", io.MultiReader(strings.NewReader("abc")))
		req.Header.Set("Cookie", "a=1; b=2")
		req.Header.Set("TE", "trailers")
		req.Trailer = http.Header{"X-In": {"9"}}
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		want := fmt.Sprintf("%s /p cookie=%q te=%q body=abc trailer=9", strings.TrimPrefix(base, "https://"), []string{"a=1; b=2"}, []string{"trailers"})
		if err != nil || !strings.HasPrefix(string(got), want) || resp.Trailer.Get("X-Sum") != "7" {
			t.Errorf("%s, trailers %v, %v\nwant %s", got, resp.Trailer, err, want)
		}
	})
}

func TestInterimAndEmptyResponsesPassBetweenVersions(t *testing.T) {
	pairs(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a>")
		w.WriteHeader(103)
		switch r.URL.Path {
		case "/204":
			w.WriteHeader(204)
		case "/304":
			w.WriteHeader(304)
		default:
			w.Header().Set("Content-Length", "5")
		}
	}, func(t *testing.T, r *rig, rt http.RoundTripper, base string) {
		for i, c := range []struct {
			method, path string
			status       int
		}{{"GET", "/204", 204}, {"GET", "/304", 304}, {"HEAD", "/", 200}, {"GET", "/204", 204}} {
			hints := 0
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error { hints += code; return nil }})
			req, _ := http.NewRequestWithContext(ctx, c.method, base+c.path, nil)
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != c.status || len(b) > 0 || hints != 103 {
				t.Errorf("%d: %d %q, interim %d, %v", i, resp.StatusCode, b, hints, err)
			}
		}
	})
}

func TestMessagesPassBothWaysAtOnceBetweenVersions(t *testing.T) {
	pairs(t, func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		b := make([]byte, 100)
		for {
			n, err := r.Body.Read(b)
			if n > 0 {
				w.Write(b[:n])
				w.(http.Flusher).Flush()
			}
			if err != nil {
				return
			}
		}
	}, func(t *testing.T, r *rig, rt http.RoundTripper, base string) {
		pr, pw := io.Pipe()
		req, _ := http.NewRequest("POST", base+"/", pr)
		req.Header.Set("Content-Type", "application/grpc")
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b := make([]byte, 100)
		for i := range 20 {
			want := fmt.Sprint("message ", i)
			io.WriteString(pw, want)
			n, err := io.ReadFull(resp.Body, b[:len(want)])
			if string(b[:n]) != want || err != nil {
				t.Fatalf("%q, %v", b[:n], err)
			}
		}
		pw.Close()
		if _, err := resp.Body.Read(b); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	})
}

func TestAnEndedBodyAndABrokenOneDifferBetweenVersions(t *testing.T) {
	pairs(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "part")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}, func(t *testing.T, r *rig, rt http.RoundTripper, base string) {
		req, _ := http.NewRequest("GET", base+"/", nil)
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(b) != "part" || err == nil {
			t.Errorf("%q, %v", b, err)
		}
		if se, ok := errors.AsType[xhttp2.StreamError](err); ok && se.Code != xhttp2.ErrCodeInternal {
			t.Errorf("reset with %v", se.Code)
		}
		if f := r.flows.wait(t, 1)[0]; f.Outcome.Kind != flow.WasReset && f.Outcome.Kind != flow.ServerCut {
			t.Errorf("outcome %+v", f.Outcome)
		}
	})
}

func TestAHundredStreamsShareOneConnectionToTheOrigin(t *testing.T) {
	var mu sync.Mutex
	conns := map[string]int{}
	all := make(chan struct{})
	n := 0
	port := h2Origin(t, true, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		conns[r.RemoteAddr]++
		if n++; n == 100 {
			close(all)
		}
		mu.Unlock()
		<-all // all are open at once
		fmt.Fprint(w, r.URL.Path)
	})
	r := newRig(t, func(cfg *Config) { cfg.HTTP2 = true })
	rt, _ := r.inside(local(port), h2, http11)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			path := fmt.Sprint("/", i)
			req, _ := http.NewRequest("GET", "https://"+local(port)+path, nil)
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return
			}
			b, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if string(b) != path || err != nil {
				t.Errorf("%s: %q, %v", path, b, err)
			}
		})
	}
	wg.Wait()
	if len(conns) != 1 {
		t.Errorf("%d connections", len(conns))
	}
}

func TestAnAuthorityThatIsNotTheTunnelsGets421(t *testing.T) {
	port := h2Origin(t, true, func(w http.ResponseWriter, r *http.Request) { t.Error("reached the origin") })
	r := newRig(t, func(cfg *Config) { cfg.HTTP2 = true })
	rt, _ := r.inside(local(port), h2)
	req, _ := http.NewRequest("GET", "https://elsewhere.test/", nil)
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 421 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestACancelledStreamIsResetAtTheOriginAndOthersGoOn(t *testing.T) {
	gone := make(chan struct{})
	port := h2Origin(t, true, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		if r.URL.Path == "/endless" {
			<-r.Context().Done()
			close(gone)
		}
	})
	r := newRig(t, func(cfg *Config) { cfg.HTTP2 = true })
	rt, _ := r.inside(local(port), h2)
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", "https://"+local(port)+"/endless", nil)
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	resp.Body.Close()
	<-gone
	if f := r.flows.wait(t, 1)[0]; f.Outcome.Kind != flow.ClientLeft {
		t.Errorf("outcome %+v", f.Outcome)
	}
	req, _ = http.NewRequest("GET", "https://"+local(port)+"/", nil)
	if resp, err = rt.RoundTrip(req); err != nil || resp.StatusCode != 200 {
		t.Fatalf("%v", err)
	}
	resp.Body.Close()
}
