package pyhost

import "midstream/hook"

// opened notes that the flow has become a WebSocket.
func (f *picture) opened(w *hook.WebSocket) {
	if w == nil || f.socket == w {
		return // only hooks of the flow write it, one at a time
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.socket = w
}

// inject sends a message into the WebSocket while no hook of the flow runs. One that
// is too many, or comes too late, is noted in the log.
func (f *picture) inject(m hook.Injected) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.socket == nil:
	case len(f.waiting) >= maxLate:
		f.p.v.host.log.Warn("a message that a script injects was not sent: too many wait", "script", f.p.v.path, "flow", f.id)
	default:
		f.waiting = append(f.waiting, m)
		if !f.sending {
			f.sending = true
			f.p.readers.Go(f.sendWaiting)
		}
	}
}

func (f *picture) sendWaiting() {
	for {
		f.mu.Lock()
		if len(f.waiting) == 0 {
			f.sending = false
			f.mu.Unlock()
			return
		}
		m, w := f.waiting[0], f.socket
		f.waiting = f.waiting[1:]
		f.mu.Unlock()
		if err := w.Send(m); err != nil {
			f.p.v.host.log.Warn("a message that a script injects was not sent: "+err.Error(), "script", f.p.v.path, "flow", f.id)
		}
	}
}
