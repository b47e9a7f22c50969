package pyhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/coding"
	"midstream/internal/script"
)

// reply answers what a script asks about the flow whose hook runs.
func (p *process) reply(ctx context.Context, f *picture, m *message) {
	switch m.Method {
	case "body":
		if m.Flow != f.id {
			p.stored(ctx, m)
			return
		}
		raw, there, err := f.content(ctx, m.Side)
		p.answer(m, there, err, raw)
	default:
		p.answer(m, nil, errFrame, nil)
	}
}

// serve answers what a script asks, on a goroutine of its own.
func (p *process) serve(m *message, raw []byte) {
	h := p.v.host
	ctx := context.Background()
	switch m.Method {
	case "body":
		p.stored(ctx, m)
	case "certs":
		p.answer(m, certificates(p.shown.of(m.Flow)), nil, nil)
	case "coding":
		out, err := recode(m.Action, m.Name, raw, h.config.ContentLimit)
		p.answer(m, nil, err, out)
	case "option":
		v, err := h.addOption(m)
		p.answer(m, v, err, nil)
	case "set":
		err := p.setOption(m)
		if errors.Is(err, script.ErrAtStart) {
			p.answer(m, err.Error(), nil, nil) // the script goes on with its value
			return
		}
		p.answer(m, nil, err, nil)
	case "replay":
		p.answer(m, nil, h.replay(m, raw), nil)
	case "replay_stop":
		h.replays.stop()
		p.answer(m, nil, nil, nil)
	case "replay_count":
		p.answer(m, h.replays.count(), nil, nil)
	case "convert":
		out, err := h.convert(m, raw)
		p.answer(m, nil, err, out)
	case "record":
		p.answer(m, nil, h.record(raw), nil)
	case "recorded":
		running, out, err := h.recorded(m)
		p.answer(m, running, err, out)
	case "send":
		if err := h.send(raw, func() { p.answer(m, nil, nil, nil) }); err != nil {
			p.answer(m, nil, err, nil)
		}
	case "act":
		p.answer(m, nil, h.act(m), nil)
	case "note":
		p.answer(m, nil, h.noteRecorded(m), nil)
	case "listeners":
		var list []any
		if h.config.Listeners != nil {
			for _, a := range h.config.Listeners() {
				if host, port, ok := split(a); ok {
					list = append(list, []any{host, port})
				}
			}
		}
		p.answer(m, list, nil, nil)
	default:
		p.answer(m, nil, fmt.Errorf("midstream does not know %q", m.Method), nil)
	}
}

func (p *process) answer(m *message, value any, err error, raw []byte) {
	head := map[string]any{"k": "ans", "r": m.Number, "v": value}
	if err != nil {
		head["er"], raw = err.Error(), nil
	}
	text, err := json.Marshal(head)
	if err != nil {
		return
	}
	_ = p.send(context.Background(), text, raw) // an error has ended the process
}

// stored answers with a body that was recorded.
func (p *process) stored(ctx context.Context, m *message) {
	h := p.v.host
	id, err := flow.ParseID(m.Flow)
	if err != nil || h.config.Content == nil {
		p.answer(m, nil, errors.New("the body of a flow that is over is not there any more: read content in a hook of the flow"), nil)
		return
	}
	side := flow.ToServer
	if m.Side == "s" {
		side = flow.ToClient
	}
	raw, err := h.config.Content(ctx, id, side)
	p.answer(m, raw != nil, err, raw)
}

func recode(action, name string, p []byte, limit int64) ([]byte, error) {
	if action == "decode" {
		return coding.Decode(name, p, limit)
	}
	return coding.Encode(name, p)
}

// heard takes what a script says without waiting for an answer.
func (p *process) heard(m *message, raw []byte) {
	h := p.v.host
	switch m.Kind {
	case "hello":
		if m.Other != "" {
			h.tellOther(m.Other)
		}
	case "log":
		level := slog.Level(m.Level/10*4 - 8) // 10 is DEBUG, which is -4 here
		attrs := []any{"script", p.v.path}
		if m.Logger != "" {
			attrs = append(attrs, "logger", m.Logger)
		}
		for line := range strings.Lines(m.Text) {
			h.log.Log(context.Background(), level, strings.TrimRight(line, "\r\n"), attrs...)
		}
	case "shutdown":
		if h.config.Shutdown != nil {
			go h.config.Shutdown()
		}
	case "manifest":
		if p.v.learn(&m.ret) && h.config.OnChange != nil {
			h.work.Go(h.config.OnChange)
		}
	case "kill", "note", "inject":
		p.mu.Lock()
		f := p.pictures[m.Flow]
		p.mu.Unlock()
		if f != nil {
			f.meanwhile(m, raw)
		}
	}
}

// meanwhile takes what a script does to a flow while no hook of it runs.
func (f *picture) meanwhile(m *message, raw []byte) {
	switch m.Kind {
	case "kill":
		_ = f.x.Kill()
	case "note":
		var s string
		if json.Unmarshal(m.Noted, &s) != nil {
			return
		}
		f.change(func(x *hook.Exchange) {
			if m.What == "marked" {
				x.Marker = s
			} else {
				x.Comment = s
			}
		})
	case "inject":
		f.inject(hook.Injected{ToClient: string(m.To) == "true", Text: string(m.IsText) == "true", Content: raw})
	}
}

func (h *Host) tellOther(path string) {
	h.versionsMu.Lock()
	told := h.told
	h.told = true
	h.versionsMu.Unlock()
	if !told {
		h.log.Info("mitmproxy itself is installed in this Python; addons get midstream's own package of that name", "installed", path)
	}
}

// leave tells the process that a flow is over; nobody waits for it.
func (p *process) leave(id string) {
	select {
	case p.leaving <- id:
	case <-p.dead:
	}
}

// farewells sends what leave says, in its own time.
func (p *process) farewells() {
	for {
		select {
		case id := <-p.leaving:
			if p.send(context.Background(), append(append([]byte(`{"k":"end","f":"`), id...), `"}`...)) != nil {
				return
			}
		case <-p.dead:
			return
		}
	}
}

// watch ends a process that answers nothing for too long, and says when hooks take
// long.
func (p *process) watch(limit time.Duration) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var asked time.Time
	pong := make(chan struct{}, 1)
	for {
		select {
		case <-p.dead:
			return
		case <-pong:
			asked = time.Time{}
			continue
		case <-tick.C:
		}
		waits := p.slowest()
		if asked.IsZero() && waits {
			asked = time.Now()
			p.readers.Go(func() {
				if _, err := p.do(context.Background(), "ping", nil); err == nil {
					pong <- struct{}{}
				}
			})
		}
		if limit > 0 && !asked.IsZero() && time.Since(asked) > limit {
			p.fail(fmt.Errorf("it hangs: it has answered nothing for %v", limit))
			return
		}
	}
}

// slowAfter is when a hook counts as slow.
const slowAfter = 5 * time.Second

// slowest says of calls that take long that they do, once each, and tells whether
// any waits for more than a second.
func (p *process) slowest() (waits bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.calls {
		d := time.Since(c.since)
		if c.what == "ping" {
			continue
		}
		waits = waits || d > time.Second
		if d > slowAfter && !c.slow.Swap(true) {
			p.v.host.log.Warn(fmt.Sprintf("hook %s of %s has not returned for %v: its flow waits", c.what, p.v.path, d.Round(time.Second)))
		}
	}
	return waits
}

// optionValues are the values of options, as Python takes them.
func (h *Host) optionValues(names []string) map[string]any {
	values := make(map[string]any, len(names))
	if h.config.Options == nil {
		return values
	}
	for _, n := range names {
		if v, ok := h.config.Options.Get(n); ok {
			values[n] = v
		}
	}
	return values
}

func (h *Host) optionNames() []string {
	if h.config.Options == nil {
		return nil
	}
	return h.config.Options.Names()
}

var optionTypes = map[string]script.OptionType{
	"bool": script.Bool, "int": script.Int, "str": script.String,
	"Optional[int]": script.OptionalInt, "Optional[str]": script.OptionalString, "Sequence[str]": script.List,
}

// addOption declares an option of a script and returns its value.
func (h *Host) addOption(m *message) (any, error) {
	t, ok := optionTypes[m.Type]
	if !ok {
		return nil, fmt.Errorf("option %s: there is no type %q", m.Name, m.Type)
	}
	value, err := optionValue(m.Default)
	if err != nil {
		return nil, fmt.Errorf("option %s: %w", m.Name, err)
	}
	if b, isBool := value.(bool); isBool && (t == script.Int || t == script.OptionalInt) {
		value = int64(0) // True is a number in Python
		if b {
			value = int64(1)
		}
	}
	if h.config.Options == nil {
		return value, nil
	}
	if err := h.config.Options.Add(script.Option{Name: m.Name, Type: t, Default: value, Help: m.Help, Choices: m.Choices}); err != nil {
		if own, there := h.config.Options.Get(m.Name); there {
			h.log.Warn("a script declares an option of midstream's own: it gets the value of that", "option", m.Name)
			return own, nil
		}
		return nil, err
	}
	value, _ = h.config.Options.Get(m.Name)
	return value, nil
}

// setOption changes an option for a script, which tells its own addons itself.
func (p *process) setOption(m *message) error {
	value, err := optionValue(m.Value)
	if err != nil {
		return fmt.Errorf("option %s: %w", m.Name, err)
	}
	if p.v.host.config.Options == nil {
		return fmt.Errorf("there is no option %s", m.Name)
	}
	p.mu.Lock()
	p.setting = true
	p.mu.Unlock()
	err = p.v.host.config.Options.Set(m.Name, value)
	p.mu.Lock()
	p.setting, p.changed = false, nil
	p.mu.Unlock()
	return err
}

func optionValue(p json.RawMessage) (any, error) {
	var v any
	d := json.NewDecoder(strings.NewReader(string(p)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	switch x := v.(type) {
	case nil, bool, string:
		return x, nil
	case json.Number:
		return x.Int64()
	case []any:
		all := make([]string, len(x))
		for i, item := range x {
			s, ok := item.(string)
			if !ok {
				return nil, errors.New("a list has strings only")
			}
			all[i] = s
		}
		return all, nil
	}
	return nil, errors.New("an option is a bool, a number, a str, a list of str or None")
}
