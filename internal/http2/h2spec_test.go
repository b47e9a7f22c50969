package http2

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"midstream/flow"
	"midstream/internal/transport"
)

// h2spec is a pinned build of the conformance tests; it has no module of its own.
const h2spec = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"

// buildH2spec returns the program, or skips the test with the reason.
func buildH2spec(t *testing.T) string {
	t.Helper()
	if bin := os.Getenv("H2SPEC"); bin != "" {
		return bin
	}
	if testing.Short() {
		t.Skip("h2spec is not built in a short run; set H2SPEC to use one that is there")
	}
	dir := t.TempDir()
	cmd := exec.Command("go", "install", h2spec)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=-mod=mod")
	if out, err := cmd.CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		t.Skipf("h2spec could not be built: %v: %s", err, lines[len(lines)-1])
	}
	return filepath.Join(dir, "h2spec")
}

func TestTheServerPassesH2spec(t *testing.T) {
	bin := buildH2spec(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				NewServer(transport.New(nc), ServerConfig{}).Serve(ctx, func(st *Stream) {
					readBody(st.Body())
					head := &flow.Response{Status: 200}
					sink, err := st.Respond(head, flow.Framing{Kind: flow.Chunked})
					if err != nil {
						return
					}
					sink.Write([]byte("an answer of more than five octets"))
					sink.Close(nil)
				})
			})
		}
	})
	defer wg.Wait()
	defer cancel()
	defer l.Close()
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	for name, args := range map[string][]string{"all": nil, "strict": {"--strict"}} {
		out, err := exec.Command(bin, append([]string{"-h", "127.0.0.1", "-p", port, "-o", "2"}, args...)...).CombinedOutput()
		text := string(out)
		lines := strings.Split(strings.TrimSpace(text), "\n")
		t.Logf("%s: %s", name, lines[len(lines)-1])
		if err != nil || !strings.Contains(text, " 0 skipped, 0 failed") {
			if i := strings.Index(text, "Failures:"); i >= 0 {
				text = text[i:]
			}
			t.Errorf("h2spec %s: %v\n%s", name, err, text)
		}
	}
}
