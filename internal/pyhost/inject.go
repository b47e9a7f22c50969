package pyhost

import "midstream/hook"

// inlet is what messages can be put into: a *hook.WebSocket or a *hook.TCP.
type inlet interface {
	Inject(hook.Injected) error
	Send(hook.Injected) error
}

// inletOf is nil where the flow is neither.
func inletOf(x *hook.Exchange) inlet {
	switch {
	case x.WebSocket != nil:
		return x.WebSocket
	case x.TCP != nil:
		return x.TCP
	}
	return nil
}

// opened notes what the flow has become.
func (f *picture) opened() {
	o := inletOf(f.x)
	if o == nil || f.inlet == o {
		return // only hooks of the flow write it, one at a time
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inlet = o
}

// inject sends a message while no hook of the flow runs. One that is too many, or
// comes too late, is noted in the log.
func (f *picture) inject(m hook.Injected) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.inlet == nil:
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
		m, o := f.waiting[0], f.inlet
		f.waiting = f.waiting[1:]
		f.mu.Unlock()
		if err := o.Send(m); err != nil {
			f.p.v.host.log.Warn("a message that a script injects was not sent: "+err.Error(), "script", f.p.v.path, "flow", f.id)
		}
	}
}
