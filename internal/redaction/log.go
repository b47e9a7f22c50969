package redaction

import (
	"context"
	"io"
	"log/slog"
	"sync"
)

// Handler returns a handler that gives next its records with what may be a
// credential replaced. by returns the Redactor, nil while there is none.
func Handler(next slog.Handler, by func() *Redactor) slog.Handler { return handler{next, by} }

type handler struct {
	next slog.Handler
	by   func() *Redactor
}

func (h handler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

func (h handler) Handle(ctx context.Context, rec slog.Record) error {
	r := h.by()
	if r == nil {
		return h.next.Handle(ctx, rec)
	}
	c := slog.NewRecord(rec.Time, rec.Level, r.Text(rec.Message), rec.PC)
	rec.Attrs(func(a slog.Attr) bool {
		c.AddAttrs(r.attr(a))
		return true
	})
	return h.next.Handle(ctx, c)
}

func (r *Redactor) attr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		var group []slog.Attr
		for _, g := range v.Group() {
			group = append(group, r.attr(g))
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(group...)}
	case slog.KindString, slog.KindAny:
		before := v.String()
		if s := r.Text(before); s != before {
			return slog.String(a.Key, s)
		}
	}
	return slog.Attr{Key: a.Key, Value: v}
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	list := attrs
	if r := h.by(); r != nil {
		list = nil
		for _, a := range attrs {
			list = append(list, r.attr(a))
		}
	}
	return handler{h.next.WithAttrs(list), h.by}
}

func (h handler) WithGroup(name string) slog.Handler { return handler{h.next.WithGroup(name), h.by} }

// Writer returns a writer that gives next each Write with what may be a credential
// replaced; nil for nil. It may be used by several goroutines at once. by is as for
// Handler.
func Writer(next io.Writer, by func() *Redactor) io.Writer {
	if next == nil {
		return nil
	}
	return &writer{next: next, by: by}
}

type writer struct {
	mu   sync.Mutex // guards next
	next io.Writer
	by   func() *Redactor
}

func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.by()
	if r == nil {
		return w.next.Write(p)
	}
	if _, err := io.WriteString(w.next, r.Text(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
