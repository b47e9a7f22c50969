package proxy

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// TestVanishingClients has clients leave at each phase of a tunnel, and expects
// that nothing of them stays.
func TestVanishingClients(t *testing.T) {
	_, port := webOrigin(t, true)
	silent := rawOrigin(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	r := newRig(t, nil)
	target, mute := local(port), local(silent)
	phases := []func(p *peer){
		func(p *peer) {},
		func(p *peer) { io.WriteString(p, "CONN") },
		func(p *peer) { io.WriteString(p, "CONNECT "+target+" HTTP/1.1\r\n\r\n") },
		func(p *peer) { p.connect(target) },
		func(p *peer) { p.connect(local(closedPort(t))) },
		func(p *peer) { p.connect(target); p.Write([]byte{22, 3}) },
		func(p *peer) { p.connect(target); p.Write(firstFlight(t, &tls.Config{ServerName: "h.test"})) },
		func(p *peer) { p.connect(mute); p.Write(firstFlight(t, &tls.Config{ServerName: "h.test"})) },
		func(p *peer) { p.connect(target); p.secure(&tls.Config{ServerName: "h.test"}) },
		func(p *peer) {
			p.connect(target)
			if s, err := p.secure(&tls.Config{ServerName: "h.test"}); err == nil {
				io.WriteString(s, "GET / HTTP/1.1\r\n")
			}
		},
		func(p *peer) {
			p.connect(mute)
			io.WriteString(p, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		},
		func(p *peer) { p.connect(mute); io.WriteString(p, "\x00raw") },
		func(p *peer) { io.WriteString(p, "GET http://"+mute+"/ HTTP/1.1\r\nHost: h\r\n\r\n") },
		func(p *peer) { p.Write(firstFlight(t, &tls.Config{ServerName: "h.test"})) },
	}
	each := 25
	if testing.Short() {
		each = 3
	}
	run := func(n int) {
		var wg sync.WaitGroup
		for i, phase := range phases {
			wg.Go(func() {
				for j := range n {
					c, err := net.Dial("tcp", r.addr)
					if err != nil {
						t.Error(err)
						return
					}
					p := newPeer(t, c)
					phase(p)
					if (i+j)%2 == 0 {
						c.(*net.TCPConn).SetLinger(0)
					}
					c.Close()
				}
			})
		}
		wg.Wait()
	}
	run(1)
	settle := func() (goroutines, files int) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for ctx.Err() == nil {
			r.p.mu.Lock()
			n := len(r.p.open)
			r.p.mu.Unlock()
			if n == 0 {
				break
			}
			runtime.Gosched()
		}
		fds, _ := os.ReadDir("/proc/self/fd")
		return runtime.NumGoroutine(), len(fds)
	}
	g0, f0 := settle()
	run(each)
	// The origins' goroutines and files go a little later than the proxy's.
	for late := time.Now().Add(patience); ; {
		g1, f1 := settle()
		if g1 <= g0+2 && f1 <= f0+2 {
			break
		}
		if time.Now().After(late) {
			buf := make([]byte, 1<<20)
			t.Fatalf("goroutines %d to %d, files %d to %d\n%s", g0, g1, f0, f1, buf[:runtime.Stack(buf, true)])
		}
		runtime.Gosched()
	}
}
