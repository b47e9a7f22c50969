package e2e

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// recording is what a proxy has left on disk.
type recording struct {
	p     *proxy
	lines string
	flows []recorded
}

// recorded is one flow, as `midstream flows list --json` tells it.
type recorded struct {
	t        testing.TB
	Number   uint64 `json:"number"`
	Kind     string `json:"kind"`
	Method   string `json:"method"`
	URL      string `json:"url"`
	Status   int    `json:"status"`
	Request  sized  `json:"request_body"`
	Response sized  `json:"response_body"`
	Outcome  string `json:"outcome"`
	Error    string `json:"error"`
}

type sized struct {
	Disposition string `json:"disposition"`
	Size        int64  `json:"size"`
	Record      string `json:"record"`
}

// live returns the number of a flow that runs, as soon as it is on disk: what a
// proxy records is written in batches. Each look is a process of its own, which
// is pace enough.
func (p *proxy) live(path string) string {
	p.t.Helper()
	for give := time.Now().Add(patience); time.Now().Before(give); {
		for line := range strings.Lines(p.midstream("flows", "list", "--session", p.Session, "--json")) {
			var f recorded
			if json.Unmarshal([]byte(line), &f) == nil && strings.HasSuffix(f.URL, path) {
				return strconv.FormatUint(f.Number, 10)
			}
		}
	}
	p.t.Fatalf("no flow for %s comes into the session", path)
	return ""
}

// recorded stops the proxy and reads its session, so that nothing is on its way
// to the disk any more.
func (p *proxy) recorded() *recording {
	p.t.Helper()
	p.stop()
	r := &recording{p: p, lines: p.midstream("flows", "list", "--session", p.Session, "--json")}
	in := bufio.NewScanner(strings.NewReader(r.lines))
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		f := recorded{t: p.t}
		if err := json.Unmarshal(in.Bytes(), &f); err != nil {
			p.t.Fatalf("flows list --json: %v in %s", err, in.Text())
		}
		r.flows = append(r.flows, f)
	}
	return r
}

// flow returns the last flow whose URL ends with the path.
func (r *recording) flow(path string) recorded {
	r.p.t.Helper()
	for i := len(r.flows) - 1; i >= 0; i-- {
		if strings.HasSuffix(r.flows[i].URL, path) {
			return r.flows[i]
		}
	}
	r.p.t.Fatalf("no flow for %s in the session:\n%s", path, r.lines)
	return recorded{}
}

// body returns the recorded octets of a flow's response (or request, with
// "--request"), content coding kept.
func (r *recording) body(f recorded, args ...string) string {
	r.p.t.Helper()
	return r.p.midstream(append([]string{"flows", "body", "--session", r.p.Session, "--raw", strconv.FormatUint(f.Number, 10)}, args...)...)
}

// show returns `midstream flows show` of a flow.
func (r *recording) show(f recorded) string {
	r.p.t.Helper()
	return r.p.midstream("flows", "show", "--session", r.p.Session, strconv.FormatUint(f.Number, 10))
}

// text is all flows as a person is shown them.
func (r *recording) text() string {
	r.p.t.Helper()
	var all strings.Builder
	all.WriteString(r.lines)
	for _, f := range r.flows {
		all.WriteString(r.show(f))
	}
	return all.String()
}

// completed wants the flow to have ended well.
func (f recorded) completed() {
	f.t.Helper()
	if f.Outcome != "completed" {
		f.t.Errorf("%s %s ended as %q: %s", f.Method, f.URL, f.Outcome, f.Error)
	}
}

func fileSHA256(t testing.TB, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sum := sha256.New()
	io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil))
}

func textSHA256(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// What a script marks stays while the session drops what is older.
func TestMarkedFlowsStay(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "mark.js")
	write(t, script, "export function request(flow) { if (flow.request.path.includes('keep')) flow.marked = 'keep' }\n")
	o := newOrigin(t)
	p := start(t, "-s", script, "--set", "session_max_size=16m", "--set", "session_min_free=0")
	const size = 1 << 20
	var paths []string
	for i := range 48 {
		path := "/big?size=" + strconv.Itoa(size) + "&n=" + strconv.Itoa(i)
		if i%12 == 0 {
			path += "&keep=1"
		}
		n, err := io.Copy(io.Discard, get(t, p.client(), o.HTTP+path).Body)
		if err != nil || n != size {
			t.Fatal(n, err)
		}
		paths = append(paths, path)
	}
	s := p.recorded()
	gone := 0
	for _, path := range paths {
		f := s.flow(path)
		f.completed()
		out, stderr, err := p.try("flows", "body", "--session", p.Session, "--raw", strconv.FormatUint(f.Number, 10))
		switch keep := strings.HasSuffix(path, "&keep=1"); {
		case err == nil && textSHA256(out) == patternSHA256(size):
		case keep:
			t.Errorf("%s is marked: %d bytes are left, %v %s", path, len(out), err, stderr)
		case !strings.Contains(stderr, "removed to keep the session within session_max_size"):
			t.Errorf("%s: %v %s", path, err, stderr)
		default:
			gone++
		}
	}
	if gone < 24 {
		t.Errorf("only %d bodies have gone", gone)
	}
}
