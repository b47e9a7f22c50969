package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/http2"
	"midstream/internal/transport"
)

// overHTTP2 has conversations over HTTP/2 on one side and on both, with hooks and
// without.
func (c *court) overHTTP2(hooks string) (all []bench) {
	one, two := c.secured(c.t), c.streams(c.t)
	for name, args := range map[string][]string{"": nil, ", with hooks": {"-s", hooks}} {
		p := start(c.t, args...)
		for _, way := range []struct {
			name   string
			dial   func(authority string) socketDial
			server string
		}{
			{"HTTP/2 to HTTP/1", p.socketsOnStreams, one}, {"HTTP/1 to HTTP/2", p.socketsInTLS, two}, {"HTTP/2 to HTTP/2", p.socketsOnStreams, two},
		} {
			all = append(all, bench{way.name + name, way.dial(way.server), args != nil, false})
		}
	}
	return all
}

// secured serves conversations over HTTP/1.1 in TLS, at the address that it returns.
func (c *court) secured(t testing.TB) string {
	address := serveAt(t, "127.0.0.1:0", onlyHTTP1, c.mux)
	return "localhost:" + strconv.Itoa(address.Port)
}

// streams serves conversations on streams of HTTP/2 (RFC 8441).
func (c *court) streams(t testing.TB) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	config := &tls.Config{Certificates: []tls.Certificate{mustPKI(t).leaf}, NextProtos: []string{"h2"}}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				conn, err := transport.New(nc).TLSServer(ctx, config)
				if err != nil {
					nc.Close()
					return
				}
				http2.NewServer(conn, http2.ServerConfig{ConnectProtocol: true}).Serve(ctx, c.onStream)
			}()
		}
	}()
	return "localhost:" + port(ln.Addr().String())
}

func (c *court) onStream(st *http2.Stream) {
	r := st.Request()
	id, _, _ := strings.Cut(strings.TrimPrefix(r.Path, "/ws/"), "/")
	if r.Protocol != "websocket" {
		c.t.Errorf("%s %s asks for %q", r.Method, r.Path, r.Protocol)
		return
	}
	c.serve(id, r.Fields.Get("sec-websocket-extensions"), func(extensions string) (*wsEnd, error) {
		head := &flow.Response{Status: 200}
		if extensions != "" {
			head.Fields.Add("sec-websocket-extensions", extensions)
		}
		if _, err := st.Respond(head, flow.Framing{}); err != nil {
			return nil, err
		}
		d, err := st.Upgrade()
		if err != nil {
			return nil, err
		}
		conn := d.(net.Conn)
		conn.SetDeadline(time.Now().Add(patience))
		return &wsEnd{t: c.t, conn: conn, in: bufio.NewReader(conn)}, nil
	})
}

// socketsInTLS opens WebSockets over HTTP/1.1, each through a tunnel of its own.
func (p *proxy) socketsInTLS(authority string) socketDial {
	return func(path, offer string) (net.Conn, *bufio.Reader, string, error) {
		config := trusting(p.t, p.CA)
		config.ServerName, config.NextProtos = "localhost", []string{"http/1.1"}
		conn := tls.Client(tunnel(p.t, p, authority), config)
		in, agreed, err := askSocket(conn, authority, path, offer)
		return conn, in, agreed, err
	}
}

// socketsOnStreams opens WebSockets on streams of one connection of HTTP/2.
func (p *proxy) socketsOnStreams(authority string) socketDial {
	config := trusting(p.t, p.CA)
	config.ServerName, config.NextProtos = "localhost", []string{"h2"}
	ctx := p.t.Context()
	conn := tunnel(p.t, p, authority)
	conn.SetDeadline(time.Time{}) // each stream has its own
	secured, err := transport.New(conn).TLSClient(ctx, config)
	if err != nil {
		p.t.Fatal(err)
	}
	client, err := http2.NewClient(secured, http2.ClientConfig{})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { client.Close() })
	return func(path, offer string) (net.Conn, *bufio.Reader, string, error) {
		if ok, err := client.TakesProtocols(ctx); !ok {
			return nil, nil, "", errors.Join(errors.New("no extended CONNECT"), err)
		}
		r := &flow.Request{Method: "CONNECT", Protocol: "websocket", Scheme: "https", Authority: authority, Path: path,
			Message: flow.Message{Version: flow.HTTP2, Fields: flow.Fields{{Name: "sec-websocket-version", Value: "13"}}}}
		if offer != "" {
			r.Fields.Add("sec-websocket-extensions", offer)
		}
		call, err := client.Open(ctx, r, flow.Framing{})
		if err != nil {
			return nil, nil, "", err
		}
		head, _, err := call.Head(ctx)
		if err == nil && head.Status != http.StatusOK {
			err = fmt.Errorf("answered with %d", head.Status)
		}
		if err != nil {
			return nil, nil, "", err
		}
		d, err := call.Upgrade()
		if err != nil {
			return nil, nil, "", err
		}
		conn := d.(net.Conn)
		conn.SetDeadline(time.Now().Add(patience))
		return conn, bufio.NewReader(conn), head.Fields.Get("sec-websocket-extensions"), nil
	}
}
