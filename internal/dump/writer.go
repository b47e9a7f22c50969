package dump

import (
	"bufio"
	"strconv"
	"time"

	"midstream/flow"
)

// writer turns flows into what is printed. It belongs to the goroutine of its
// Printer.
type writer struct {
	*Printer
	out    *bufio.Writer
	buf    []byte
	failed bool // Out took no more; it is said once
}

// drain prints what is queued. While it prints, the queue fills again, so that
// at most two queues are in memory.
func (w *writer) drain() {
	for {
		flows, lost := w.take()
		if len(flows) == 0 && lost == 0 {
			return
		}
		width := w.cfg.Width()
		for i, f := range flows {
			w.flow(f, width)
			flows[i] = nil
		}
		if lost > 0 {
			w.lostFlows(lost)
		}
		w.flush()
	}
}

func (w *writer) flow(f *flow.Flow, width int) {
	if w.cfg.Wanted != nil && !w.failed && !w.cfg.Wanted(f) {
		return
	}
	if w.cfg.Form == JSON {
		w.buf = append(AppendJSON(w.buf[:0], f), '\n')
		_, _ = w.out.Write(w.buf) // flush reports it
		return
	}
	detail := w.cfg.Detail()
	if detail <= Nothing {
		return
	}
	line := Line{Palette: w.cfg.Palette, Host: w.cfg.Host}
	if detail == OneLine {
		line.Width = width
	}
	w.buf = line.Append(w.buf[:0], f, time.Now())
	if detail >= Heads && !f.Live() {
		w.buf = appendHeads(w.buf, w.cfg.Palette, f)
	}
	_, _ = w.out.Write(w.buf)
	if detail >= Cut && !f.Live() && !w.failed {
		c := contentPrinter{out: w.out, source: w.cfg.Content, palette: w.cfg.Palette}
		if detail == Cut {
			c.most = w.cfg.Lines
		}
		c.print(f, flow.ToServer, ">> ")
		c.print(f, flow.ToClient, "<< ")
	}
}

// lostFlows says how many flows were not shown.
func (w *writer) lostFlows(n int) {
	if w.cfg.Form == JSON {
		w.cfg.Log.Warn("flows not shown: the output takes less than there is to print", "flows", n)
		return
	}
	if w.cfg.Detail() <= Nothing {
		return
	}
	text := strconv.Itoa(n) + " flows not shown: the output takes less than there is to print"
	w.buf = w.cfg.Palette.paint(w.buf[:0], yellow, text)
	_, _ = w.out.Write(append(w.buf, '\n'))
}

// flush hands everything to Out. After an error the rest is thrown away, so
// that a reader who went away costs nothing.
func (w *writer) flush() {
	err := w.out.Flush()
	if err == nil {
		return
	}
	if !w.failed {
		w.failed = true
		w.cfg.Log.Error("print flows: nothing more is printed; recording goes on", "err", err)
	}
	w.out.Reset(w.cfg.Out)
}
