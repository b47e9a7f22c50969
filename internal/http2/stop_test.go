package http2

//lint:file-ignore SA1019 the counterparts of these tests are x/net's own client and server

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	h2 "golang.org/x/net/http2"

	"midstream/internal/transport"
)

// A client that is idle, and stays, does not hold a stop up: it gets GOAWAY and
// the end of the connection at once.
func TestStopDoesNotWaitForAnIdleClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		srv := NewServer(transport.New(b), ServerConfig{})
		served := make(chan error, 1)
		go func() { served <- srv.Serve(context.Background(), func(st *Stream) { answer(st, 204, "", nil) }) }()
		frames := make(chan h2.FrameType, 20)
		over := make(chan struct{})
		fr := h2.NewFramer(a, a)
		go func() {
			defer close(over)
			for {
				f, err := fr.ReadFrame()
				if err != nil {
					return
				}
				frames <- f.Header().Type
			}
		}()
		a.Write([]byte(h2.ClientPreface))
		fr.WriteSettings()
		synctest.Wait()
		begin := time.Now()
		srv.Stop()
		if err := <-served; err != nil || time.Since(begin) > 0 {
			t.Errorf("served until %v later, %v", time.Since(begin), err)
		}
		<-over
		close(frames)
		last := h2.FrameType(0)
		for f := range frames {
			last = f
		}
		if last != h2.FrameGoAway {
			t.Errorf("the last frame is %v", last)
		}
		a.Close()
	})
}
