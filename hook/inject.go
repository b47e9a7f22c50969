package hook

import (
	"errors"
	"sync"
)

// Injected is a message that a hook has added: to a WebSocket, as Text or else binary,
// or to a raw tunnel, where it is no more than octets.
type Injected struct {
	ToClient, Text bool
	Content        []byte
}

// maxInjected is how many messages a hook may add at a time, maxInjectedSize how
// many octets.
const (
	maxInjected     = 1024
	maxInjectedSize = 16 << 20
)

var (
	// ErrTooMuchInjected is returned past what a hook may add.
	ErrTooMuchInjected = errors.New("more than 1024 messages, or 16 MiB, were injected by one hook")
	// ErrSocketClosed is returned by Send where the WebSocket connection is not open
	// any more, ErrTunnelClosed where a raw tunnel is not.
	ErrSocketClosed = errors.New("the WebSocket connection is not open any more")
	ErrTunnelClosed = errors.New("the connection is not open any more")
)

// injecting is what WebSocket and TCP have in common: messages may be put into them.
type injecting struct {
	injected []Injected
	size     int

	sender *sender // nil where nothing can be sent but by hooks
	closed error   // what Send says then
}

// sender is what Send sends by.
type sender struct {
	mu   sync.Mutex
	send func(Injected) error // nil when the connection is over
}

// open makes Send call send until over is called; closed is its error then.
func (i *injecting) open(send func(Injected) error, closed error) (over func()) {
	s := &sender{send: send}
	i.sender, i.closed = s, closed
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.send = nil
	}
}

// Inject sends a message when the hooks have run, behind the one that they ran
// on. No hook sees it. It may be called by hooks of the connection, while they
// run. Content must not change any more.
func (i *injecting) Inject(m Injected) error {
	if len(i.injected) == maxInjected || i.size+len(m.Content) > maxInjectedSize {
		return ErrTooMuchInjected
	}
	i.injected = append(i.injected, m)
	i.size += len(m.Content)
	return nil
}

// TakeInjected returns what was injected and forgets it.
func (i *injecting) TakeInjected() []Injected {
	all := i.injected
	i.injected, i.size = nil, 0
	return all
}

// Send sends a message at once, behind the one that is under way to the same side. No
// hook sees it. It may be called by anybody at any time; it waits while the receiver
// takes nothing. Content must not change any more.
func (i *injecting) Send(m Injected) error {
	s := i.sender
	if s == nil {
		if i.closed != nil {
			return i.closed
		}
		return ErrSocketClosed
	}
	s.mu.Lock()
	send := s.send
	s.mu.Unlock()
	if send == nil {
		return i.closed
	}
	return send(m)
}
