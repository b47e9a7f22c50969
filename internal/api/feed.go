package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// Bounds of a reader of a feed.
const (
	maxQueued  = 64               // messages that wait for it
	keepAlive  = 15 * time.Second // between comments
	writeLimit = 30 * time.Second // for one write
)

// feed has the readers of one view. The zero value has none.
type feed struct {
	mu      sync.Mutex // guards the rest
	readers map[*reader]bool
	closed  bool
}

// reader is one reader of a feed.
type reader struct {
	queue chan *told
	slow  chan struct{} // has one element when messages were lost
	ended chan struct{} // closed when the view ends
}

func (f *feed) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.readers)
}

func (f *feed) open() (*reader, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, false
	}
	r := &reader{queue: make(chan *told, maxQueued), slow: make(chan struct{}, 1), ended: make(chan struct{})}
	if f.readers == nil {
		f.readers = make(map[*reader]bool)
	}
	f.readers[r] = true
	return r, true
}

func (f *feed) leave(r *reader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.readers, r)
}

func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.closed = true
	for r := range f.readers {
		close(r.ended)
	}
}

// told is one thing that readers are told of, encoded once for all of them.
type told struct {
	name string
	data []byte // JSON in one line

	text, frame         []byte
	textOnce, frameOnce sync.Once
}

// asText is it as a server-sent event.
func (m *told) asText() []byte {
	m.textOnce.Do(func() { m.text = eventText(m.name, m.data) })
	return m.text
}

// asFrame is it as a message of WebSocket.
func (m *told) asFrame() []byte {
	m.frameOnce.Do(func() { m.frame = eventFrame(m.name, m.data) })
	return m.frame
}

// send hands a message to all readers. One that has no room loses it, and is told
// to ask again.
func (f *feed) send(message *told) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for r := range f.readers {
		select {
		case r.queue <- message:
		default:
			r.lose()
		}
	}
}

// resync tells all readers to ask again.
func (f *feed) resync() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for r := range f.readers {
		r.lose()
	}
}

func (r *reader) lose() {
	select {
	case r.slow <- struct{}{}:
	default:
	}
}

// drop forgets what waits.
func (r *reader) drop() {
	for {
		select {
		case <-r.queue:
		default:
			return
		}
	}
}

// eventText is a server-sent event (WHATWG HTML section 9.2.6). data has no line
// ends.
func eventText(name string, data []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(data) + len(name) + 16)
	b.WriteString("event: ")
	b.WriteString(name)
	b.WriteString("\ndata: ")
	b.Write(data)
	b.WriteString("\n\n")
	return b.Bytes()
}

// events writes server-sent events.
type events struct {
	w    http.ResponseWriter
	ctl  *http.ResponseController
	fail error
}

// beginEvents begins an answer of server-sent events.
func beginEvents(w http.ResponseWriter) *events {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	e := &events{w: w, ctl: http.NewResponseController(w)}
	e.write(nil)
	return e
}

// write sends octets at once; it tells whether the reader is still there.
func (e *events) write(p []byte) bool {
	if e.fail != nil {
		return false
	}
	_ = e.ctl.SetWriteDeadline(time.Now().Add(writeLimit)) // a test's writer has none
	if _, e.fail = e.w.Write(p); e.fail == nil {
		e.fail = e.ctl.Flush()
	}
	return e.fail == nil
}

// event sends one.
func (e *events) event(name string, v any) bool {
	data, err := json.Marshal(v)
	if err != nil {
		return false
	}
	return e.write(eventText(name, data))
}

// outlet is where a reader's events go. Its methods tell whether the reader is
// still there.
type outlet interface {
	tell(m *told) bool
	event(name string, v any) bool
	alive() bool
}

func (e *events) tell(m *told) bool { return e.write(m.asText()) }
func (e *events) alive() bool       { return e.write([]byte(":\n\n")) }

// serveFeed is GET /views/{view}/feed.
func (s *Server) serveFeed(w http.ResponseWriter, r *http.Request) error {
	v, err := s.hub.find(r.PathValue("view"))
	if err != nil {
		return err
	}
	socket := upgrades(r)
	if socket {
		if err := checkUpgrade(r); err != nil {
			return err
		}
	}
	mine, ok := v.feed.open()
	if !ok {
		return notFound("the view has ended: begin a new one")
	}
	s.hub.wishAnew()
	defer v.touch()
	defer v.feed.leave(mine)
	if !isReadOnly(r.Context()) {
		defer s.attach()()
	}
	if socket {
		return s.serveSocket(w, r, v, mine)
	}
	s.feedTo(beginEvents(w), v, mine, r.Context().Done())
	return nil
}

// feedTo tells a reader what changes, until it has left or the view ends.
func (s *Server) feedTo(out outlet, v *view, mine *reader, left <-chan struct{}) {
	if !out.event("position", v.state()) {
		return
	}
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	for there := true; there; {
		select {
		case message := <-mine.queue:
			there = out.tell(message)
		case <-mine.slow:
			mine.drop()
			s.hub.resyncs.Add(1)
			there = out.event("resync", v.state())
		case <-alive.C:
			there = out.alive()
		case <-mine.ended:
			return
		case <-s.stopping:
			return
		case <-left:
			return
		}
	}
}
