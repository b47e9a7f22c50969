package script

import (
	"sync"
	"time"
)

// State is how a script is.
type State struct {
	Path   string
	Loaded bool // a version of it runs
	// Fault is what went wrong last, "" for nothing since it was loaded; At says when.
	Fault string
	At    time.Time
}

// maxFault bounds the text of a fault, in octets.
const maxFault = 4 << 10

// faults are the last ones, by the path of the script. The zero value has none.
type faults struct {
	mu   sync.Mutex // guards last
	last map[string]State
}

// note keeps what went wrong; nil forgets it.
func (f *faults) note(path string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		delete(f.last, path)
		return
	}
	if f.last == nil {
		f.last = make(map[string]State)
	}
	text := err.Error()
	f.last[path] = State{Fault: text[:min(len(text), maxFault)], At: time.Now()}
}

// States are the scripts in their order.
func (h *Host) States() []State {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]State, 0, len(h.files))
	h.faults.mu.Lock()
	defer h.faults.mu.Unlock()
	for _, f := range h.files {
		s := h.faults.last[f.path]
		s.Path, s.Loaded = f.path, f.version != nil
		list = append(list, s)
	}
	return list
}
