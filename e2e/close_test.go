package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// A client that closes as soon as it has all of a response has not left early:
// whatever the proxy was still doing then, every flow is completed.
func TestClientClosesRightAfterTheResponse(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p := start(t)
	target := strings.TrimPrefix(o.HTTPS, "https://")
	const clients, rounds = 4, 50
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := range rounds {
				var conn net.Conn = tunnel(t, p, target)
				config := trusting(t, p.CA)
				config.ServerName = "localhost"
				secure := tls.Client(conn, config)
				path := []string{"/hello", "/big?size=100000", "/big?size=100000&chunked=1"}[(c+i)%3]
				fmt.Fprintf(secure, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, target)
				r, err := http.ReadResponse(bufio.NewReader(secure), nil)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					t.Error(err)
				}
				conn.Close()
			}
		})
	}
	wg.Wait()
	s := p.recorded()
	for _, f := range s.flows {
		f.completed()
	}
	if len(s.flows) != clients*rounds {
		t.Errorf("%d flows are recorded, not %d", len(s.flows), clients*rounds)
	}
}
