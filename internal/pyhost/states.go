package pyhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"midstream/internal/script"
)

// maxFault bounds what is kept of what went wrong, in octets.
const maxFault = 8 << 10

// faults are what went wrong last in each script. The zero value has none.
type faults struct {
	mu   sync.Mutex // guards list
	list map[string]script.State
}

func (f *faults) note(path, text string) {
	text = strings.ToValidUTF8(strings.TrimSpace(text), "\uFFFD")
	if len(text) > maxFault {
		text = strings.ToValidUTF8(text[:maxFault], "") + "…"
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.list == nil {
		f.list = make(map[string]script.State)
	}
	f.list[path] = script.State{Fault: text, At: time.Now()}
}

func (f *faults) clear(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.list, path)
}

// keep forgets the scripts that are not among paths.
func (f *faults) keep(paths []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for path := range f.list {
		if !slices.Contains(paths, path) {
			delete(f.list, path)
		}
	}
}

func (f *faults) of(path string) script.State {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.list[path]
}

// States are the scripts in their order.
func (h *Host) States() []script.State {
	var all []script.State
	for _, f := range *h.live.Load() {
		st := h.faults.of(f.path)
		st.Path, st.Loaded = f.path, f.version.Load() != nil
		all = append(all, st)
	}
	return all
}

// ErrNoCommand says that no script has a command of that name.
var ErrNoCommand = errors.New("no script declares it")

// Run runs a command with arguments as they stand on a command line, and returns
// what it answers: a text, a number, a truth value, nil, or the text of something
// else. It fails with ErrNoCommand.
func (h *Host) Run(ctx context.Context, name string, args []string) (any, error) {
	if args == nil {
		args = []string{}
	}
	for _, v := range h.current() {
		v.mu.Lock()
		there := slices.ContainsFunc(v.commands, func(c Command) bool { return c.Name == name })
		v.mu.Unlock()
		if !there {
			continue
		}
		p, err := v.current(ctx)
		if err != nil {
			return nil, fmt.Errorf("run %s: %w", name, err)
		}
		r, err := p.do(ctx, "command", map[string]any{"n": name, "a": args})
		if err == nil && r.Error != "" {
			err = errors.New(r.Error)
		}
		if err != nil {
			return nil, fmt.Errorf("run %s: %w", name, err)
		}
		var value any
		if len(r.Result) > 0 {
			if err := json.Unmarshal(r.Result, &value); err != nil {
				return nil, fmt.Errorf("run %s: read what it answers: %w", name, err)
			}
		}
		return value, nil
	}
	return nil, fmt.Errorf("run %s: %w", name, ErrNoCommand)
}
