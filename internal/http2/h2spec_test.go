package http2

import (
	"context"
	"net"
	"sync"
	"testing"

	"midstream/flow"
	"midstream/internal/h2spec"
	"midstream/internal/transport"
)

func TestTheServerPassesH2spec(t *testing.T) {
	bin := h2spec.Build(t)
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
	h2spec.Run(t, bin, "127.0.0.1", l.Addr().(*net.TCPAddr).Port)
}
