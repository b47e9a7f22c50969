package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// octets is a codec whose messages are what they are.
type octets struct{}

func (octets) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (octets) Unmarshal(b []byte, v any) error {
	*v.(*[]byte) = bytes.Clone(b)
	return nil
}
func (octets) Name() string { return "octets" }

// rpc is a gRPC server and what it has noticed.
type rpc struct {
	address string        // localhost:port
	waiting chan struct{} // a call of Wait has come
	ended   chan error    // the reason for which a call of Wait ended
}

// notNow is a message that is coded on its way.
const notNow = "not now: 100 % \"später\""

// read is one request of a call.
func read(decode func(any) error) (string, error) {
	var b []byte
	err := decode(&b)
	return string(b), err
}

func reply(text string) *[]byte {
	b := []byte(text)
	return &b
}

func newRPC(t testing.TB) *rpc {
	t.Helper()
	return newRPCOver(t, credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{mustPKI(t).leaf}}))
}

// newRPCOver serves over TLS, or without.
func newRPCOver(t testing.TB, over credentials.TransportCredentials) *rpc {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &rpc{address: "localhost:" + port(ln.Addr().String()), waiting: make(chan struct{}, 10), ended: make(chan error, 10)}
	server := grpc.NewServer(grpc.ForceServerCodec(octets{}), grpc.MaxRecvMsgSize(8<<20), grpc.Creds(over))
	unary := func(name string, f func(ctx context.Context, asked string) (any, error)) grpc.MethodDesc {
		return grpc.MethodDesc{MethodName: name, Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			asked, err := read(decode)
			if err != nil {
				return nil, err
			}
			return f(ctx, asked)
		}}
	}
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "tests.Words",
		Methods: []grpc.MethodDesc{
			unary("Echo", func(ctx context.Context, asked string) (any, error) {
				in, _ := metadata.FromIncomingContext(ctx)
				grpc.SetHeader(ctx, metadata.Pairs("x-head", "seen "+strings.Join(in["x-asked"], "+"), "x-octets-bin", in.Get("x-octets-bin")[0]))
				grpc.SetTrailer(ctx, metadata.Pairs("x-tail", "end"))
				return reply(asked), nil
			}),
			unary("Fail", func(ctx context.Context, asked string) (any, error) {
				return nil, status.Error(codes.FailedPrecondition, notNow)
			}),
			unary("Wait", func(ctx context.Context, asked string) (any, error) {
				s.waiting <- struct{}{}
				<-ctx.Done()
				s.ended <- ctx.Err()
				return nil, status.FromContextError(ctx.Err()).Err()
			}),
		},
		Streams: []grpc.StreamDesc{
			{StreamName: "Join", ClientStreams: true, Handler: func(_ any, st grpc.ServerStream) error {
				var all string
				for {
					word, err := read(st.RecvMsg)
					if errors.Is(err, io.EOF) {
						return st.SendMsg(reply(all))
					}
					if err != nil {
						return err
					}
					all += word
				}
			}},
			{StreamName: "Letters", ServerStreams: true, Handler: func(_ any, st grpc.ServerStream) error {
				word, err := read(st.RecvMsg)
				if err != nil {
					return err
				}
				for _, letter := range word {
					if err := st.SendMsg(reply(string(letter))); err != nil {
						return err
					}
				}
				return status.Error(codes.DataLoss, "no more letters")
			}},
			{StreamName: "Talk", ServerStreams: true, ClientStreams: true, Handler: func(_ any, st grpc.ServerStream) error {
				for {
					word, err := read(st.RecvMsg)
					if errors.Is(err, io.EOF) {
						return nil
					}
					if err == nil {
						err = st.SendMsg(reply("re: " + word))
					}
					if err != nil {
						s.ended <- st.Context().Err()
						return err
					}
				}
			}},
		},
	}, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.Serve(ln)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	return s
}

// dialThrough is a gRPC client whose connections are tunnels of the proxy.
func (s *rpc) dialThrough(t testing.TB, p *proxy) *grpc.ClientConn {
	t.Helper()
	return dialRPC(t, p, s.address, p.tunnels())
}

// tunnels dials by CONNECT to the proxy.
func (p *proxy) tunnels() func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.Addr)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address)
		in := bufio.NewReader(conn)
		r, err := http.ReadResponse(in, &http.Request{Method: "CONNECT"})
		if err == nil && (r.StatusCode != 200 || in.Buffered() > 0) {
			err = errors.New("CONNECT: " + r.Status)
		}
		if err != nil {
			conn.Close()
			return nil, err
		}
		return conn, nil
	}
}

// dialRPC is a gRPC client that trusts the proxy.
func dialRPC(t testing.TB, p *proxy, address string, dial func(context.Context, string) (net.Conn, error)) *grpc.ClientConn {
	t.Helper()
	return dialRPCOver(t, credentials.NewTLS(trusting(t, p.CA)), address, dial)
}

// dialRPCOver is a gRPC client over TLS, or without.
func dialRPCOver(t testing.TB, over credentials.TransportCredentials, address string, dial func(context.Context, string) (net.Conn, error)) *grpc.ClientConn {
	t.Helper()
	c, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(over),
		grpc.WithContextDialer(dial), grpc.WithDefaultCallOptions(grpc.ForceCodec(octets{}), grpc.MaxCallRecvMsgSize(8<<20)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

var bothWays = grpc.StreamDesc{ServerStreams: true, ClientStreams: true}

// words is what the tests ask of a client and its server, the same in each mode.
func (s *rpc) words(t *testing.T, c *grpc.ClientConn) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	asked := metadata.AppendToOutgoingContext(ctx, "x-asked", "one", "x-asked", "two", "x-octets-bin", "\x00\xff")
	for _, want := range []string{"hello", "", fill(4<<20, "a long message, ")} {
		for _, options := range [][]grpc.CallOption{nil, {grpc.UseCompressor("gzip")}} {
			var got []byte
			var head, tail metadata.MD
			err := c.Invoke(asked, "/tests.Words/Echo", reply(want), &got, append(options, grpc.Header(&head), grpc.Trailer(&tail))...)
			if err != nil || string(got) != want {
				t.Fatalf("Echo of %d octets: %d, %v", len(want), len(got), err)
			}
			if fmt.Sprint(head["x-head"], head["x-octets-bin"], tail["x-tail"]) != fmt.Sprint([]string{"seen one+two"}, []string{"\x00\xff"}, []string{"end"}) {
				t.Errorf("Echo: head %v, trailers %v", head, tail)
			}
		}
	}
	err := c.Invoke(ctx, "/tests.Words/Fail", reply("x"), reply(""))
	if st := status.Convert(err); st.Code() != codes.FailedPrecondition || st.Message() != notNow {
		t.Errorf("Fail: %v", err)
	}
	if err = c.Invoke(ctx, "/tests.Words/Nothing", reply("x"), reply("")); status.Code(err) != codes.Unimplemented {
		t.Errorf("a method that is not there: %v", err)
	}
	s.joins(t, ctx, c)
	s.spells(t, ctx, c)
	s.talks(t, ctx, c)
	s.leaves(t, ctx, c)
	// All of that was one connection's, and it goes on.
	if got := []byte(nil); c.Invoke(asked, "/tests.Words/Echo", reply("last"), &got) != nil || string(got) != "last" {
		t.Errorf("the last Echo: %q", got)
	}
}

// joins sends a stream of messages and gets one.
func (s *rpc) joins(t *testing.T, ctx context.Context, c *grpc.ClientConn) {
	st, err := c.NewStream(ctx, &bothWays, "/tests.Words/Join")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"a", "", "bc", fill(100_000, "d")} {
		if err := st.SendMsg(reply(word)); err != nil {
			t.Fatal(err)
		}
	}
	st.CloseSend()
	if got, err := read(st.RecvMsg); got != "abc"+fill(100_000, "d") || err != nil {
		t.Errorf("Join: %d octets, %v", len(got), err)
	}
	if _, err := read(st.RecvMsg); !errors.Is(err, io.EOF) {
		t.Errorf("Join ends with %v", err)
	}
}

// spells sends one message and gets a stream of them, which ends in an error.
func (s *rpc) spells(t *testing.T, ctx context.Context, c *grpc.ClientConn) {
	st, err := c.NewStream(ctx, &bothWays, "/tests.Words/Letters")
	if err != nil {
		t.Fatal(err)
	}
	st.SendMsg(reply("stream"))
	st.CloseSend()
	var got string
	for {
		letter, err := read(st.RecvMsg)
		if err != nil {
			if status.Code(err) != codes.DataLoss || !strings.Contains(err.Error(), "no more letters") {
				t.Errorf("Letters ends with %v", err)
			}
			break
		}
		got += letter
	}
	if got != "stream" {
		t.Errorf("Letters: %q", got)
	}
}

// talks has each side wait for the other's message.
func (s *rpc) talks(t *testing.T, ctx context.Context, c *grpc.ClientConn) {
	st, err := c.NewStream(ctx, &bothWays, "/tests.Words/Talk")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		word := fmt.Sprint("word ", i)
		st.SendMsg(reply(word))
		if got, err := read(st.RecvMsg); got != "re: "+word || err != nil {
			t.Fatalf("Talk: %q, %v", got, err)
		}
	}
	st.CloseSend()
	if _, err := read(st.RecvMsg); !errors.Is(err, io.EOF) {
		t.Errorf("Talk ends with %v", err)
	}
}

// leaves cancels calls, and lets one run into its deadline.
func (s *rpc) leaves(t *testing.T, ctx context.Context, c *grpc.ClientConn) {
	waits, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- c.Invoke(waits, "/tests.Words/Wait", reply("cancel"), reply("")) }()
	soon(t, s.waiting, "the call")
	cancel()
	if err := soon(t, done, "its end"); status.Code(err) != codes.Canceled {
		t.Errorf("a call that was cancelled: %v", err)
	}
	if err := soon(t, s.ended, "the cancellation"); !errors.Is(err, context.Canceled) {
		t.Errorf("the server's call ended with %v", err)
	}
	talking, cancel := context.WithCancel(ctx)
	st, err := c.NewStream(talking, &bothWays, "/tests.Words/Talk")
	if err != nil {
		t.Fatal(err)
	}
	st.SendMsg(reply("a"))
	read(st.RecvMsg)
	cancel()
	if err := soon(t, s.ended, "the cancellation of a stream"); !errors.Is(err, context.Canceled) {
		t.Errorf("the server's stream ended with %v", err)
	}
	for limit, reached := 200*time.Millisecond, false; !reached; limit *= 4 {
		short, cancel := context.WithTimeout(ctx, limit)
		err := c.Invoke(short, "/tests.Words/Wait", reply("deadline"), reply(""))
		cancel()
		if status.Code(err) != codes.DeadlineExceeded {
			t.Fatalf("a call with a deadline of %v: %v", limit, err)
		}
		// A busy machine may need more than that until the call is with the server.
		select {
		case <-s.waiting:
			reached = true
		default:
		}
	}
	// Either the server's own clock or the client's reset ends it.
	if err := soon(t, s.ended, "the deadline"); err == nil {
		t.Error("the server's call with a deadline ended without a reason")
	}
}

func TestGRPC(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		plain bool
		start func(t *testing.T, s *rpc) (*proxy, *grpc.ClientConn)
	}{
		{"through a tunnel, without TLS", true, func(t *testing.T, s *rpc) (*proxy, *grpc.ClientConn) {
			p := start(t)
			return p, dialRPCOver(t, insecure.NewCredentials(), s.address, p.tunnels())
		}},
		{"reverse, without TLS", true, func(t *testing.T, s *rpc) (*proxy, *grpc.ClientConn) {
			p := start(t, "--mode", "reverse:http://"+s.address)
			return p, dialRPCOver(t, insecure.NewCredentials(), p.Addr, func(ctx context.Context, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", p.Addr)
			})
		}},
		{"through a tunnel", false, func(t *testing.T, s *rpc) (*proxy, *grpc.ClientConn) {
			p := start(t)
			return p, s.dialThrough(t, p)
		}},
		{"reverse", false, func(t *testing.T, s *rpc) (*proxy, *grpc.ClientConn) {
			p := start(t, "--mode", "reverse:https://"+s.address)
			return p, dialRPC(t, p, "localhost:"+port(p.Addr), func(ctx context.Context, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", p.Addr)
			})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			over := insecure.NewCredentials()
			if !c.plain {
				over = credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{mustPKI(t).leaf}})
			}
			s := newRPCOver(t, over)
			p, client := c.start(t, s)
			s.words(t, client)
			client.Close()
			s.recorded(t, p.recorded())
		})
	}
}

// recorded looks at what the session has of words.
func (s *rpc) recorded(t *testing.T, r *recording) {
	for _, want := range []struct {
		method            string
		outcome           string
		requests, replies []string
		disposition       string // of the response
		shown             string
	}{
		{"Echo", "completed", []string{"last"}, []string{"last"}, "tee", "x-tail: end"},
		{"Fail", "completed", []string{"x"}, nil, "none", "call      grpc 9 FAILED_PRECONDITION: not now: 100 % \"später\""},
		{"Join", "completed", []string{"a", "", "bc", "dddd"}, []string{"abcd"}, "tee", "call      grpc 0 OK"},
		{"Letters", "completed", []string{"stream"}, []string{"s", "t", "r", "e", "a", "m"}, "tee", "grpc 15 DATA_LOSS: no more letters"},
		{"Talk", "client left after 10 bytes", []string{"a"}, []string{"re: a"}, "tee", ""},
	} {
		f := r.flow("/tests.Words/" + want.method)
		if f.Outcome != want.outcome || f.Status != 200 || f.Method != "POST" || f.Request.Disposition != "tee" || f.Response.Disposition != want.disposition {
			t.Errorf("%s is recorded as %+v", want.method, f)
		}
		if text := r.show(f); !strings.Contains(text, want.shown) || !strings.Contains(text, "HTTP/2") {
			t.Errorf("%s is shown without %q:\n%s", want.method, want.shown, text)
		}
		for side, messages := range map[string][]string{"--request": want.requests, "": want.replies} {
			args := []string{"flows", "show", "--session", r.p.Session, fmt.Sprint(f.Number), "--messages"}
			if side != "" {
				args = append(args, side)
			}
			out, errs, err := r.p.try(args...)
			lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
			if len(messages) == 0 {
				if strings.TrimSpace(out) != "" {
					t.Errorf("%s %s: %q", want.method, side, out)
				}
				continue
			}
			if err != nil || len(lines) != len(messages) {
				t.Errorf("%s %s: %d messages, %v %s\n%.500s", want.method, side, len(lines), err, errs, out)
				continue
			}
			for i, m := range messages {
				if !strings.Contains(lines[i], m) {
					t.Errorf("%s %s: message %d is %.200q, without %q", want.method, side, i, lines[i], m)
				}
			}
		}
	}
	ends := map[string]int{}
	for _, f := range r.flows {
		if strings.HasSuffix(f.URL, "/tests.Words/Wait") && f.Outcome != "client left after 11 bytes" {
			// A call whose deadline is over is answered or reset by the server, unless
			// the client was first; its answer may be on its way then.
			switch f.Outcome {
			case "completed", "reset after 13 bytes", "client left after 13 bytes", "client left after 0 bytes":
			default:
				t.Errorf("a call with a deadline ends as %+v", f)
			}
			continue
		}
		ends[f.Outcome]++
	}
	if ends["completed"] != 12 || ends["client left after 10 bytes"] != 1 || ends["client left after 11 bytes"] != 1 || len(ends) != 3 {
		t.Errorf("the flows end as %v", ends)
	}
}
