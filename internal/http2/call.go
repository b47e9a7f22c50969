package http2

import (
	"context"
	"errors"
	"sync/atomic"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
	"midstream/internal/body"
	"midstream/internal/fault"
)

// Call is one request on its way to a server and the response that comes back.
type Call struct {
	client *Client
	stream stream
	method string
	// protocol is what an extended CONNECT asks for.
	protocol string
	reused   bool
	sink     sink
	reader   reader
	heard    atomic.Bool
	final    *flow.Response // nil until Head has returned it
	framing  flow.Framing   // of the final response; set before its head is queued

	// Guarded by client.mu.
	heads    []received
	queued   int // octets of heads
	interims int
}

// received is a response head that has come.
type received struct {
	head  *flow.Response
	found []flow.Finding
	size  int
}

// came queues a response head of size octets. What it returns breaks the stream.
func (call *Call) came(head *flow.Response, found []flow.Finding, size int, length int64, end bool) error {
	c, st := call.client, &call.stream
	call.heard.Store(true)
	interim := head.Interim()
	if interim && end {
		return breaksStream(st.id, h2.ErrCodeProtocol, "an interim response that ends the stream")
	}
	bodiless := call.method == "HEAD" || head.Status == 204 || head.Status == 304
	if !interim && end && length > 0 && !bodiless {
		return breaksStream(st.id, h2.ErrCodeProtocol, "a content-length of %d and no body", length)
	}
	c.mu.Lock()
	if interim {
		call.interims++
		if call.interims > maxInterims || len(call.heads) >= maxQueuedHeads || call.queued+size > c.limits.Head {
			c.mu.Unlock()
			return breaksStream(st.id, h2.ErrCodeEnhanceYourCalm, "too many interim responses")
		}
	} else {
		c.served = true
		st.headed = true
		switch {
		case call.method == "CONNECT" && head.Status/100 == 2:
			call.framing, st.recvEnd = flow.Framing{}, end
		case end:
			st.recvEnd = true
		case bodiless:
			call.framing = flow.Framing{Kind: flow.ByLength}
			st.declared = 0
		case length >= 0:
			call.framing = flow.Framing{Kind: flow.ByLength, Length: length}
			st.declared = length
		default:
			call.framing = flow.Framing{Kind: flow.Chunked}
		}
	}
	call.heads = append(call.heads, received{head, found, size})
	call.queued += size
	over := false
	if st.recvEnd {
		over = st.ended()
	}
	st.readable.Broadcast()
	c.mu.Unlock()
	if over {
		c.drained()
	}
	return nil
}

// Server tells about the connection.
func (call *Call) Server() *flow.Conn { return call.client.cfg.Server }

// Reused tells whether the connection had served before.
func (call *Call) Reused() bool { return call.reused }

// Body takes the request body.
func (call *Call) Body() body.Sink { return &call.sink }

// Heard tells whether anything of a response has come.
func (call *Call) Heard() bool { return call.heard.Load() }

// Framing is how the body of the final response is delimited.
func (call *Call) Framing() flow.Framing { return call.framing }

// Response reads the body of the final response; nil when it is Unframed.
func (call *Call) Response() body.Reader {
	if call.final == nil || call.framing.Kind == flow.Unframed {
		return nil
	}
	return &call.reader
}

// Findings returns what was repaired in the response's trailer section; valid
// after its end.
func (call *Call) Findings() []flow.Finding { return call.reader.Findings() }

// Head waits for the next response head: interim ones, then the final one.
// Errors are *flow.Error; after one the call is over.
func (call *Call) Head(ctx context.Context) (*flow.Response, []flow.Finding, error) {
	c, st := call.client, &call.stream
	const what = "read response head from "
	if call.final != nil {
		return nil, nil, &flow.Error{Peer: flow.AtProxy, Phase: flow.InHead, Err: errors.New(what + c.name + ": the final head has been read")}
	}
	if ctx.Done() != nil {
		defer context.AfterFunc(ctx, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			st.readable.Broadcast()
		})()
	}
	c.mu.Lock()
	for {
		switch {
		case ctx.Err() != nil:
			c.mu.Unlock()
			err := fault.Given(context.Cause(ctx), flow.AtServer, flow.InHead, what+c.name)
			call.Cancel(err)
			return nil, nil, err
		case st.given != nil:
			err := st.given
			c.mu.Unlock()
			return nil, nil, err
		case len(call.heads) > 0:
			r := call.heads[0]
			call.heads[0] = received{}
			call.heads = call.heads[1:]
			call.queued -= r.size
			if !r.head.Interim() {
				call.final = r.head
			}
			c.mu.Unlock()
			return r.head, r.found, nil
		case st.recvErr != nil:
			err := st.recvErr
			c.mu.Unlock()
			return nil, nil, err
		}
		st.readable.Wait()
	}
}

// Upgrade returns the stream as a raw connection after a 2xx to CONNECT; Close
// must still be called.
func (call *Call) Upgrade() (body.Duplex, error) {
	if call.final == nil || call.method != "CONNECT" || call.final.Status/100 != 2 {
		return nil, &flow.Error{Peer: flow.AtProxy, Phase: flow.InHead,
			Err: errors.New("make a tunnel of a stream to " + call.client.name + ": the server has not agreed to that")}
	}
	return newDuplex(&call.stream, &call.sink, call.protocol), nil
}

// Cancel gives the call up: the stream is reset. After the response has ended it
// does nothing.
func (call *Call) Cancel(cause error) {
	c, st := call.client, &call.stream
	e := fault.Given(cause, flow.AtServer, flow.InBody, "request to "+c.name)
	c.mu.Lock()
	if st.recvEnd || st.given != nil {
		c.mu.Unlock()
		return
	}
	st.discard(e)
	c.mu.Unlock()
	c.budget.settle()
	st.reset(codeOf(cause, flow.AtServer), e)
}

// Close lets go of the stream; one that has not ended is reset. It must be called
// once, after Body and Response are done with.
func (call *Call) Close() {
	call.stream.retire(h2.ErrCodeCancel, &flow.Error{Peer: flow.AtProxy, Phase: flow.InBody, Cause: flow.NotNeeded, Err: errHandlerDone})
}
