package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"
)

// h2Answer is what a stream of frames was answered with: its fields, name=value, its
// content, and how it ended.
type h2Answer struct {
	fields  []string
	content string
	reset   string
}

func (a h2Answer) status() string {
	for _, f := range a.fields {
		if v, ok := strings.CutPrefix(f, ":status="); ok {
			return v
		}
	}
	return a.reset
}

// answer reads the response on a stream.
func (f *frames) answer(t *testing.T, id uint32) (a h2Answer) {
	t.Helper()
	for {
		frame, err := f.next()
		if err != nil {
			t.Fatalf("behind %+v: %v", a, err)
		}
		if frame.Header().StreamID != id {
			continue
		}
		switch x := frame.(type) {
		case *http2.MetaHeadersFrame:
			for _, h := range x.Fields {
				a.fields = append(a.fields, h.Name+"="+h.Value)
			}
		case *http2.DataFrame:
			a.content += string(x.Data())
		case *http2.RSTStreamFrame:
			a.reset = x.ErrCode.String()
			return a
		}
		if frame.Header().Flags.Has(http2.FlagDataEndStream) {
			return a
		}
	}
}

// tellingOrigin answers each request with the lines of its head, over HTTP/1.1 as
// they came, over HTTP/2 as name: value; and with two cookies.
func tellingOrigin(t *testing.T, p *proxy, two bool) string {
	if two {
		return newFrameOrigin(t, p, func(f *frames) {
			for {
				frame, err := f.next()
				if err != nil {
					return
				}
				if r, ok := frame.(*http2.MetaHeadersFrame); ok {
					var lines string
					for _, h := range r.Fields {
						lines += h.Name + ": " + h.Value + "\n"
					}
					f.head(r.StreamID, false, ":status", "200", "set-cookie", "a=1", "x-other", "y", "set-cookie", "b=2; Expires=Wed, 21 Oct 2037 07:28:00 GMT")
					f.WriteData(r.StreamID, true, []byte(lines))
				}
			}
		})
	}
	return "https://localhost:" + port(newRawOrigin(t, p, true, func(c *peer) {
		for {
			var lines string
			for !strings.HasSuffix(lines, "\n\n") {
				line, err := c.in.ReadString('\n')
				if err != nil {
					return
				}
				lines += strings.TrimSuffix(line, "\r\n") + "\n"
			}
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX-Other: y\r\nSet-Cookie: b=2; Expires=Wed, 21 Oct 2037 07:28:00 GMT\r\nContent-Length: %d\r\n\r\n%s", len(lines), lines)
		}
	}).Addr)
}

// Cookies of HTTP/2 are one line of HTTP/1 and never joined the other way; what a rule
// or a script adds with capitals is of small letters over HTTP/2, and what would break
// the message of either version is refused where it is added.
func TestCasesFieldsBetweenVersions(t *testing.T) {
	t.Parallel()
	for _, two := range []bool{true, false} {
		t.Run(fmt.Sprint("to HTTP/2 ", two), func(t *testing.T) {
			t.Parallel()
			p := start(t, "--set", "modify_headers=/~q/X-By-Rule/asked", "--set", "modify_headers=/~s/X-By-Rule/answered", "-s", scriptFile(t, `
export function requestheaders(flow) {
  flow.request.headers["X-By-Script"] = "asked";
  flow.request.headers.add("X-By-SCRIPT", "twice");
  if (flow.request.path === "/split") try { flow.request.headers["X-Split"] = "a\r\nX-Other: b"; } catch (e) { flow.comment = "refused"; }
}
export function responseheaders(flow) { flow.response.headers["X-By-Script"] = "answered"; }`))
			f, authority := h2Through(t, p, tellingOrigin(t, p, two))
			head := []string{":method", "GET", ":scheme", "https", ":authority", authority, ":path", "/", "cookie", "a=1", "x-first", "1", "cookie", "b=2", "cookie", "c=3; d=4"}
			f.head(1, true, head...)
			got := f.answer(t, 1)
			lines := strings.Split(strings.TrimSpace(got.content), "\n")
			var cookies []string
			for _, line := range lines {
				if name, value, _ := strings.Cut(line, ": "); strings.EqualFold(name, "cookie") {
					cookies = append(cookies, value)
				}
				if name, _, _ := strings.Cut(line, ": "); two && strings.ToLower(name) != name {
					t.Errorf("over HTTP/2 came %q", line)
				}
			}
			if joined := strings.Join(cookies, "; "); joined != "a=1; b=2; c=3; d=4" || !two && len(cookies) != 1 || two && len(cookies) != 3 {
				t.Errorf("the cookies came as %q", cookies)
			}
			for _, want := range []string{"x-by-rule: asked", "x-by-script: asked", "x-by-script: twice"} {
				if !slices.ContainsFunc(lines, func(l string) bool { return strings.EqualFold(l, want) }) {
					t.Errorf("no %q among %q", want, lines)
				}
			}
			for _, want := range []string{":status=200", "set-cookie=a=1", "set-cookie=b=2; Expires=Wed, 21 Oct 2037 07:28:00 GMT", "x-by-rule=answered", "x-by-script=answered"} {
				if !slices.Contains(got.fields, want) {
					t.Errorf("no %q among %q", want, got.fields)
				}
			}
			head[7] = "/split"
			f.head(3, true, head...)
			if got := f.answer(t, 3); strings.Contains(strings.ToLower(got.content), "\nx-other: b") {
				t.Errorf("a value of a script has split the head: %q", got.content)
			}
			// HTTP/1 towards either.
			c := secure(t, p, authority, "localhost")
			fmt.Fprintf(c, "GET /one HTTP/1.1\r\nHost: %s\r\nCookie: a=1; b=2\r\n\r\n", authority)
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			content, _ := io.ReadAll(resp.Body)
			if low := strings.ToLower(string(content)); len(resp.Header["Set-Cookie"]) != 2 || !strings.Contains(low, "x-by-rule: asked\n") ||
				!strings.Contains(low, "cookie: a=1; b=2\n") && !strings.Contains(low, "cookie: a=1\ncookie: b=2\n") {
				t.Errorf("over HTTP/1.1: %q, %q", content, resp.Header)
			}
		})
	}
}

// A target, an authority or a method that would split a request of HTTP/1 reaches
// nobody, and neither does a field that HTTP/1 would be refused for: what is refused in
// one version is in the other.
func TestCasesHeadsRefusedInBothVersions(t *testing.T) {
	t.Parallel()
	p := start(t, "--set", "connection_strategy=lazy")
	a := &arrivals{}
	base := h2Server(t, onlyHTTP1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.add("%s %s", r.Method, r.RequestURI) }))
	f, authority := h2Through(t, p, base)
	id := uint32(1)
	for name, c := range map[string]struct {
		with [4]string // method, scheme, authority, path; "" is a good one
		more [2]string
		same string // the lines of HTTP/1 that say the same, with %s for the authority; "" where none can
	}{
		"line end in the path":        {[4]string{3: "/a HTTP/1.1\r\nX: y"}, [2]string{}, ""},
		"space in the path":           {[4]string{3: "/a b"}, [2]string{}, ""},
		"line feed in the path":       {[4]string{3: "/a\nb"}, [2]string{}, ""},
		"NUL in the path":             {[4]string{3: "/a\x00b"}, [2]string{}, "GET /a\x00b HTTP/1.1\r\nHost: %s\r\n\r\n"},
		"another form of path":        {[4]string{3: "a"}, [2]string{}, ""},
		"space in the method":         {[4]string{"GET /x HTTP/1.1\r\n"}, [2]string{}, ""},
		"method that is no token":     {[4]string{"G(T"}, [2]string{}, "G(T / HTTP/1.1\r\nHost: %s\r\n\r\n"},
		"line end in the authority":   {[4]string{2: "h\r\nX: y"}, [2]string{}, ""},
		"user in the authority":       {[4]string{2: "u:p@h.test"}, [2]string{}, "GET / HTTP/1.1\r\nHost: u:p@h.test\r\n\r\n"},
		"path in the authority":       {[4]string{2: "h.test/x"}, [2]string{}, "GET / HTTP/1.1\r\nHost: h.test/x\r\n\r\n"},
		"space in a name":             {[4]string{}, [2]string{"x y", "z"}, ""},
		"line end in a name":          {[4]string{}, [2]string{"x\r\ny", "z"}, ""},
		"colon in a name":             {[4]string{}, [2]string{"x:y", "z"}, ""},
		"line end in a value":         {[4]string{}, [2]string{"x", "y\r\nZ: 1"}, ""},
		"line feed in a value":        {[4]string{}, [2]string{"x", "y\nZ: 1"}, ""},
		"NUL in a value":              {[4]string{}, [2]string{"x", "y\x00z"}, "GET / HTTP/1.1\r\nHost: %s\r\nX: y\x00z\r\n\r\n"},
		"transfer-encoding":           {[4]string{}, [2]string{"transfer-encoding", "chunked"}, ""},
		"length that is none":         {[4]string{}, [2]string{"content-length", "5x"}, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 5x\r\n\r\n"},
		"negative length":             {[4]string{}, [2]string{"content-length", "-1"}, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: -1\r\n\r\n"},
		"upgrade":                     {[4]string{}, [2]string{"upgrade", "websocket"}, ""},
		"a length that nobody sends":  {[4]string{}, [2]string{"content-length", "7"}, ""},
		"another host in a field":     {[4]string{}, [2]string{"host", "other.test"}, ""},
		"a proxy's field of HTTP/1":   {[4]string{}, [2]string{"proxy-connection", "keep-alive"}, ""},
		"a connection field of HTTP1": {[4]string{}, [2]string{"keep-alive", "timeout=5"}, ""},
	} {
		head := []string{":method", "GET", ":scheme", "https", ":authority", authority, ":path", "/"}
		for i, v := range c.with {
			if v != "" {
				head[2*i+1] = v
			}
		}
		if c.more[0] != "" {
			head = append(head, c.more[:]...)
		}
		f.head(id, true, head...)
		if got := f.answer(t, id); got.reset != "PROTOCOL_ERROR" && got.status() != "400" && got.status() != "421" {
			t.Errorf("%s: answered with %+v", name, got)
		}
		id += 2
		if c.same == "" {
			continue
		}
		conn := secure(t, p, authority, "localhost")
		text := c.same
		if strings.Contains(text, "%s") {
			text = fmt.Sprintf(text, authority)
		}
		io.WriteString(conn, text)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil && (resp.StatusCode < 400 || resp.StatusCode > 499) {
			t.Errorf("%s, over HTTP/1.1: answered with %d", name, resp.StatusCode)
		}
		conn.Close()
	}
	f.head(id, true, ":method", "GET", ":scheme", "https", ":authority", authority, ":path", "/good")
	if got := f.answer(t, id); got.status() != "200" {
		t.Errorf("behind them: %+v", got)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.Equal(a.lines, []string{"GET /good"}) {
		t.Errorf("the origin got %q", a.lines)
	}
}

// Many small requests at once, most of them for what has not changed, over one
// connection: all are answered, those that have no body have none, and a server that
// takes few streams at a time is asked over several connections instead of being
// refused.
func TestCasesManyRequestsAtOnce(t *testing.T) {
	t.Parallel()
	for _, few := range []uint32{0, 7} {
		t.Run(fmt.Sprint("streams ", few), func(t *testing.T) {
			t.Parallel()
			p := start(t)
			base := newFrameOrigin(t, p, func(f *frames) {
				if few > 0 {
					f.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: few})
				}
				f.WriteWindowUpdate(0, 1<<30)
				for {
					frame, err := f.next()
					if err != nil {
						return
					}
					r, ok := frame.(*http2.MetaHeadersFrame)
					if !ok {
						continue
					}
					if path := r.PseudoValue("path"); strings.HasSuffix(path, "3") {
						f.head(r.StreamID, false, ":status", "200")
						f.WriteData(r.StreamID, true, []byte(path))
					} else {
						f.head(r.StreamID, true, ":status", "304", "etag", `"x"`)
					}
				}
			})
			f, authority := h2Through(t, p, base)
			const total, limit = 1500, 100
			room := make(chan struct{}, limit)
			var over sync.WaitGroup
			over.Go(func() {
				for i := range uint32(total) {
					room <- struct{}{}
					f.head(2*i+1, true, ":method", "GET", ":scheme", "https", ":authority", authority, ":path", fmt.Sprint("/", i), "if-none-match", `"x"`)
				}
			})
			got := map[uint32]h2Answer{}
			for ended := 0; ended < total; {
				frame, err := f.ReadFrame()
				if err != nil {
					t.Fatalf("behind %d: %v", ended, err)
				}
				id := frame.Header().StreamID
				a := got[id]
				switch x := frame.(type) {
				case *http2.MetaHeadersFrame:
					a.fields = append(a.fields, ":status="+x.PseudoValue("status"))
				case *http2.DataFrame:
					a.content += string(x.Data())
					if a.status() == "304" {
						t.Errorf("DATA on a 304")
					}
				case *http2.RSTStreamFrame:
					t.Fatalf("stream %d: %v", id, x.ErrCode)
				default:
					continue
				}
				if got[id] = a; frame.Header().Flags.Has(http2.FlagDataEndStream) {
					ended++
					<-room
				}
			}
			over.Wait()
			for i := range uint32(total) {
				want := h2Answer{fields: []string{":status=304"}}
				if path := fmt.Sprint("/", i); strings.HasSuffix(path, "3") {
					want = h2Answer{fields: []string{":status=200"}, content: path}
				}
				if a := got[2*i+1]; fmt.Sprint(a) != fmt.Sprint(want) {
					t.Errorf("%d: %+v", i, a)
				}
			}
		})
	}
}
