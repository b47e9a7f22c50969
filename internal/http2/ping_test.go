package http2

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
	"midstream/internal/transport"
)

// pinged is a peer on a pipe, as a server or as a client, that answers the first
// answers PINGs and says nothing else of itself.
type pinged struct {
	nc      net.Conn
	fr      *h2.Framer
	answers int
	at      []time.Duration // when each PING came, since the first frame
	over    chan struct{}
}

func (p *pinged) run() {
	defer close(p.over)
	begin := time.Now()
	for {
		f, err := p.fr.ReadFrame()
		if err != nil {
			return
		}
		switch f := f.(type) {
		case *h2.SettingsFrame:
			if !f.IsAck() {
				p.fr.WriteSettingsAck()
			}
		case *h2.PingFrame:
			p.at = append(p.at, time.Since(begin))
			if len(p.at) <= p.answers {
				p.fr.WritePing(true, f.Data)
			}
		}
	}
}

// buffered is a pipe whose writes do not wait for the other end's reads.
func buffered(c net.Conn) net.Conn {
	b := &bufferedConn{Conn: c, in: make(chan []byte, 1000), done: make(chan struct{})}
	go func() {
		defer close(b.done)
		for p := range b.in {
			c.Write(p)
		}
	}()
	return b
}

type bufferedConn struct {
	net.Conn
	in   chan []byte
	done chan struct{}
}

func (b *bufferedConn) Write(p []byte) (int, error) {
	b.in <- append([]byte(nil), p...)
	return len(p), nil
}

func (b *bufferedConn) Close() error {
	err := b.Conn.Close()
	close(b.in)
	<-b.done
	return err
}

// A peer is asked for a sign of life after the time of silence, as long as
// a stream is open, and is dead when it does not answer.
func TestPings(t *testing.T) {
	const second = time.Second
	for _, c := range []struct {
		name     string
		interval time.Duration
		answers  int
		idle     time.Duration // before a stream is opened
		patience time.Duration // of who waits for the response
		pings    int
		dead     bool
	}{
		{name: "default, no answer", patience: time.Hour, pings: 1, dead: true},
		{name: "default, answers twice", answers: 2, patience: time.Hour, pings: 3, dead: true},
		{name: "default, always answers", answers: 1000, patience: 10 * time.Minute, pings: 7},
		{name: "10 s, no answer", interval: 10 * second, patience: time.Hour, pings: 1, dead: true},
		{name: "never", interval: -1, patience: 24 * time.Hour},
		{name: "nobody asks an idle one", idle: 5 * time.Minute, patience: 10 * second},
	} {
		t.Run("client, "+c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				cl, err := NewClient(transport.New(a), ClientConfig{PingInterval: c.interval})
				if err != nil {
					t.Fatal(err)
				}
				b = buffered(b)
				p := &pinged{nc: b, fr: h2.NewFramer(b, b), answers: c.answers, over: make(chan struct{})}
				io.ReadFull(b, make([]byte, len(h2.ClientPreface)))
				p.fr.WriteSettings()
				go p.run()
				time.Sleep(c.idle)
				synctest.Wait()
				if len(p.at) != 0 {
					t.Errorf("asked after %v without a stream", p.at)
				}
				call := open(t, cl, request("GET", "/"), flow.Framing{})
				ctx, cancel := context.WithTimeout(context.Background(), c.patience)
				defer cancel()
				begin := time.Now()
				_, _, err = call.Head(ctx) // the clock runs while all wait
				took := time.Since(begin)
				e := flowError(t, err)
				if dead := e.Cause == flow.Timeout && ctx.Err() == nil; dead != c.dead {
					t.Errorf("%v after %v", err, took)
				}
				call.Close()
				cl.Close()
				b.Close()
				<-p.over
				if c.pings != 0 && len(p.at) < c.pings || len(p.at) > c.pings+1 || c.pings == 0 && len(p.at) > 0 || c.dead && len(p.at) != c.pings {
					t.Errorf("asked at %v, want %d times", p.at, c.pings)
				}
				every := pingAfter(c.interval)
				if c.dead && took > time.Duration(c.pings)*(every+tickTime)+answerTime+tickTime {
					t.Errorf("found dead after %v", took)
				}
			})
		})
	}
	t.Run("server", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			a = buffered(a)
			srv := NewServer(transport.New(b), ServerConfig{})
			why := make(chan error, 1)
			served := make(chan struct{})
			go func() {
				defer close(served)
				srv.Serve(context.Background(), func(st *Stream) {
					<-st.Context().Done()
					why <- context.Cause(st.Context())
				})
			}()
			io.WriteString(a, h2.ClientPreface)
			p := &pinged{nc: a, fr: h2.NewFramer(a, a), answers: 1, over: make(chan struct{})}
			p.fr.WriteSettings()
			newPeerOn(t, p.fr).get(1)
			go p.run()
			err := <-why
			if e, ok := errors.AsType[*flow.Error](err); !ok || e.Cause != flow.Timeout || e.Peer != flow.AtClient {
				t.Errorf("%v", err)
			}
			<-served
			a.Close()
			<-p.over
			if len(p.at) != 2 {
				t.Errorf("asked at %v", p.at)
			}
		})
	})
}
