package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A tape gives the first octets of an endless text that does not repeat in step
// with frames or windows. It is a reader of known content that costs nothing.
type tape struct{ at, size int64 }

var tapeText = func() []byte {
	b := make([]byte, 1_000_003)
	(&pattern{}).Read(b)
	return b
}()

func (r *tape) Read(b []byte) (int, error) {
	if r.at == r.size {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), r.size-r.at)]
	n := copy(b, tapeText[r.at%int64(len(tapeText)):])
	r.at += int64(n)
	return n, nil
}

func tapeSum(size int64) string { return sumOf(&tape{size: size}) }

// sumOf is the length and hash of what a reader gives, and why it ended.
func sumOf(r io.Reader) string {
	sum := sha256.New()
	n, err := io.Copy(sum, r)
	if err != nil {
		return fmt.Sprint(n, err)
	}
	return fmt.Sprint(n, " ", hex.EncodeToString(sum.Sum(nil)))
}

func must(t testing.TB, c *http.Client, r *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: %d octets, %v", r.URL, len(b), err)
	}
	return resp, string(b)
}

func newRequest(t testing.TB, method, address string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Bodies of sizes around frames and windows pass both ways, with their length
// told first and without.
func TestVersionsBodies(t *testing.T) {
	sizes := []int64{0, 1, 65535, 65536, 16384*7 - 1, 16384*7 + 1, 100 << 20}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /up", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.ContentLength, " ", sumOf(r.Body))
	})
	mux.HandleFunc("GET /down/{size}", func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.ParseInt(r.PathValue("size"), 10, 64)
		if r.URL.RawQuery == "told" {
			w.Header().Set("Content-Length", r.PathValue("size"))
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		io.CopyBuffer(struct{ io.Writer }{w}, &tape{size: size}, make([]byte, 256<<10))
	})
	eachVersions(t, mux, func(t *testing.T, p *proxy, c *http.Client, base string) {
		for _, size := range sizes {
			sum := tapeSum(size)
			for _, told := range []bool{true, false} {
				if size > 1<<20 && told {
					continue
				}
				r := newRequest(t, "POST", base+"/up", io.MultiReader(&tape{size: size}))
				length, query := int64(-1), ""
				if told {
					length, query = size, "?told"
				}
				if r.ContentLength = length; told && size == 0 {
					r.Body = http.NoBody
				}
				if _, got := must(t, c, r); got != fmt.Sprint(length, " ", sum) && (size > 0 || got != "0 "+sum) {
					t.Errorf("%d octets up, told %v, arrived as %s", size, told, got)
				}
				resp, err := c.Get(base + "/down/" + strconv.FormatInt(size, 10) + query)
				if err != nil {
					t.Fatal(err)
				}
				if got := sumOf(resp.Body); got != sum || told && resp.ContentLength != size {
					t.Errorf("%d octets down, told %v, arrived as %s of %d", size, told, got, resp.ContentLength)
				}
				resp.Body.Close()
			}
		}
		c.CloseIdleConnections()
		s := p.recorded()
		for _, f := range s.flows {
			if f.Method == "CONNECT" {
				continue
			}
			f.completed()
			if f.Method == "GET" && !strings.Contains(f.URL, "/down/"+strconv.FormatInt(f.Response.Size, 10)) || f.Request.Size > 0 && f.Request.Disposition != "tee" || f.Response.Size > 0 && f.Response.Disposition != "tee" {
				t.Errorf("recorded as %+v", f)
			}
		}
	}, "--set", "session_min_free=0")
}

// Trailers, interim responses, responses without bodies, cookies and long heads.
func TestVersionsHeads(t *testing.T) {
	long := fill(60<<10, "a long value ")
	mux := http.NewServeMux()
	mux.HandleFunc("/trailers", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-Sum")
		fmt.Fprintf(w, "%s, %s", body, r.Trailer.Get("X-Asked"))
		w.Header().Set("X-Sum", "seven")
	})
	mux.HandleFunc("/hints", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(103)
		w.Header().Set("Link", "</b.css>; rel=preload")
		w.WriteHeader(103)
		w.Header().Del("Link")
		io.WriteString(w, "hinted")
	})
	mux.HandleFunc("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.PathValue("code"))
		w.Header().Set("Etag", `"x"`)
		if r.Method == "HEAD" {
			w.Header().Set("Content-Length", "12345")
		}
		w.WriteHeader(code)
	})
	mux.HandleFunc("/cookies", func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Set-Cookie"] = []string{"a=1; Expires=Wed, 21 Oct 2037 07:28:00 GMT", "b=2", "c=3"}
		fmt.Fprintf(w, "%q", r.Header["Cookie"])
	})
	mux.HandleFunc("/long", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Long", r.Header.Get("X-Long"))
		w.Header()["X-Twice"] = r.Header["X-Twice"]
		w.Header()["X-Empty"] = r.Header["X-Empty"]
	})
	eachVersions(t, mux, func(t *testing.T, p *proxy, c *http.Client, base string) {
		r := newRequest(t, "POST", base+"/trailers", io.MultiReader(strings.NewReader("abc")))
		r.Trailer = http.Header{"X-Asked": {"nine"}}
		if resp, got := must(t, c, r); got != "abc, nine" || resp.Trailer.Get("X-Sum") != "seven" {
			t.Errorf("trailers: %q, %v", got, resp.Trailer)
		}
		var hints []string
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, head textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, head.Get("Link")))
			return nil
		}})
		if _, got := must(t, c, newRequest(t, "GET", base+"/hints", nil).WithContext(ctx)); got != "hinted" || !slices.Equal(hints, []string{"103</a.css>; rel=preload", "103</b.css>; rel=preload"}) {
			t.Errorf("hints: %q behind %q", got, hints)
		}
		for _, x := range []struct {
			method string
			code   int
			length int64
		}{{"GET", 204, 0}, {"GET", 304, 0}, {"HEAD", 200, 12345}, {"GET", 204, 0}, {"DELETE", 204, 0}} {
			resp, got := must(t, c, newRequest(t, x.method, base+"/status/"+strconv.Itoa(x.code), nil))
			if resp.StatusCode != x.code || got != "" || resp.Header.Get("Etag") != `"x"` || x.length > 0 && resp.ContentLength != x.length {
				t.Errorf("%s of %d: %d %q %d", x.method, x.code, resp.StatusCode, got, resp.ContentLength)
			}
		}
		r = newRequest(t, "GET", base+"/cookies", nil)
		r.Header.Set("Cookie", "a=1; b=2; c=3")
		if resp, got := must(t, c, r); got != `["a=1; b=2; c=3"]` || len(resp.Header["Set-Cookie"]) != 3 || resp.Header["Set-Cookie"][1] != "b=2" {
			t.Errorf("cookies: %s and %q", got, resp.Header["Set-Cookie"])
		}
		r = newRequest(t, "GET", base+"/long", nil)
		r.Header.Set("X-Long", long)
		r.Header["X-Twice"] = []string{"one, two", "three"}
		r.Header["X-Empty"] = []string{""}
		if resp, _ := must(t, c, r); resp.Header.Get("X-Long") != strings.TrimSpace(long) || !slices.Equal(resp.Header["X-Twice"], r.Header["X-Twice"]) || !slices.Equal(resp.Header["X-Empty"], []string{""}) {
			t.Errorf("long head: %d, %d octets came back, %q %q", resp.StatusCode, len(resp.Header.Get("X-Long")), resp.Header["X-Twice"], resp.Header["X-Empty"])
		}
		for _, f := range p.recorded().flows {
			f.completed()
		}
	})
}

// An answer that comes while the request is still sent arrives whole, and the
// sender does not hang; the next request is served.
func TestVersionsEarlyAnswer(t *testing.T) {
	eachVersions(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			io.ReadFull(r.Body, make([]byte, 1000))
			w.WriteHeader(413)
			io.WriteString(w, "too much")
		}
	}), func(t *testing.T, p *proxy, c *http.Client, base string) {
		for range 3 {
			pr, pw := io.Pipe()
			give := time.AfterFunc(brief, func() { pr.CloseWithError(errors.New("it hangs")) })
			go func() {
				// It never ends by itself.
				for _, err := pw.Write(tapeText); err == nil; _, err = pw.Write(tapeText) {
				}
			}()
			resp, err := c.Post(base+"/early", "application/octet-stream", pr)
			if err != nil {
				// Over HTTP/1 the connection may break before the client has read
				// the answer (RFC 9112 section 9.6); over HTTP/2 nothing excuses that.
				t.Fatal(err)
			}
			if got, err := io.ReadAll(resp.Body); resp.StatusCode != 413 || string(got) != "too much" || err != nil {
				t.Errorf("%d %q %v", resp.StatusCode, got, err)
			}
			resp.Body.Close()
			give.Stop()
			pr.Close()
			if resp, _ := must(t, c, newRequest(t, "GET", base+"/next", nil)); resp.StatusCode != 200 {
				t.Errorf("behind it: %d", resp.StatusCode)
			}
		}
		s := p.recorded()
		s.flow("/next").completed()
		if f := s.flow("/early"); f.Status != 413 || f.Response.Size != 8 {
			t.Errorf("recorded as %+v", f)
		}
	})
}

// A server that breaks off in the middle breaks the client's body, a client that
// leaves ends the server's call, and the session says which it was.
func TestVersionsOutcomes(t *testing.T) {
	left := make(chan string, 10)
	eachVersions(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, piece(0))
		w.(http.Flusher).Flush()
		switch r.URL.Path {
		case "/cut":
			panic(http.ErrAbortHandler)
		case "/leave":
			<-r.Context().Done()
			left <- r.URL.RawQuery
		}
	}), func(t *testing.T, p *proxy, c *http.Client, base string) {
		resp := get(t, c, base+"/cut")
		if got, err := io.ReadAll(resp.Body); string(got) != piece(0) || err == nil {
			t.Errorf("what was cut arrived as %d octets, %v", len(got), err)
		}
		resp.Body.Close()
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := c.Do(newRequest(t, "GET", base+"/leave", nil).WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		readPiece(t, resp.Body, 0)
		cancel()
		resp.Body.Close()
		soon(t, left, "the client's leaving")
		if _, got := must(t, c, newRequest(t, "GET", base+"/whole", nil)); got != piece(0) {
			t.Errorf("behind it: %q", got)
		}
		s := p.recorded()
		s.flow("/whole").completed()
		if f := s.flow("/cut"); f.Outcome != "reset after 1000 bytes" && f.Outcome != "server cut after 1000 bytes" || !strings.Contains(f.Error, "server") {
			t.Errorf("recorded as %+v", f)
		}
		if f := s.flow("/leave"); f.Outcome != "client left after 1000 bytes" {
			t.Errorf("recorded as %+v", f)
		}
	})
}

// A server that ends its connection behind each response is asked again on a new
// one, also by those who ask at once.
func TestVersionsGoAway(t *testing.T) {
	eachVersions(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // over HTTP/2 it is GOAWAY
		io.WriteString(w, r.URL.Path)
	}), func(t *testing.T, p *proxy, c *http.Client, base string) {
		for i := range 5 {
			path := fmt.Sprint("/one/", i)
			if _, got := must(t, c, newRequest(t, "GET", base+path, nil)); got != path {
				t.Errorf("%s: %q", path, got)
			}
		}
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				path := fmt.Sprint("/many/", i)
				resp, err := c.Get(base + path)
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				if got, err := io.ReadAll(resp.Body); string(got) != path || err != nil {
					t.Errorf("%s: %d %q %v", path, resp.StatusCode, got, err)
				}
			})
		}
		all.Wait()
		for _, f := range p.recorded().flows {
			f.completed()
		}
	})
}

// Streams that nobody reads do not hold up others, and a hundred pass at once.
func TestVersionsManyStreams(t *testing.T) {
	eachVersions(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/endless" {
			io.WriteString(w, r.URL.Path)
			return
		}
		for _, err := w.Write(tapeText); err == nil; _, err = w.Write(tapeText) {
		}
	}), func(t *testing.T, p *proxy, c *http.Client, base string) {
		var endless []io.Closer
		for range 6 {
			resp := get(t, c, base+"/endless")
			// The origin has sent more than any window in between.
			if _, err := io.CopyN(io.Discard, resp.Body, 1<<20); err != nil {
				t.Fatal(err)
			}
			endless = append(endless, resp.Body)
		}
		var all sync.WaitGroup
		for i := range 94 { // with the endless ones, all that a connection takes
			all.Go(func() {
				path := fmt.Sprint("/small/", i)
				resp, err := c.Get(base + path)
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				if got, err := io.ReadAll(resp.Body); string(got) != path || err != nil {
					t.Errorf("%s: %d %q %v", path, resp.StatusCode, got, err)
				}
			})
		}
		all.Wait()
		for _, body := range endless {
			body.Close()
		}
		c.CloseIdleConnections()
		small := 0
		for _, f := range p.recorded().flows {
			if strings.Contains(f.URL, "/small/") {
				f.completed()
				small++
			} else if !strings.HasPrefix(f.Outcome, "client left after ") {
				t.Errorf("recorded as %+v", f)
			}
		}
		if small != 94 {
			t.Errorf("%d flows of 94", small)
		}
	})
}
