package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// words are the pieces of an answer.
var words = []string{"one", "two", "three", "four", "five"}

// confirmed sends pieces by write, each after the client has confirmed, by /came,
// that the one before has come: one that is held back anywhere stops it for good.
type confirmed struct{ came chan string }

func newConfirmed() confirmed { return confirmed{make(chan string, len(words))} }

func (c confirmed) handle(mux *http.ServeMux) {
	mux.HandleFunc("/came", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		c.came <- string(b)
	})
}

func (c confirmed) send(w http.ResponseWriter, r *http.Request, write func(word string)) {
	for _, word := range words {
		write(word)
		w.(http.Flusher).Flush()
		select {
		case got := <-c.came:
			if got != word {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}

// events is a resource of server-sent events, a word each.
func (c confirmed) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	c.send(w, r, func(word string) { fmt.Fprintf(w, "data: %s\n\n", word) })
}

// completions is the chat API of a language model, as far as its clients need it.
func (c confirmed) completions(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Model    string
		Stream   bool
		Messages []struct{ Role, Content string }
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || r.Header.Get("Authorization") != "Bearer key" || len(asked.Messages) != 1 {
		http.Error(w, `{"error":{"message":"not understood"}}`, 400)
		return
	}
	if !asked.Stream {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"c1","object":"chat.completion","created":1,"model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}]}`, asked.Model, strings.Join(words, " "))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	chunk := func(delta, finish string) {
		fmt.Fprintf(w, "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":%q,\"choices\":[{\"index\":0,\"delta\":%s,\"finish_reason\":%s}]}\n\n", asked.Model, delta, finish)
	}
	chunk(`{"role":"assistant","content":""}`, "null")
	c.send(w, r, func(word string) { chunk(fmt.Sprintf(`{"content":%q}`, word), "null") })
	chunk("{}", `"stop"`)
	io.WriteString(w, "data: [DONE]\n\n")
}

// modules is where scripts/deps puts the packages of Node that tests need.
func modules(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip(err)
	}
	dir := filepath.Join(cache, "midstream-test")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "openai")); err != nil {
		t.Skip("the packages openai and undici of Node are not installed: scripts/deps")
	}
	return dir
}

// A client of a language model gets the pieces of an answer when the model says
// them, in each version and by each way.
func TestOpenAIStreams(t *testing.T) {
	node, dir := need(t, "node"), modules(t)
	t.Parallel()
	for _, c := range []struct {
		name    string
		origin  []string
		reverse bool
		version string
	}{
		{"CONNECT, 1 to 1", onlyHTTP1, false, "1"},
		{"CONNECT, 1 to 1 of both", bothHTTP, false, "1"},
		{"reverse, 2 to 2", bothHTTP, true, "2"},
		{"reverse, 2 to 1", onlyHTTP1, true, "2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said := newConfirmed()
			mux := http.NewServeMux()
			mux.HandleFunc("/v1/chat/completions", said.completions)
			said.handle(mux)
			base := h2Server(t, c.origin, mux)
			var p *proxy
			env := []string{"MODULES=" + dir, "VERSION=" + c.version}
			if c.reverse {
				p = start(t, "--mode", "reverse:"+base, "--set", "connection_strategy=lazy")
				env = append(env, "ORIGIN=https://localhost:"+port(p.Addr))
			} else {
				p = start(t)
				env = append(env, "ORIGIN="+base, "PROXY="+p.URL())
			}
			got := run(t, append(env, "CA="+p.CA), node, "testdata/client_openai.mjs")
			want := "piece " + strings.Join(words, "\npiece ") + "\nwhole " + strings.Join(words, " ") + "\n"
			if strings.ReplaceAll(got, "\r", "") != want {
				t.Errorf("the client got:\n%s\nnot:\n%s", got, want)
			}
			s := p.recorded()
			for _, f := range s.flows {
				f.completed()
			}
			if len(s.flows) != len(words)+2 {
				t.Errorf("%d flows are recorded", len(s.flows))
			}
			f := s.flow("/v1/chat/completions")
			page := p.midstream("flows", "show", strconv.FormatUint(f.Number, 10), "--session", p.Session)
			if strings.Contains(page, "HTTP/2 fingerprint: ") != (c.version == "2") {
				t.Errorf("the client's version is not %s:\n%s", c.version, page)
			}
		})
	}
}

func TestHTTP2Httpx(t *testing.T) {
	const python = "/usr/bin/python3" // Debian's, which has the libraries
	if exec.Command(python, "-c", "import httpx, h2").Run() != nil {
		t.Skip("python3-httpx and python3-h2 are not installed: scripts/deps")
	}
	t.Parallel()
	said := newConfirmed()
	mux := gallery(nil)
	mux.HandleFunc("/events", said.events)
	said.handle(mux)
	p, base, wrong := betweenVersions[0].startFor(t, mux)
	got := run(t, []string{"ORIGIN=" + base, "PROXY=" + p.URL(), "CA=" + p.CA}, python, "testdata/client_httpx.py")
	want := "version HTTP/2\nsmall True 2\necho 3000000 " + textSHA256(strings.Repeat("0123456789", 300_000)) +
		"\nhead 200 0\nevent " + strings.Join(words, "\nevent ") + "\n"
	if got != want || wrong.Load() > 0 {
		t.Errorf("the client got:\n%s\nnot:\n%s\n%d requests came in another version", got, want, wrong.Load())
	}
	for _, f := range p.recorded().flows {
		f.completed()
	}
}

// A page gets its events over HTTP/2 when they are sent.
func TestHTTP2ChromiumEventSource(t *testing.T) {
	t.Parallel()
	said, reports := newConfirmed(), make(chan string, 1)
	mux := gallery(reports)
	mux.HandleFunc("/events", said.events)
	said.handle(mux)
	mux.HandleFunc("/live", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, `<!doctype html><script>
const got = [], source = new EventSource("/events");
source.onmessage = (e) => { got.push(e.data); fetch("/came", { method: "POST", body: e.data }); };
source.onerror = () => {
  source.close();
  const version = performance.getEntriesByType("navigation")[0].nextHopProtocol;
  fetch("/report", { method: "POST", body: got.join(" ") + ", " + version });
};
</script>`)
	})
	p, base, wrong := betweenVersions[0].startFor(t, mux)
	if report := p.browse("http", base+"/live", reports); report != strings.Join(words, " ")+", h2" || wrong.Load() > 0 {
		t.Errorf("the page reports %q; %d requests came in another version", report, wrong.Load())
	}
	p.recorded().flow("/events").completed()
}
