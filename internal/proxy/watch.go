package proxy

import (
	"errors"
	"os"
	"sync"
	"time"
)

// watch looks out for a server that speaks first, while somebody else waits for
// the client's first octet.
type watch struct {
	quit chan struct{} // closed by stop
	done chan struct{} // closed when nothing is watched any more

	mu      sync.Mutex // guards what follows
	stopped bool
	server  awaited // what is being read; nil while there is nothing

	// Valid after stop: the server has sent something, or ended the connection.
	spoke, left bool
}

// awaited is a connection whose first octet can be waited for; it stays to be read.
type awaited interface {
	Await() error
	SetReadDeadline(time.Time) error
}

// past is a deadline that has gone by: it interrupts a read that waits.
var past = time.Unix(1, 0)

// startWatch watches the server that d reaches. When it speaks, the wait for
// down's first octet ends; when it cannot be reached, the wait is bounded.
func startWatch(d *dialing, down *conn) *watch {
	w := &watch{done: make(chan struct{}), quit: make(chan struct{})}
	go func() {
		defer close(w.done)
		select {
		case <-w.quit:
			return
		case <-d.done:
		}
		if d.conn == nil {
			w.bound(down)
			return
		}
		w.look(d.conn.Conn, down)
	}()
	return w
}

// watchSecured watches a server whose handshake is done.
func watchSecured(server, down *conn) *watch {
	w := &watch{done: make(chan struct{}), quit: make(chan struct{})}
	go func() {
		defer close(w.done)
		w.look(server, down)
	}()
	return w
}

// look waits for the server's first octet.
func (w *watch) look(server awaited, down *conn) {
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		return
	}
	w.server = server
	w.mu.Unlock()
	err := server.Await()
	switch {
	case err == nil:
		w.spoke = true
		w.interrupt(down, past)
	case !errors.Is(err, os.ErrDeadlineExceeded):
		w.left = true
		w.bound(down)
	}
}

// bound gives the client a last moment to speak.
func (w *watch) bound(down *conn) { w.interrupt(down, time.Now().Add(firstOctet)) }

func (w *watch) interrupt(down *conn, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopped {
		down.SetReadDeadline(at)
	}
}

// stop ends the watch; nobody reads from the server any more then.
func (w *watch) stop() {
	w.mu.Lock()
	w.stopped = true
	server := w.server
	w.mu.Unlock()
	close(w.quit)
	if server != nil {
		server.SetReadDeadline(past)
	}
	<-w.done
	if server != nil {
		server.SetReadDeadline(time.Time{})
	}
}
