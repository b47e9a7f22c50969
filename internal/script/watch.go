package script

import (
	"context"
	"os"
	"time"
)

// file is one path of Load and what runs from it.
type file struct {
	path     string
	version  *version // nil while it does not load, or is gone
	replaced *version // by version, and not yet retired
	inputs   []string // the script's file first
	stamps   []stamp
	missing  int // looks in a row that did not find the script
}

// stamp is what tells that a file has changed.
type stamp struct {
	size int64
	time time.Time
}

func stampOf(path string) stamp {
	st, err := os.Stat(path)
	if err != nil {
		return stamp{size: -1}
	}
	return stamp{st.Size(), st.ModTime()}
}

// look takes new stamps and tells whether any differs from the last ones.
func (f *file) look() (changed bool) {
	inputs := f.inputs
	if len(inputs) == 0 {
		inputs = []string{f.path}
	}
	stamps := make([]stamp, len(inputs))
	for i, p := range inputs {
		stamps[i] = stampOf(p)
		changed = changed || i >= len(f.stamps) || stamps[i] != f.stamps[i]
	}
	changed = changed || len(stamps) != len(f.stamps)
	f.stamps = stamps
	return changed
}

// goneAfter is how many looks in a row must miss a file before it counts as
// removed: editors write beside it and rename.
const goneAfter = 2

// watch starts the goroutine that looks for changes, once. h.mu is held.
func (h *Host) watch() {
	if h.stop != nil || len(h.files) == 0 {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	every := h.config.Poll
	if every <= 0 {
		every = defaultPoll
	}
	h.watcher.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				h.poll(ctx)
			case <-ctx.Done():
				return
			}
		}
	})
}

// poll looks at all files once and reloads what has changed.
func (h *Host) poll(ctx context.Context) {
	h.mu.Lock()
	var news []string // text and path, in turn; said when new flows get what it is about
	for _, f := range h.files {
		if ctx.Err() != nil {
			break
		}
		if text := h.refresh(ctx, f); text != "" {
			news = append(news, text, f.path)
		}
	}
	var old []*version
	changed := news != nil
	if changed {
		h.publish()
		for _, f := range h.files {
			if f.replaced != nil {
				old = append(old, f.replaced)
				f.replaced = nil
			}
		}
	}
	h.mu.Unlock()
	if !changed {
		return
	}
	if h.config.OnChange != nil {
		h.config.OnChange()
	}
	for i := 0; i < len(news); i += 2 {
		h.log.Info(news[i], "script", news[i+1])
	}
	for _, v := range old {
		v.retire()
	}
}

// refresh reloads f where its files have changed and tells what is new where
// another version runs now.
func (h *Host) refresh(ctx context.Context, f *file) (news string) {
	if _, err := loaderOf(f.path); err != nil {
		return ""
	}
	if !f.look() && f.missing == 0 {
		return ""
	}
	if f.stamps[0].size < 0 {
		f.missing++
		if f.missing != goneAfter || f.version == nil {
			return ""
		}
		if f.version.guards() {
			h.log.Warn("script was removed; it is required, so it runs on", "script", f.path)
			return ""
		}
		f.replaced, f.version = f.version, nil
		return "script was removed: unloaded"
	}
	f.missing = 0
	if err := h.load(ctx, f); err != nil {
		h.log.Error("script does not load", "err", err, "running", runningWord(f))
		return ""
	}
	return "script loaded"
}

func runningWord(f *file) string {
	if f.version != nil {
		return "the version before"
	}
	return "nothing"
}
