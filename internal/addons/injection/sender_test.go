package injection

import (
	"context"
	"errors"
	"testing"

	"midstream/hook"
)

func TestSend(t *testing.T) {
	var s Sender
	m := hook.Injected{Content: []byte("hello")}
	if err := s.Send(t.Context(), 1, m); !errors.Is(err, ErrUnknown) || s.Knows(1) {
		t.Errorf("a flow that nobody knows: %v", err)
	}
	taken, take := make(chan hook.Injected), make(chan struct{})
	s.note(1, func(m hook.Injected) error {
		taken <- m
		<-take
		return nil
	})
	ctx, leave := context.WithCancel(t.Context())
	first := make(chan error)
	go func() { first <- s.Send(ctx, 1, m) }()
	if got := <-taken; string(got.Content) != "hello" {
		t.Errorf("%+v", got)
	}
	if err := s.Send(t.Context(), 1, m); !errors.Is(err, ErrBusy) {
		t.Errorf("while the first waits: %v", err)
	}
	leave()
	if err := <-first; !errors.Is(err, ErrBusy) {
		t.Errorf("who does not wait: %v", err)
	}
	close(take)
	s.note(2, func(hook.Injected) error { return hook.ErrTunnelClosed })
	if err := s.Send(t.Context(), 2, m); !errors.Is(err, hook.ErrTunnelClosed) {
		t.Errorf("a connection that is over: %v", err)
	}
	s.forget(2)
	if s.Knows(2) || !s.Knows(1) {
		t.Error("the other one was forgotten")
	}
}
