package main

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/term"

	"midstream/internal/dump"
	"midstream/internal/flowview"
	"midstream/internal/option"
	"midstream/internal/query"
	"midstream/internal/view"
)

// terminal returns the file behind w when it is a terminal, else nil.
func terminal(w io.Writer) *os.File {
	if o, ok := w.(*output); ok {
		w = o.w
	}
	f, ok := beneath(w).(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return f
}

// paletteFor paints on a terminal that can show it, unless NO_COLOR is set.
func paletteFor(w io.Writer, e *env) dump.Palette {
	f := terminal(w)
	if f == nil || e.getenv("NO_COLOR") != "" || e.getenv("TERM") == "dumb" || !showsColour(f) {
		return dump.Plain
	}
	return dump.Colour
}

// widthOf returns a function for the columns of the terminal behind w, 0 where
// there is none.
func widthOf(w io.Writer) func() int {
	f := terminal(w)
	return func() int {
		if f == nil {
			return 0
		}
		width, _, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 0
		}
		return width
	}
}

// openLog makes the log that the options ask for; its level follows
// termlog_verbosity while the program runs. The caller must call done.
func openLog(e *env, reg *option.Registry) (log *slog.Logger, done func(), err error) {
	out, palette, closeFile := e.stderr, paletteFor(e.stderr, e), func() {}
	if path := reg.Path("log_file"); path != "" {
		f, err := os.OpenFile(filepath.Clean(path), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return nil, nil, usageError("open log_file: %w", err)
		}
		out, palette, closeFile = f, dump.Plain, func() { _ = f.Close() }
	}
	level := new(slog.LevelVar)
	follow := func([]string) error {
		level.Set(dump.LogLevel(reg.String("termlog_verbosity")))
		return nil
	}
	_ = follow(nil) // it never fails
	cancel := reg.Subscribe(follow, "termlog_verbosity")
	var handler slog.Handler
	if reg.String("log_format") == "json" {
		handler = dump.NewJSONHandler(out, level)
	} else {
		handler = dump.NewTextHandler(out, level, palette)
	}
	return slog.New(handler), func() { cancel(); closeFile() }, nil
}

// newPrinter starts the printer of flows. content may be nil. The caller must
// Close it.
func newPrinter(e *env, reg *option.Registry, kind proxyKind, filter *atomic.Pointer[query.Filter], content *recorded, schema *view.Schema, log *slog.Logger) *dump.Printer {
	return dump.New(dump.Config{
		Message: flowview.PassedText,
		Out:     kind.lines,
		Form:    kind.form,
		Detail:  func() int { return reg.Int("flow_detail") },
		Palette: paletteFor(kind.lines, e),
		Host: func() dump.Host {
			if reg.Bool("showhost") {
				return dump.Named
			}
			return dump.Target
		},
		Width:   widthOf(kind.lines),
		Lines:   func() int { return reg.Int("content_view_lines_cutoff") },
		Wanted:  wanted(filter, content, log),
		Content: content,
		Schema:  schema,
		Others:  func() view.Others { return content.in.Control().Views() },
		View:    func() string { return reg.String("dumper_default_contentview") },
		Log:     log,
	})
}
