package replay

import (
	"context"
	"errors"

	"midstream/flow"
	"midstream/internal/body"
	"midstream/internal/engine"
	"midstream/internal/format"
)

// stream is the request of an Item as the engine takes one in. What comes back is
// thrown away: it has been recorded on the way.
type stream struct {
	ctx     context.Context
	head    *flow.Request
	framing flow.Framing
	body    *reader // nil without one
	turns   *turns  // what was said after a switch; nil where nothing is known
}

var _ engine.Stream = (*stream)(nil)

// newStream makes a stream of it; it must be let go of with release.
func newStream(ctx context.Context, it *format.Item) *stream {
	s := &stream{ctx: ctx, head: it.Flow.Request.Clone()}
	if switched(it.Flow) {
		return s
	}
	b := it.Bodies[flow.ToServer]
	s.framing = framing(&s.head.Message, b, flow.Chunked)
	if s.framing.Kind != flow.Unframed {
		s.body = newReader(b, s.head.Trailers)
	}
	s.head.Trailers = nil // they come with the end of the body
	return s
}

// switched tells whether the bodies of f are directions of an upgraded connection.
func switched(f *flow.Flow) bool {
	return f.Response != nil && (f.Response.Status == 101 || f.Request.Protocol != "" && f.Response.Status/100 == 2)
}

func (s *stream) release() {
	if s.body != nil {
		s.body.release()
	}
}

func (s *stream) Request() *flow.Request   { return s.head }
func (s *stream) Findings() []flow.Finding { return nil }
func (s *stream) Framing() flow.Framing    { return s.framing }
func (s *stream) Context() context.Context { return s.ctx }
func (s *stream) Abort(error)              {}

func (s *stream) Inform(*flow.Response) error { return nil }

func (s *stream) Body() body.Reader {
	if s.body == nil {
		return nil
	}
	return s.body
}

func (s *stream) Respond(*flow.Response, flow.Framing) (body.Sink, error) { return discard{}, nil }

func (s *stream) Upgrade() (body.Duplex, error) {
	if s.turns == nil {
		return nil, errors.New("nothing is known of what was said after the switch")
	}
	return s.turns.end(flow.ToServer), nil
}

// discard is the sink of what nobody takes.
type discard struct{}

func (discard) Write(p []byte) (int, error)     { return len(p), nil }
func (discard) WriteMore(p []byte) (int, error) { return len(p), nil }
func (discard) Close(flow.Fields) error         { return nil }
func (discard) Abort(error)                     {}
