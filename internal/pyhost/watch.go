package pyhost

import (
	"context"
	"os"
	"sync/atomic"
	"time"
)

// file is one path of Load and what runs from it.
type file struct {
	path    string
	version atomic.Pointer[version] // nil while it does not load, or is gone

	// Below belongs to who holds Host.mu.
	size    int64
	time    time.Time
	missing int // looks in a row that did not find it
}

// look takes a new stamp of the file and tells whether it differs.
func (f *file) look() (changed bool) {
	size, at := int64(-1), time.Time{}
	if st, err := os.Stat(f.path); err == nil {
		size, at = st.Size(), st.ModTime()
	}
	changed = size != f.size || !at.Equal(f.time)
	f.size, f.time = size, at
	return changed
}

// goneAfter is how many looks in a row must miss a file before it counts as
// removed: editors write beside it and rename.
const goneAfter = 2

// watch starts the goroutine that looks for changes, once. h.mu is held.
func (h *Host) watch() {
	if h.watching || len(h.files) == 0 {
		return
	}
	h.watching = true
	h.work.Go(func() {
		tick := time.NewTicker(h.config.Poll)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				h.poll()
			case <-h.closing:
				return
			}
		}
	})
}

// poll looks at all files once and reloads what has changed.
func (h *Host) poll() {
	h.mu.Lock()
	var old []*version
	changed := false
	for _, f := range h.files {
		was := f.version.Load()
		news := h.refresh(f)
		if news == "" {
			continue
		}
		h.log.Info(news, "script", f.path)
		changed = true
		if was != nil {
			old = append(old, was)
		}
	}
	h.mu.Unlock()
	if !changed {
		return
	}
	if h.config.OnChange != nil {
		h.config.OnChange()
	}
	for _, v := range old {
		v.retire()
	}
}

// refresh reloads f where its file has changed, and tells what is new. A script
// that does not load leaves the version before running.
func (h *Host) refresh(f *file) string {
	if h.closed || !f.look() && f.missing == 0 {
		return ""
	}
	if f.size < 0 {
		f.missing++
		if f.missing != goneAfter || f.version.Load() == nil {
			return ""
		}
		if f.version.Load().guards() {
			h.log.Warn("script was removed; it is required, so it runs on", "script", f.path)
			return ""
		}
		f.version.Store(nil)
		return "script was removed: unloaded"
	}
	f.missing = 0
	v, err := h.open(context.Background(), f.path)
	if err != nil {
		running := "nothing"
		if f.version.Load() != nil {
			running = "the version before"
		}
		h.faults.note(f.path, err.Error())
		h.log.Error("script does not load", "err", err, "running", running)
		return ""
	}
	h.faults.clear(f.path)
	f.version.Store(v)
	return "script loaded"
}
