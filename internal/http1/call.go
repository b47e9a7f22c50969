package http1

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"midstream/flow"
	"midstream/internal/body"
	"midstream/internal/fault"
)

// Call is one request on its way to a server and the response that comes back.
type Call struct {
	client   *Client
	method   string
	reused   bool
	closes   bool // the request asks for the connection to be closed after it
	sink     sink
	reader   reader
	framing  flow.Framing
	final    *flow.Response // nil until its head has come
	interims int
	fit      bool // the response leaves the connection usable
	heard    atomic.Bool
	// bound is the context that interrupts what waits on the connection, until loose
	// is called; nil when none does.
	bound context.Context
	loose func() bool

	mu       sync.Mutex
	cause    *flow.Error // what Cancel was given
	sent     bool        // the request came to its end
	received bool        // the response came to its end
	closed   bool        // Close was called
	handed   bool        // Upgrade gave the connection away
}

// interimLimit bounds the interim responses of a call. One every ten seconds is
// usual for 102; this is hours of them.
const interimLimit = 5000

// sendHead writes the printed head; a body that follows leaves apart.
func (call *Call) sendHead(ctx context.Context) error {
	c := call.client
	const what = "send request head to "
	if ctx.Err() != nil {
		return fault.Given(context.Cause(ctx), flow.AtServer, flow.InHead, what+c.to)
	}
	call.bind(ctx)
	n, err := c.conn.Write(c.print)
	if ctx.Err() != nil {
		return fault.Given(context.Cause(ctx), flow.AtServer, flow.InHead, what+c.to)
	}
	if err == nil {
		return nil
	}
	e := ioError(flow.AtServer, flow.InHead, err, what+c.to, "")
	if n == 0 {
		// Nor was a whole TLS record of it, and a part of one cannot be read.
		e.Cause = flow.RefusedRequest
	}
	return e
}

// bind has ctx interrupt what waits on the connection: mostly from the head of the
// request to that of the response, for registering with a context costs as much as
// parsing a head.
func (call *Call) bind(ctx context.Context) {
	if call.bound == ctx {
		return
	}
	call.loosen()
	call.bound = ctx
	if own, ok := ctx.(interface{ AfterFunc(func()) func() bool }); ok {
		call.loose = own.AfterFunc(call.client.interrupt) // which may be cheaper
	} else if ctx.Done() != nil {
		call.loose = context.AfterFunc(ctx, call.client.interrupt)
	}
}

// loosen ends that; false tells that the connection was interrupted, or is being.
func (call *Call) loosen() bool {
	loose := call.loose
	call.bound, call.loose = nil, nil
	return loose == nil || loose()
}

// Server tells about the connection.
func (call *Call) Server() *flow.Conn { return call.client.cfg.Server }

// Reused tells whether the connection had served before.
func (call *Call) Reused() bool { return call.reused }

// Body takes the request body.
func (call *Call) Body() body.Sink { return &call.sink }

// Heard tells whether any octet of a response has come.
func (call *Call) Heard() bool {
	return call.heard.Load() || len(call.client.src.buffered()) > 0
}

// Framing is how the body of the final response is delimited.
func (call *Call) Framing() flow.Framing { return call.framing }

// Response reads the body of the final response; nil when it is Unframed.
func (call *Call) Response() body.Reader {
	if call.final == nil || call.framing.Kind == flow.Unframed {
		return nil
	}
	return &call.reader
}

// Findings returns what was repaired in the response body and at its end; valid
// after that.
func (call *Call) Findings() []flow.Finding { return call.reader.Findings() }

// Head waits for the next response head: interim ones, then the final one.
// Errors are *flow.Error; after one the call is over.
func (call *Call) Head(ctx context.Context) (*flow.Response, []flow.Finding, error) {
	c := call.client
	const what = "read response head from "
	if call.final != nil {
		return nil, nil, &flow.Error{Peer: flow.AtProxy, Phase: flow.InHead, Err: errors.New(what + c.to + ": the final head has been read")}
	}
	if ctx.Err() != nil {
		return nil, nil, call.broken(fault.Given(context.Cause(ctx), flow.AtServer, flow.InHead, what+c.to))
	}
	call.bind(ctx)
	block, start, err := call.block()
	if ctx.Err() != nil {
		return nil, nil, call.broken(fault.Given(context.Cause(ctx), flow.AtServer, flow.InHead, what+c.to))
	}
	if err != nil {
		return nil, nil, call.broken(err)
	}
	head, findings, err := ParseResponseHead(block, c.cfg.Profile, c.limits)
	if err != nil {
		return nil, findings, call.broken(from(err, c.to))
	}
	head.Start = start
	framing, more, err := ResponseFraming(call.method, head, c.cfg.Profile)
	findings = append(findings, more...)
	if err != nil {
		return nil, findings, call.broken(from(err, c.to))
	}
	if head.Interim() {
		if call.interims++; call.interims > interimLimit {
			return nil, findings, call.broken(from(refuse(flow.ToClient, "read response head: more than %d interim responses", interimLimit), c.to))
		}
	} else if !call.loosen() {
		return nil, findings, call.broken(fault.Given(context.Cause(ctx), flow.AtServer, flow.InHead, what+c.to))
	} else {
		call.finalHead(head, framing, findings)
	}
	return head, findings, nil
}

func (call *Call) finalHead(head *flow.Response, framing flow.Framing, findings notes) {
	call.final, call.framing = head, framing
	closes := call.closes || head.Fields.HasToken("Connection", "close") ||
		head.Version == flow.HTTP10 && !head.Fields.HasToken("Connection", "keep-alive")
	call.fit = !closes && framing.Kind != flow.UntilClose && cleanly(findings, head.LineFeed)
	call.reader.start(framing, call.client.cfg.Profile, call.client.limits)
	if call.reader.complete {
		call.readerEnded()
	}
}

// block reads the octets of one head.
func (call *Call) block() (string, time.Time, error) {
	c := call.client
	var scan headScan
	var start time.Time
	for {
		b := c.src.buffered()
		if len(b) > 0 && start.IsZero() {
			if two, more := beginsSettings(b); two {
				c.src.consume(len(b)) // it is no part of a response
				return "", start, call.foreign()
			} else if more {
				if err := c.src.fill(); err != nil {
					return "", start, call.headError(err, c.src.buffered())
				}
				continue
			}
			start = time.Now()
			call.heard.Store(true)
		}
		n, err := scan.scan(b, flow.ToClient, c.limits)
		if err != nil {
			return "", start, from(err, c.to)
		}
		if n > 0 {
			block := string(b[:n])
			c.src.consume(n)
			return block, start, nil
		}
		if err := c.src.fill(); err != nil {
			return "", start, call.headError(err, c.src.buffered())
		}
	}
}

// headError says that the head ended early, after had.
func (call *Call) headError(err error, had []byte) error {
	what := "read response head from " + call.client.to
	detail := "before sending a response"
	if len(had) > 0 {
		detail = fmt.Sprintf("after %d octets of it", len(had))
	}
	if len(had) > 0 && !beginsHTTP(had) {
		detail = fmt.Sprintf("after %d octets that do not begin like an HTTP response: %s", len(had), flow.Quote(string(had[:min(len(had), 40)])))
	}
	e := ioError(flow.AtServer, flow.InHead, err, what, detail)
	e.Status = 502
	if e.Cause == flow.Timeout {
		e.Status = 504
	}
	return e
}

// beginsHTTP tells whether a head, or a part of one, may be of an HTTP response.
func beginsHTTP(b []byte) bool {
	b = bytes.TrimLeft(b, "\r\n")
	for _, word := range []string{"HTTP/", "ICY "} {
		if n := min(len(b), len(word)); strings.EqualFold(string(b[:n]), word[:n]) {
			return true
		}
	}
	return false
}

// broken ends the call because of err, or of what Cancel was given before.
func (call *Call) broken(err error) error {
	call.loosen()
	if cause := call.givenUp(); cause != nil {
		err = cause
	}
	call.client.conn.Close()
	return err
}

// Upgrade returns the raw connection after a 101, or after a 2xx to CONNECT. It
// belongs to the caller then; Close must still be called.
func (call *Call) Upgrade() (body.Duplex, error) {
	if call.final == nil || call.final.Status != 101 && (call.method != "CONNECT" || call.final.Status/100 != 2) {
		return nil, &flow.Error{Peer: flow.AtProxy, Phase: flow.InHead,
			Err: errors.New("upgrade the connection to " + call.client.to + ": the server has not agreed to that")}
	}
	call.mu.Lock()
	defer call.mu.Unlock()
	if call.cause != nil {
		return nil, call.cause
	}
	call.handed = true
	call.client.src.detach()
	return &duplex{Conn: call.client.conn, src: call.client.src}, nil
}

// Cancel gives the call up: the connection is closed. After the response has
// ended, or once the connection was upgraded, it does nothing.
func (call *Call) Cancel(cause error) {
	call.mu.Lock()
	if call.received || call.closed || call.handed || call.cause != nil {
		call.mu.Unlock()
		return
	}
	call.cause = fault.Given(cause, flow.AtServer, flow.InBody, "request to "+call.client.to)
	call.mu.Unlock()
	// A Read, a Head or a Write that waits ends with the connection; they say cause.
	call.reader.Cancel(call.cause)
	call.sink.Abort(call.cause)
	call.client.conn.Close()
}

// interruptRead is told when the response body is given up.
func (call *Call) interruptRead(cause error) {
	call.mu.Lock()
	if call.cause == nil {
		call.cause = fault.Given(cause, flow.AtServer, flow.InBody, "response from "+call.client.to)
	}
	call.mu.Unlock()
	call.client.conn.Close()
}

func (call *Call) givenUp() error {
	call.mu.Lock()
	defer call.mu.Unlock()
	if call.cause == nil {
		return nil
	}
	return call.cause
}

// readerEnded is told by the reader of the response body.
func (call *Call) readerEnded() {
	call.mu.Lock()
	call.received = call.reader.complete
	call.mu.Unlock()
}

// sinkEnded is told by the sink of the request body.
func (call *Call) sinkEnded(err error) {
	call.mu.Lock()
	call.sent = err == nil
	call.mu.Unlock()
}

// Close gives the connection back when both messages are through, and closes it
// otherwise. It must be called once, after Body and Response are done with.
func (call *Call) Close() {
	untouched := call.loosen()
	call.mu.Lock()
	if call.closed {
		call.mu.Unlock()
		return
	}
	call.closed = true
	// Behind a 101, or a 2xx to CONNECT, the connection is one of HTTP no more, also
	// where nobody has taken it.
	switched := call.final != nil && (call.final.Status == 101 || call.method == "CONNECT" && call.final.Status/100 == 2)
	reusable := call.sent && call.received && call.fit && call.cause == nil && !switched && untouched
	handed := call.handed
	call.mu.Unlock()
	call.reader.retire()
	if handed {
		if release := call.client.cfg.Release; release != nil {
			release(call.client, false)
		}
		return
	}
	call.client.free(reusable)
}
