package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// get sends a request through the proxy. The body is closed with the test.
func get(t testing.TB, c *http.Client, address string) *http.Response {
	t.Helper()
	r, err := c.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Body.Close() })
	return r
}

// readPiece reads exactly the piece with that number.
func readPiece(t testing.TB, r io.Reader, i int) {
	t.Helper()
	got := make([]byte, len(piece(i)))
	if _, err := io.ReadFull(r, got); err != nil {
		t.Fatalf("piece %d: %v", i, err)
	}
	if string(got) != piece(i) {
		t.Fatalf("piece %d came as %.20q", i, got)
	}
}

// The head and each piece reach the client while the origin waits behind them,
// for every framing, and are in the session in the end.
func TestPiecesPassAsTheyCome(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p := start(t)
	const n = 4
	var paths []string
	for _, base := range []string{o.HTTP, o.HTTPS} {
		for _, framing := range []string{"length", "chunked", "close"} {
			path := "/pieces?" + url.Values{"id": {base + framing}, "framing": {framing}, "n": {strconv.Itoa(n)}}.Encode()
			paths = append(paths, path)
			t.Run(framing+" "+base[:strings.Index(base, ":")], func(t *testing.T) {
				r := get(t, p.client(), base+path)
				for i := range n {
					readPiece(t, r.Body, i)
					o.open(base + framing)
				}
				if rest, err := io.ReadAll(r.Body); err != nil || len(rest) > 0 {
					t.Errorf("behind the last piece: %d bytes, %v", len(rest), err)
				}
			})
		}
	}
	s := p.recorded()
	for _, path := range paths {
		f := s.flow(path)
		f.completed()
		if f.Response.Disposition != "tee" || f.Response.Record != "complete" || f.Response.Size != 1000*n {
			t.Errorf("%s is recorded as %+v", path, f)
		}
		if got := s.body(f); got != piece(0)+piece(1)+piece(2)+piece(3) {
			t.Errorf("%s is recorded with %d other bytes", path, len(got))
		}
	}
}

// An upload reaches the origin while the client waits behind each piece, and the
// origin's answer reaches the client while the upload still runs.
func TestUploadPassesAsItComes(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	arrived := make(chan string)
	o.mux.HandleFunc("/live", func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		for {
			buf := make([]byte, 1000)
			n, err := io.ReadFull(r.Body, buf)
			if n > 0 {
				arrived <- string(buf[:n])
				w.Write([]byte(strings.ToUpper(string(buf[:n]))))
				w.(http.Flusher).Flush()
			}
			if err != nil {
				return
			}
		}
	})
	p := start(t)
	for _, base := range []string{o.HTTP, o.HTTPS} {
		body, feed := io.Pipe()
		req, err := http.NewRequest("POST", base+"/live", body)
		if err != nil {
			t.Fatal(err)
		}
		c := p.client()
		response := make(chan *http.Response, 1)
		go func() {
			r, err := c.Do(req)
			if err != nil {
				t.Error(err)
				close(response)
				return
			}
			response <- r
		}()
		var r *http.Response
		for i, letter := range []string{"a", "b", "c"} {
			text := strings.Repeat(letter, 1000)
			io.WriteString(feed, text)
			select {
			case got := <-arrived:
				if got != text {
					t.Fatalf("the origin got %.10q", got)
				}
			case <-time.After(patience):
				t.Fatalf("piece %d of the upload does not arrive", i)
			}
			if r == nil {
				if r = <-response; r == nil {
					return
				}
				defer r.Body.Close()
			}
			got := make([]byte, 1000)
			if _, err := io.ReadFull(r.Body, got); err != nil || string(got) != strings.ToUpper(text) {
				t.Fatalf("the answer to piece %d: %.10q %v", i, got, err)
			}
		}
		feed.Close()
		if rest, err := io.ReadAll(r.Body); err != nil || len(rest) > 0 {
			t.Errorf("behind the last piece: %d bytes, %v", len(rest), err)
		}
	}
	s := p.recorded()
	f := s.flow("/live")
	f.completed()
	if f.Request.Size != 3000 || f.Response.Size != 3000 || s.body(f, "--request") != strings.ToLower(s.body(f)) {
		t.Errorf("recorded as %+v", f)
	}
}

// Another process reads a body from the session while it passes.
func TestBodyIsFollowedWhileItPasses(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p := start(t)
	r := get(t, p.client(), o.HTTPS+"/pieces?id=follow&n=3")
	readPiece(t, r.Body, 0)

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	follow := exec.CommandContext(ctx, binary, "flows", "body", "--session", p.Session, "--raw", "--follow", p.live("/pieces?id=follow&n=3"))
	follow.Env = cleanEnv("MIDSTREAM_CONFDIR=" + p.Confdir)
	out, err := follow.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs transcript
	follow.Stderr = &errs
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	followed := bufio.NewReader(out)
	for i := range 3 {
		readPiece(t, followed, i)
		o.open("follow")
		if i < 2 {
			readPiece(t, r.Body, i+1)
		}
	}
	rest, _ := io.ReadAll(followed)
	if err := follow.Wait(); err != nil || len(rest) > 0 {
		t.Errorf("--follow ended with %v and %d bytes more\n%s", err, len(rest), errs.String())
	}
	io.Copy(io.Discard, r.Body)
	p.recorded().flow("/pieces?id=follow&n=3").completed()
}

// Larger than SIZE passes unrecorded, and exactly SIZE does not; where the
// length is not known, the record goes when SIZE is passed.
func TestStreamSize(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p := start(t, "--stream", "3m")
	const limit = 3 << 20
	c := p.client()
	for _, x := range []struct {
		size    int64
		chunked string
		want    string
	}{
		{limit, "", "tee"},
		{limit + 1, "", "pass"},
		{limit, "&chunked=1", "tee"},
		{limit + 1, "&chunked=1", "pass"},
	} {
		path := fmt.Sprintf("/big?size=%d%s", x.size, x.chunked)
		r := get(t, c, o.HTTPS+path)
		body, err := io.ReadAll(r.Body)
		if err != nil || textSHA256(string(body)) != patternSHA256(x.size) {
			t.Errorf("%s: %d bytes, %v", path, len(body), err)
		}
	}
	s := p.recorded()
	for path, want := range map[string]sized{
		"/big?size=3145728":           {"tee", limit, "complete"},
		"/big?size=3145729":           {"pass", limit + 1, "not recorded"},
		"/big?size=3145728&chunked=1": {"tee", limit, "complete"},
		"/big?size=3145729&chunked=1": {"pass", limit + 1, "not recorded"},
	} {
		f := s.flow(path)
		f.completed()
		if got := f.Response; got != want {
			t.Errorf("%s is recorded as %+v, not %+v", path, got, want)
		}
	}
}
