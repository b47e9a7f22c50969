package engine

import (
	"fmt"
	"sync"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
)

// tunnelWay is one direction of a raw tunnel that hooks hear: what comes and what they
// add are written one after the other.
type tunnelWay struct {
	dst body.Duplex
	tap body.Tap // of what hooks add

	mu   sync.Mutex // held while something is written
	shut bool       // the direction has ended
}

// write sends p in one piece; sent tells that the direction was open.
func (w *tunnelWay) write(p []byte, tap body.Tap) (sent bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shut {
		return false, nil
	}
	return true, write(w.dst, p, tap)
}

// shutdown lets nothing more pass, and waits for what is being written.
func (w *tunnelWay) shutdown() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shut = true
}

// sideOf is the side that m is sent on.
func sideOf(m hook.Injected) flow.Side {
	if m.ToClient {
		return flow.ToClient
	}
	return flow.ToServer
}

// put sends a message that was added. sent is false where its direction has ended.
func (h *tunnelHooks) put(m hook.Injected) (sent bool, _ *flow.Error) {
	if len(m.Content) == 0 {
		return true, nil // there is no empty message
	}
	side := sideOf(m)
	sent, err := h.ways[side].write(m.Content, h.ways[side].tap)
	if sent {
		h.changed[side].Store(true)
	}
	if err != nil {
		to := flow.AtServer
		if m.ToClient {
			to = flow.AtClient
		}
		return true, rawError(err, to)
	}
	return sent, nil
}

// inject sends what hooks have added while they ran. The hooks lock is not held.
func (h *tunnelHooks) inject(all []hook.Injected) *flow.Error {
	for _, m := range all {
		sent, err := h.put(m)
		if err != nil {
			return err
		}
		if !sent {
			h.mu.Lock()
			h.live.Find("message-refused", fmt.Sprintf("a message that a hook injected was not sent %s: that direction had ended", sideText(m)))
			h.mu.Unlock()
		}
	}
	return nil
}

func sideText(m hook.Injected) string {
	if m.ToClient {
		return "to the client"
	}
	return "to the server"
}

// send is what hook.TCP.Send does.
func (h *tunnelHooks) send(m hook.Injected) error {
	sent, err := h.put(m)
	if err != nil {
		return err
	}
	if !sent {
		return hook.ErrTunnelClosed
	}
	return nil
}
