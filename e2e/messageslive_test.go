package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// At detail 3 messages are printed as they pass: while the body goes on.
func TestMessagesArePrintedAsTheyPass(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	next := make(chan string)
	o.mux.HandleFunc("/live-events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		for event := range next {
			io.WriteString(w, event)
			w.(http.Flusher).Flush()
		}
	})
	p := start(t, "--flow-detail", "3")
	resp, err := p.client().Get(o.HTTP + "/live-events")
	if err != nil {
		close(next)
		t.Fatal(err)
	}
	defer resp.Body.Close()
	next <- "event: delta\ndata: first\n\n"
	p.waitStdout(`(?m)^1 << \+\S+ 26b event: delta  data: first$`)
	next <- "data: \x1b]0;owned\x07\n\n"
	p.waitStdout(`(?m)^1 << \+\S+ 18b data: \\x1b\]0;owned\\x07$`)
	close(next)
	io.Copy(io.Discard, resp.Body)

	address := echoing(t, false)
	conn := tunnel(t, p, address)
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil {
		t.Fatalf("%q %v", line, err)
	}
	fmt.Fprint(conn, "hello\n")
	p.waitStdout(`(?m)^2 >> \+\S+ 6b client  hello$`)
	p.waitStdout(`(?m)^2 << \+\S+ 10b server  got hello$`)
	conn.Close()

	o.webSocket(t, "/ws", "", echo)
	e := dialWebSocket(t, p, o.HTTP, "/ws")
	e.send(0x81, "hi there")
	p.waitStdout(`(?m)^\d+ >> \+\S+ 8b client text  hi there$`)
	p.waitStdout(`(?m)^\d+ << \+\S+ 8b server text  hi there$`)
	e.conn.Close()
	p.stop()
	if strings.Count(p.stdout.String(), "data: first") != 1 {
		t.Errorf("the content is printed once more:\n%s", p.stdout.String())
	}
}
