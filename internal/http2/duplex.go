package http2

import (
	h2 "golang.org/x/net/http2"

	"midstream/flow"
	"midstream/internal/body"
)

// duplex is a stream that carries a raw connection (RFC 9113 section 8.5). It
// implements body.Duplex.
type duplex struct {
	st   *stream
	sink *sink
}

var _ body.Duplex = (*duplex)(nil)

// Read returns what has come.
func (d *duplex) Read(p []byte) (int, error) { return d.st.take(p) }

// Ready tells that a Read would return at once.
func (d *duplex) Ready() bool { return d.st.ready() }

// Write sends p.
func (d *duplex) Write(p []byte) (int, error) { return d.sink.Write(p) }

// CloseWrite ends the writing direction.
func (d *duplex) CloseWrite() error {
	d.sink.mu.Lock()
	defer d.sink.mu.Unlock()
	if d.sink.closed {
		return nil
	}
	d.sink.closed = true
	return d.sink.end(nil)
}

// Close ends both directions.
func (d *duplex) Close() error {
	err := d.CloseWrite()
	d.st.retire(h2.ErrCodeCancel, &flow.Error{Peer: flow.AtProxy, Phase: flow.InBody, Cause: flow.NotNeeded, Err: errGiven})
	return err
}

// Reset ends the stream so that the peer sees a failure.
func (d *duplex) Reset() error {
	d.st.reset(h2.ErrCodeConnect, &flow.Error{Peer: flow.AtProxy, Phase: flow.InBody, Cause: flow.ResetByPeer, Err: errGiven})
	return nil
}
