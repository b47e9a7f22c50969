package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"midstream/flow"
	"midstream/internal/body"
	"midstream/internal/capture"
	"midstream/internal/engine"
	"midstream/internal/format"
	"midstream/internal/query"
)

// Extra is what becomes of a request that no recording answers.
type Extra int

// The choices; any other number is the status of an empty response.
const (
	Forward Extra = 0  // goes to its server
	Kill    Extra = -1 // is ended without a response
)

// Answers gives requests the responses that were recorded. Make it ready with Load;
// then its other methods may be called at once.
type Answers struct {
	Matching Matching
	Extra    Extra
	// Reuse lets a recording answer more than once.
	Reuse bool
	// Refresh moves dates on.
	Refresh bool
	// Speed is how fast streams of messages are.
	Speed Speed
	// NewShelf makes a shelf for the flows of files.
	NewShelf func() (*Shelf, error)
	// Budget is for bodies that wait until it is known who answers.
	Budget *body.Budget
	// Log takes what cannot answer; nil discards it.
	Log *slog.Logger

	mu      sync.Mutex // guards what follows, and the entries
	flows   map[sum][]*entry
	left    int // not given yet
	running int
	done    chan struct{} // closed when all are given; nil before Drained
	shelves []*Shelf
	own     *Shelf
}

// entry is a flow that can answer.
type entry struct {
	shelf  *Shelf
	number uint64
	body   sum
	known  bool // the body is
	timed  bool // the times of its pieces are known
	given  bool
}

// Load takes the flows of a file or a session in, as far as it has them now. What has
// no response is left out.
func (a *Answers) Load(ctx context.Context, path string, stdin io.Reader) error {
	if a.flows == nil {
		a.flows = make(map[sum][]*entry)
	}
	log := a.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	info, err := os.Stat(path)
	session := path != "-" && err == nil && info.IsDir()
	src, err := capture.Open(ctx, path, "", stdin)
	if err != nil {
		return err
	}
	defer src.Close()
	var shelf *Shelf
	if session {
		if shelf, err = shelfOf(path); err == nil {
			a.shelves = append(a.shelves, shelf)
		}
	} else if shelf = a.own; shelf == nil {
		if shelf, err = a.NewShelf(); err == nil {
			a.shelves, a.own = append(a.shelves, shelf), shelf
		}
	}
	if err != nil {
		return err
	}
	for {
		it, err := src.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			if _, ok := errors.AsType[*capture.Damaged](err); !ok {
				return err
			}
			log.Warn(err.Error())
			continue
		}
		if !answers(it) {
			continue
		}
		e := &entry{shelf: shelf, number: it.Flow.Number, timed: session}
		if e.body, e.known, err = a.Matching.bodyOf(it); err != nil {
			return fmt.Errorf("read %s: %w", name(it.Flow), err)
		}
		if !session {
			if e.number, err = shelf.Put(it); err != nil {
				return err
			}
		}
		key := a.Matching.head(it.Flow.Request)
		a.flows[key] = append(a.flows[key], e)
		a.left++
	}
}

// answers tells whether an Item has a response that can be given again.
func answers(it *format.Item) bool {
	f := it.Flow
	switch {
	case f.Kind != flow.HTTP || f.Request == nil || f.Response == nil || f.Request.Form == flow.AuthorityForm && f.Request.Protocol == "" || f.Live():
		return false
	case switched(f):
		return query.IsWebSocket(f)
	}
	return it.Bodies[flow.ToClient] != nil
}

// bodyOf is the content of the request of an Item; known is false where it is missing.
func (m *Matching) bodyOf(it *format.Item) (s sum, known bool, err error) {
	c := m.newContent(it.Flow.Request.Fields)
	b := it.Bodies[flow.ToServer]
	if m.IgnoreContent || switched(it.Flow) {
		return c.sum(), true, nil
	}
	if b == nil {
		return s, false, nil
	}
	if _, err := io.Copy(c, io.NewSectionReader(b, 0, b.Size())); err != nil {
		return s, false, err
	}
	return c.sum(), true, nil
}

// waiting tells whether a flow with this head can still answer.
func (a *Answers) waiting(key sum) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.flows[key] {
		if !e.given {
			return true
		}
	}
	return false
}

// take gives out the first flow with this head and body; with any body where body is
// nil. Each one that is taken must be ended.
func (a *Answers) take(key sum, body *sum) *entry {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := a.flows[key]
	for i, e := range list {
		if e.given || body != nil && (!e.known || e.body != *body) {
			continue
		}
		a.running++
		if !a.Reuse {
			e.given = true
			a.left--
			if i == 0 {
				a.flows[key] = list[1:]
			}
		}
		return e
	}
	return nil
}

// ended tells that a flow that was taken has been given.
func (a *Answers) ended() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running--
	a.settle()
}

func (a *Answers) settle() {
	if a.done != nil && a.left == 0 && a.running == 0 {
		close(a.done)
		a.done = nil
	}
}

// Left is how many flows have not answered yet.
func (a *Answers) Left() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.left
}

// Wait returns when all flows have answered, which with Reuse they never have, or
// when ctx ends. One at a time may wait.
func (a *Answers) Wait(ctx context.Context) {
	done := make(chan struct{})
	a.mu.Lock()
	a.done = done
	a.settle()
	a.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// Close lets go of the flows.
func (a *Answers) Close() error {
	var errs []error
	for _, s := range a.shelves {
		errs = append(errs, s.Close())
	}
	a.shelves, a.own = nil, nil
	return errors.Join(errs...)
}

// Before stands before servers: what no recording answers goes on to them, or
// becomes of what Extra says.
func (a *Answers) Before(servers engine.Upstream) engine.Upstream { return &answering{a, servers} }
