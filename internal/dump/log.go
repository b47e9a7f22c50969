package dump

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// LogLevel returns the level of a word of termlog_verbosity; unknown words are
// info. alert is info, as every alert here is one.
func LogLevel(word string) slog.Level {
	switch word {
	case "error":
		return slog.LevelError
	case "warn":
		return slog.LevelWarn
	case "debug":
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// NewTextHandler returns a handler that writes a line a record for a person:
//
//	12:04:05 warn   record was cut flow=12 err="disk full"
//
// Everything in it is escaped as Safe does. level may change while it is used.
func NewTextHandler(out io.Writer, level slog.Leveler, p Palette) slog.Handler {
	return &textHandler{mu: new(sync.Mutex), out: out, level: level, palette: p}
}

// NewJSONHandler returns a handler that writes an object a record, with the
// keys of package slog. Control and format characters are escaped.
func NewJSONHandler(out io.Writer, level slog.Leveler) slog.Handler {
	return slog.NewJSONHandler(escaper{out}, &slog.HandlerOptions{Level: level})
}

// textHandler is a slog.Handler; copies share mu and out.
type textHandler struct {
	mu      *sync.Mutex // guards out
	out     io.Writer
	level   slog.Leveler
	palette Palette
	attrs   []byte // written already
	group   string // "a.b."
}

func (h *textHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.attrs = append([]byte(nil), h.attrs...)
	for _, a := range attrs {
		c.attrs = c.appendAttr(c.attrs, h.group, a)
	}
	return &c
}

func (h *textHandler) WithGroup(name string) slog.Handler {
	c := *h
	if name != "" {
		c.group += name + "."
	}
	return &c
}

func (h *textHandler) Handle(_ context.Context, r slog.Record) error {
	b := make([]byte, 0, 256)
	if !r.Time.IsZero() {
		b = h.palette.paint(b, dim, r.Time.Format("15:04:05"))
		b = append(b, ' ')
	}
	word, c := levelWord(r.Level)
	b = h.palette.paint(b, c, word)
	b = append(b, "      "[:6-len(word)]...)
	b = AppendSafe(b, r.Message)
	b = append(b, h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		b = h.appendAttr(b, h.group, a)
		return true
	})
	b = append(b, '\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.out.Write(b)
	return err
}

func (h *textHandler) appendAttr(b []byte, group string, a slog.Attr) []byte {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, member := range v.Group() {
			b = h.appendAttr(b, group, member)
		}
		return b
	}
	if a.Equal(slog.Attr{}) {
		return b
	}
	b = append(b, ' ')
	b = h.palette.paint(b, dim, Safe(group+a.Key)+"=")
	s := v.String()
	if v.Kind() == slog.KindTime {
		s = v.Time().Format(time.RFC3339Nano)
	}
	if s == "" || strings.ContainsAny(s, " \"=\n\t") {
		s = strconv.Quote(s)
	}
	return AppendSafe(b, s)
}

func levelWord(l slog.Level) (string, colour) {
	switch {
	case l >= slog.LevelError:
		return "error", red
	case l >= slog.LevelWarn:
		return "warn", yellow
	case l >= slog.LevelInfo:
		return "info", cyan
	}
	return "debug", dim
}

// escaper escapes what steers a terminal in lines of JSON, where such runes can
// only stand inside strings.
type escaper struct{ out io.Writer }

func (e escaper) Write(p []byte) (int, error) {
	clean := true
	for _, c := range p {
		if c >= 0x7f {
			clean = false
			break
		}
	}
	if clean {
		return e.out.Write(p)
	}
	b := make([]byte, 0, len(p)+32)
	for i := 0; i < len(p); {
		r, n := utf8.DecodeRune(p[i:])
		if r != '\n' && steers(r) {
			b = appendEscape(b, r)
		} else {
			b = append(b, p[i:i+n]...)
		}
		i += n
	}
	if _, err := e.out.Write(b); err != nil {
		return 0, err
	}
	return len(p), nil
}
