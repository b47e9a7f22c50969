package api

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"midstream/internal/dump"
)

// LogEntry is one line of the log.
type LogEntry struct {
	Seq   uint64    `json:"seq"`
	Time  time.Time `json:"time"`
	Level string    `json:"level"`
	Text  string    `json:"text"`
}

// Bounds of the log that is kept.
const (
	maxLogEntries = 2000
	maxLogText    = 4 << 10
)

// Log keeps the newest lines of the log. The zero value is empty.
type Log struct {
	mu   sync.Mutex // guards the rest
	ring []LogEntry
	seq  uint64
	told func(LogEntry)
}

// Handler returns a handler that keeps what is logged, and hands it to next.
func (l *Log) Handler(next slog.Handler) slog.Handler { return &logHandler{log: l, next: next} }

// After returns the lines that are kept behind seq.
func (l *Log) After(seq uint64) []LogEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]LogEntry, 0, len(l.ring))
	for i := range l.ring {
		e := l.ring[(int(l.seq)+i)%len(l.ring)]
		if len(l.ring) < maxLogEntries {
			e = l.ring[i]
		}
		if e.Seq > seq {
			list = append(list, e)
		}
	}
	return list
}

// tell has f called with each line from now on; it must return at once.
func (l *Log) tell(f func(LogEntry)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = f
}

func (l *Log) add(e LogEntry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Seq = l.seq + 1
	if len(l.ring) < maxLogEntries {
		l.ring = append(l.ring, e)
	} else {
		l.ring[int(l.seq)%maxLogEntries] = e
	}
	l.seq++
	if l.told != nil {
		l.told(e)
	}
}

// logHandler is a slog.Handler.
type logHandler struct {
	log  *Log
	next slog.Handler
	// text makes the line; attributes and groups are kept in with.
	with []func(slog.Handler) slog.Handler
}

// Enabled is true from info up, and for what is printed: what is not made costs
// nothing.
func (h *logHandler) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelInfo || h.next.Enabled(ctx, l)
}

func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	var b bytes.Buffer
	text := dump.NewTextHandler(&b, slog.LevelDebug, dump.Plain)
	for _, with := range h.with {
		text = with(text)
	}
	_ = text.Handle(ctx, r) // a buffer takes all
	line := strings.TrimSpace(b.String())
	// The handler begins with time and level, which have keys of their own.
	if words := strings.SplitN(line, " ", 3); len(words) == 3 {
		line = strings.TrimSpace(words[2])
	}
	h.log.add(LogEntry{Time: r.Time.UTC(), Level: strings.ToLower(r.Level.String()), Text: line[:min(len(line), maxLogText)]})
	if h.next.Enabled(ctx, r.Level) {
		return h.next.Handle(ctx, r)
	}
	return nil
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.and(h.next.WithAttrs(attrs), func(t slog.Handler) slog.Handler { return t.WithAttrs(attrs) })
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	return h.and(h.next.WithGroup(name), func(t slog.Handler) slog.Handler { return t.WithGroup(name) })
}

func (h *logHandler) and(next slog.Handler, with func(slog.Handler) slog.Handler) slog.Handler {
	list := append(append([]func(slog.Handler) slog.Handler{}, h.with...), with)
	return &logHandler{log: h.log, next: next, with: list}
}
