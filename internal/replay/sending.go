package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/capture"
	"midstream/internal/engine"
	"midstream/internal/format"
	"midstream/internal/query"
	"midstream/internal/upstream"
)

// Of is the key of metadata under which a request that was sent again has the ID of
// the flow that it was before.
const Of = "replay_of"

// MostParallel bounds how many requests are sent at a time.
const MostParallel = 256

// Sending sends requests of earlier to their servers again, through all hooks. The
// flow of earlier stays beside the new one.
type Sending struct {
	Engine *engine.Engine
	Dialer *upstream.Dialer
	// Shelf has the flows of earlier.
	Shelf *Shelf
	// Last is the last flow of the source that is sent, by its number, where the
	// source is the session that is recorded into; 0 sends all.
	Last uint64
	// Hooks returns the addons of now; nil runs none.
	Hooks func() *hook.Set
	// Filter chooses the flows; nil takes all.
	Filter *query.Filter
	// Reroute changes where a request is sent; nil for nothing.
	Reroute func(r *flow.Request)
	// Parallel is how many requests are sent at a time, at most MostParallel; less
	// than 1 is that many.
	Parallel int
	// Speed is how fast uploads are that are streams of messages.
	Speed Speed
	// HTTP2 allows HTTP/2 for what was HTTP/2.
	HTTP2 bool
	// Log takes what cannot be sent, and why; nil discards it.
	Log *slog.Logger

	passed, failed atomic.Uint64
}

// Run sends the flows of src in their order. progress is called between flows; nil
// for nobody. The error is one behind which nothing can be read.
func (s *Sending) Run(ctx context.Context, src capture.Source, progress func(at func() (done, of int64))) (res Result, err error) {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.Parallel < 1 || s.Parallel > MostParallel {
		s.Parallel = MostParallel
	}
	queue := make(chan uint64)
	var workers sync.WaitGroup
	for range s.Parallel {
		workers.Go(func() {
			for number := range queue {
				s.take(ctx, number)
			}
		})
	}
	defer func() {
		close(queue)
		workers.Wait()
		res.Passed, res.Failed = s.passed.Load(), s.failed.Load()
	}()
	for ctx.Err() == nil {
		it, err := src.Next()
		if err == io.EOF || err == nil && s.Last > 0 && it.Flow.Number > s.Last {
			return res, nil
		}
		if err != nil {
			if _, ok := errors.AsType[*capture.Damaged](err); !ok {
				return res, err
			}
			res.Damaged++
			s.Log.Warn(err.Error())
			continue
		}
		wanted, err := matches(ctx, s.Filter, it)
		if err != nil {
			s.Log.Warn("the filter cannot tell of every flow: " + err.Error())
		}
		if !wanted {
			continue
		}
		if why := Unsendable(it); why != "" {
			res.Refused++
			s.Log.Warn("not sent again: " + name(it.Flow) + ": " + why)
			continue
		}
		number := it.Flow.Number
		if s.Last == 0 {
			if number, err = s.Shelf.Put(it); err != nil {
				return res, err
			}
		}
		select {
		case queue <- number:
		case <-ctx.Done():
		}
		if progress != nil {
			progress(src.Progress)
		}
	}
	return res, context.Cause(ctx)
}

func name(f *flow.Flow) string {
	text := f.Kind.String() + " flow"
	if f.Request != nil {
		text = f.Request.Method + " " + f.Request.URL()
	}
	if f.Number > 0 {
		text = "flow " + strconv.FormatUint(f.Number, 10) + ", " + text
	}
	return text
}

// Unsendable tells why the request of an Item cannot be sent again, "" where it can.
func Unsendable(it *format.Item) string {
	f, b := it.Flow, &it.Flow.RequestBody
	switch {
	case f.Kind != flow.HTTP:
		return "only requests of HTTP can be"
	case f.Request == nil:
		return "nothing is known of its request"
	case f.Request.Form == flow.AuthorityForm || f.Request.Method == "CONNECT":
		return "CONNECT opens a tunnel; what passed in it is what can be sent"
	case switched(f) || it.Closing != nil || it.Messages != nil:
		return "a connection that was upgraded is no request any more"
	case f.Live() && f.Number > 0:
		return "it has not ended"
	case f.Request.Host == "":
		return "it names no host"
	case it.Bodies[flow.ToServer] == nil:
		return "the content of its request is missing: it passed without being recorded"
	case it.Bodies[flow.ToServer].Size() < b.Sent || b.Record == flow.Cut:
		return fmt.Sprintf("of its request's body %d of %d bytes are recorded", it.Bodies[flow.ToServer].Size(), b.Sent)
	}
	return ""
}

// take sends one flow of the shelf.
func (s *Sending) take(ctx context.Context, number uint64) {
	if ctx.Err() != nil {
		return
	}
	it, done, err := s.Shelf.Take(ctx, number)
	if err != nil {
		s.failed.Add(1)
		s.Log.Error("send again: " + err.Error())
		return
	}
	defer done()
	if why := Unsendable(it); why != "" {
		s.failed.Add(1)
		s.Log.Error("not sent again: " + name(it.Flow) + ": " + why)
		return
	}
	s.send(ctx, it, nil)
}

// Item sends one flow, and returns when it has ended. began is told its number.
// The caller has asked Unsendable.
func (s *Sending) Item(ctx context.Context, it *format.Item, began func(number uint64)) {
	s.send(ctx, it, began)
}

func (s *Sending) send(ctx context.Context, it *format.Item, began func(uint64)) {
	was := it.Flow
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	st := newStream(ctx, it)
	defer st.release()
	head := st.head
	head.Start, head.End = time.Time{}, time.Time{}
	if head.Version > flow.HTTP2 {
		head.Version = flow.HTTP2
	}
	if head.Version == flow.HTTP11 && !head.Fields.Has("Host") {
		// Archives leave it out; no server takes a request without it (RFC 9112 section 3.2).
		head.Fields = slices.Insert(head.Fields, 0, flow.Field{Name: "Host", Value: flow.HostPort(head.Scheme, head.Host, head.Port)})
	}
	if s.Reroute != nil {
		s.Reroute(head)
	}
	if st.body != nil && flowing(&head.Message) {
		st.body.speed = s.Speed
	}
	client := asClient(was.Client)
	pool := s.Dialer.Pool(client)
	defer pool.Close()
	pool.Introduce(net.JoinHostPort(head.Host, strconv.Itoa(int(head.Port))), s.introduction(was, head))
	o := engine.Origin{Client: client, OwnProxyAuth: true, Replayed: true, Metadata: map[string]string{Of: was.ID.String()}, Began: began, Ended: s.ended}
	if s.Hooks != nil {
		o.Set = s.Hooks()
	}
	s.Engine.Serve(ctx, st, pool, o)
}

func (s *Sending) ended(f *flow.Flow) {
	if f.Outcome.Kind == flow.Completed {
		s.passed.Add(1)
		return
	}
	s.failed.Add(1)
}

// asClient is a connection of now that looks like one of earlier.
func asClient(was *flow.Conn) *flow.Conn {
	c := &flow.Conn{ID: flow.NewID(), Mode: "regular", Start: time.Now()}
	if was != nil {
		c.Peer, c.Local = was.Peer, was.Local
		if was.Mode != "" {
			c.Mode = was.Mode
		}
	}
	c.Connected = c.Start
	return c
}

// introduction offers a server what it spoke, and the name that it was asked by.
func (s *Sending) introduction(was *flow.Flow, head *flow.Request) upstream.Name {
	n := upstream.Name{Protocols: []string{"http/1.1"}}
	if head.Version >= flow.HTTP2 && s.HTTP2 {
		n.Protocols, n.Prior = []string{"h2", "http/1.1"}, true
	}
	if head.Host != was.Request.Host {
		return n // it is another server's name
	}
	for _, c := range []*flow.Conn{was.Server, was.Client} {
		if c != nil && c.TLS != nil && c.TLS.SNI != "" {
			n.SNI = c.TLS.SNI
			return n
		}
	}
	return n
}
