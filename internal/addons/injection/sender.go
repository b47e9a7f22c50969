package injection

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"midstream/hook"
)

var (
	// ErrUnknown says that nothing can be put into a flow.
	ErrUnknown = errors.New("messages can be put into a WebSocket or a raw tunnel that is open, and that began while the page, or another reader of a feed, was there")
	// ErrBusy says that the receiver has not taken the message before.
	ErrBusy = errors.New("the receiver has not taken the message before yet")
)

// Sender is the addon. The zero value is ready.
type Sender struct {
	mu   sync.Mutex // guards open
	open map[uint64]*connection
}

// connection is one that is open.
type connection struct {
	send    func(hook.Injected) error
	sending sync.Mutex // held while a message is under way
}

// Name implements hook.Named.
func (*Sender) Name() string { return "injection" }

// Prompt implements hook.Prompt: nothing here waits.
func (*Sender) Prompt() bool { return true }

// WebSocketStart notes a connection.
func (s *Sender) WebSocketStart(_ context.Context, x *hook.Exchange) error {
	s.note(x.Number, x.WebSocket.Send)
	return nil
}

// WebSocketEnd forgets it.
func (s *Sender) WebSocketEnd(_ context.Context, x *hook.Exchange) error {
	s.forget(x.Number)
	return nil
}

// TCPStart notes a connection.
func (s *Sender) TCPStart(_ context.Context, x *hook.Exchange) error {
	s.note(x.Number, x.TCP.Send)
	return nil
}

// TCPEnd forgets it.
func (s *Sender) TCPEnd(_ context.Context, x *hook.Exchange) error {
	s.forget(x.Number)
	return nil
}

// TCPError forgets it.
func (s *Sender) TCPError(_ context.Context, x *hook.Exchange) error {
	s.forget(x.Number)
	return nil
}

func (s *Sender) note(number uint64, send func(hook.Injected) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = make(map[uint64]*connection)
	}
	s.open[number] = &connection{send: send}
}

func (s *Sender) forget(number uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, number)
}

// Knows tells whether messages can be put into a flow.
func (s *Sender) Knows(number uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[number] != nil
}

// Send puts a message into a flow, and returns when it was sent, or ctx has ended: then
// it may be sent yet. It fails with ErrUnknown, with ErrBusy, and with what the
// connection says. Content must not change any more.
func (s *Sender) Send(ctx context.Context, number uint64, m hook.Injected) error {
	s.mu.Lock()
	c := s.open[number]
	s.mu.Unlock()
	if c == nil {
		return fmt.Errorf("send a message on flow %d: %w", number, ErrUnknown)
	}
	if !c.sending.TryLock() {
		return fmt.Errorf("send a message on flow %d: %w", number, ErrBusy)
	}
	done := make(chan error, 1)
	go func() { // the end of the connection ends it
		defer c.sending.Unlock()
		done <- c.send(m)
	}()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("send a message on flow %d: %w", number, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("send a message on flow %d: %w", number, ErrBusy)
	}
}
