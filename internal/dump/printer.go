package dump

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"midstream/flow"
	"midstream/internal/message"
	"midstream/internal/view"
)

// Form is what is printed of a flow.
type Form uint8

// The forms.
const (
	Text Form = iota
	JSON      // one object a flow, when it ends
)

// The details of the form Text, as flow_detail counts them.
const (
	Nothing = 0
	OneLine = 1
	Heads   = 2 // and findings and tries
	Cut     = 3 // and content, cut to a number of lines
	Uncut   = 4
)

// Config says what a Printer prints, and where.
type Config struct {
	// Out takes what is printed; only the Printer writes to it until Close has
	// returned.
	Out  io.Writer
	Form Form
	// Wanted tells whether a flow is printed; nil prints all. It is asked by the
	// goroutine that prints and may read bodies.
	Wanted func(f *flow.Flow) bool
	// Detail returns one of Nothing to Uncut; nil is OneLine. It is asked for
	// each flow, so that it may change while the program runs.
	Detail  func() int
	Palette Palette
	// Host returns which host URLs are printed with, asked once a flow; nil is Target.
	Host func() Host
	// Width returns the columns of the terminal, 0 without one; nil is 0.
	Width func() int
	// Lines returns what detail Cut cuts content to; nil is 512.
	Lines func() int
	// Content opens recorded bodies; nil prints none.
	Content Content
	// View returns the name of the view that prints content, asked once a flow; nil
	// is the one that fits.
	View func() string
	// Schema names the fields of protobuf in content; nil guesses.
	Schema *view.Schema
	// Others returns the views of scripts; nil has none.
	Others func() view.Others
	// Message makes a message one line of text, not safe yet; nil prints none. It is
	// asked by the goroutine that prints.
	Message func(m *message.Passed) string
	// Log takes what goes wrong in printing; nil discards it.
	Log *slog.Logger
}

const (
	// mostQueued bounds what waits to be printed, in octets of heads.
	mostQueued = 4 << 20
	// mostMessages bounds the messages that wait for it, in octets.
	mostMessages = 1 << 20
	// longestMessage is how much of a message is kept to be printed, in octets.
	longestMessage = 4 << 10
	// defaultLines is how many lines of content mitmproxy shows, too.
	defaultLines = 512
	// tick is how often live flows are looked at.
	tick = 200 * time.Millisecond
)

// Printer prints flows. It is the engine's Watcher.
type Printer struct {
	cfg  Config
	wake chan struct{}
	stop chan struct{}
	done chan struct{}
	once sync.Once

	mu     sync.Mutex // guards what follows
	live   liveFlows
	queue  []entry
	queued int64 // octets of flows
	inside int64 // octets of messages
	lost   int   // flows that found the queue full
	unsaid int64 // messages that did
	closed bool
	// roomy tells those who wait in Await that the queue was emptied.
	roomy *sync.Cond
}

// entry is what is to be printed: a flow, or a message.
type entry struct {
	flow    *flow.Flow
	message *message.Passed
}

// New starts a Printer. The caller must Close it.
func New(cfg Config) *Printer {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Width == nil {
		cfg.Width = func() int { return 0 }
	}
	if cfg.Detail == nil {
		cfg.Detail = func() int { return OneLine }
	}
	if cfg.View == nil {
		cfg.View = func() string { return view.Auto }
	}
	if cfg.Host == nil {
		cfg.Host = func() Host { return Target }
	}
	if cfg.Lines == nil {
		cfg.Lines = func() int { return defaultLines }
	}
	p := &Printer{cfg: cfg, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	p.roomy = sync.NewCond(&p.mu)
	go p.run()
	return p
}

// Await waits until the queue is less than half full, or ctx ends. It is for those
// who can wait: a file that is read is printed whole. A nil Printer prints nothing.
func (p *Printer) Await(ctx context.Context) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.roomFor() {
		return
	}
	stop := context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.roomy.Broadcast()
	})
	defer stop()
	for !p.roomFor() && ctx.Err() == nil {
		p.roomy.Wait()
	}
}

func (p *Printer) roomFor() bool {
	return p.closed || p.queued < mostQueued/2 && p.inside < mostMessages/2
}

// Watch takes a picture of a flow: while it lives, and when it has ended. It
// never waits; when too much is to be printed already, the flow is counted
// only. After Close it does nothing.
func (p *Printer) Watch(f *flow.Flow) {
	quiet := p.cfg.Form == Text && p.cfg.Detail() <= Nothing
	var size int64
	if !quiet {
		size = sizeOf(f)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	if f.Live() {
		if p.cfg.Form == Text && !quiet {
			p.live.watch(f, size, time.Now())
		}
		return
	}
	p.live.ended(f.ID)
	if quiet {
		return
	}
	p.enqueue(f, size)
}

// enqueue adds f to what is to be printed; the caller holds the lock.
func (p *Printer) enqueue(f *flow.Flow, size int64) {
	if p.queued+size > mostQueued && len(p.queue) > 0 {
		p.lost++
		return
	}
	p.queue = append(p.queue, entry{flow: f})
	p.queued += size
	p.nudge()
}

func (p *Printer) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// WantsMessages tells whether messages are printed as they pass: from detail Cut on.
func (p *Printer) WantsMessages() bool {
	return p.cfg.Form == Text && p.cfg.Message != nil && p.cfg.Detail() >= Cut
}

// WatchMessage takes a message of a flow. It never waits; when too much is to be
// printed already, the message is counted only.
func (p *Printer) WatchMessage(m message.Passed) {
	raw := m.Raw[:min(len(m.Raw), longestMessage)]
	size := int64(len(raw)) + 256
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	if p.inside+size > mostMessages {
		p.unsaid++
		return
	}
	if f, size := p.live.announce(m.Flow.ID); f != nil {
		p.enqueue(f, size) // the messages stand below the line of their flow
	}
	m.Raw = append([]byte(nil), raw...)
	p.queue = append(p.queue, entry{message: &m})
	p.inside += size
	p.nudge()
}

// Close prints what is queued and ends the Printer. When ctx ends first, as it
// does when nobody reads Out, it returns the cause at once; then a goroutine is
// left until the Write that it waits for returns.
func (p *Printer) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.roomy.Broadcast()
	p.mu.Unlock()
	p.once.Do(func() { close(p.stop) })
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("print the last flows: %w", context.Cause(ctx))
	}
}

// run is the one goroutine that prints.
func (p *Printer) run() {
	defer close(p.done)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	w := &writer{Printer: p, out: bufio.NewWriterSize(p.cfg.Out, 32<<10)}
	for {
		select {
		case <-p.wake:
		case <-ticker.C:
			p.findDue()
		case <-p.stop:
			w.drain()
			return
		}
		w.drain()
	}
}

// findDue queues the flows that have lived for a second.
func (p *Printer) findDue() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.live.due(time.Now()) {
		p.enqueue(f, sizeOf(f))
	}
}

// take empties the queue.
func (p *Printer) take() (all []entry, lost int, unsaid int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all, lost, unsaid = p.queue, p.lost, p.unsaid
	p.queue, p.queued, p.lost, p.inside, p.unsaid = nil, 0, 0, 0, 0
	p.roomy.Broadcast()
	return all, lost, unsaid
}

// sizeOf estimates the octets that f keeps in memory.
func sizeOf(f *flow.Flow) int64 {
	n := 1024 + f.Before.Kept()
	if f.Request != nil {
		n += len(f.Request.Path) + fieldsSize(f.Request.Fields) + fieldsSize(f.Request.Trailers)
	}
	if f.Response != nil {
		n += fieldsSize(f.Response.Fields) + fieldsSize(f.Response.Trailers)
	}
	for i := range f.Interim {
		n += 128 + fieldsSize(f.Interim[i].Fields)
	}
	for i := range f.Findings {
		n += len(f.Findings[i].Text)
	}
	return int64(n)
}

func fieldsSize(fields flow.Fields) int {
	n := 0
	for i := range fields {
		n += 48 + len(fields[i].Name) + len(fields[i].Value)
	}
	return n
}
