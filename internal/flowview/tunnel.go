package flowview

import (
	"context"
	"io"
	"iter"
	"sort"

	"midstream/flow"
	"midstream/internal/message"
	"midstream/internal/store"
)

// tunnel finds what passed in one piece through a raw tunnel, both directions in the
// order of their times, with q.Side ToServer only those of the client.
func (q *MessageQuery) tunnel(ctx context.Context, r *store.Reader, f *flow.Flow, yield func(*Message) bool) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var from [2]int64
	if q.Side == flow.ToServer {
		from[flow.ToServer] = q.From
		return q.page(q.pieces(ctx, r, f, flow.ToServer, q.From), q.From, yield)
	}
	from, err := q.split(ctx, r, f)
	if err != nil {
		return err
	}
	all := []iter.Seq2[*Message, error]{
		q.pieces(ctx, r, f, flow.ToServer, from[flow.ToServer]), q.pieces(ctx, r, f, flow.ToClient, from[flow.ToClient]),
	}
	merged := byTime(all)
	if q.Follow && f.Live() {
		merged = asTheyCome(all, stop)
	}
	return q.page(merged, from[0]+from[1], yield)
}

// split tells how many messages of each direction stand before the first one that
// is wanted: none where not all of them were noted, as while the flow lives.
func (q *MessageQuery) split(ctx context.Context, r *store.Reader, f *flow.Flow) (from [2]int64, err error) {
	var marks [2]*store.Marks
	for side := range marks {
		if marks[side], err = r.Marks(ctx, q.Number, flow.Side(side)); err != nil {
			return from, err
		}
		defer marks[side].Close()
	}
	up, down := marks[flow.ToServer], marks[flow.ToClient]
	if q.Side == flow.ToServer {
		if !f.Live() && up.First() == 0 && up.Count() == f.RequestBody.Messages {
			from[flow.ToServer] = min(q.From, up.Count())
		}
		return from, nil
	}
	if f.Live() || up.First() > 0 || down.First() > 0 || up.Count() != f.RequestBody.Messages || down.Count() != f.ResponseBody.Messages {
		return from, nil
	}
	// The n first of both are i of the client and n-i of the server: the smallest i
	// whose next one is not before the last of the server.
	n := min(q.From, up.Count()+down.Count())
	least := max(0, n-down.Count())
	i := least + int64(sort.Search(int(min(n, up.Count())-least), func(k int) bool {
		i := least + int64(k)
		if i >= up.Count() || n-i == 0 {
			return true
		}
		next, nerr := up.At(i)
		last, lerr := down.At(n - i - 1)
		if nerr != nil || lerr != nil {
			return true
		}
		return next.Time.After(last.Time)
	}))
	return [2]int64{i, n - i}, nil
}

// pieces is what passed in one direction, from a message on; an error is the last
// element.
func (q *MessageQuery) pieces(ctx context.Context, r *store.Reader, f *flow.Flow, side flow.Side, from int64) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		own := *q
		own.Side, own.From, own.Count = side, from, 0
		peer := flow.AtClient
		if side == flow.ToClient {
			peer = flow.AtServer
		}
		give := func(m *Message) bool {
			m.From = peer
			return yield(m, nil)
		}
		b := bodyOf(f, side)
		p, err := own.openPlaces(ctx, r, f, message.TCP)
		more := true
		if err == nil {
			defer p.Close()
			if more, err = own.listMarked(p, message.TCP, "", give); more && err == nil && !p.ended() {
				more, err = own.listPieces(p, give)
			}
		}
		if !more {
			return
		}
		if now, gerr := r.Get(ctx, q.Number); q.Follow && gerr == nil {
			b = bodyOf(now, side)
		}
		if err = whole(err, b); err != nil {
			yield(nil, err)
		}
	}
}

// listPieces yields the pieces behind those that were noted, as they come.
func (q *MessageQuery) listPieces(p *places, yield func(*Message) bool) (more bool, err error) {
	if err := p.seek(p.end); err != nil {
		return true, err
	}
	m := Message{Kind: message.TCP, Index: p.count, Offset: p.end, Raw: make([]byte, 0, 64<<10)}
	for {
		n, err := p.content.Read(m.Raw[:cap(m.Raw)])
		if m.Raw = m.Raw[:n]; n > 0 {
			m.Length, m.Time = int64(n), p.at()
			if m.Index >= q.From && !yield(&m) {
				return false, nil
			}
			m.Index++
			m.Offset += int64(n)
		}
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return true, err
		}
	}
}
