package dump

import (
	"bufio"
	"strconv"
	"time"

	"midstream/flow"
	"midstream/internal/message"
)

// writer turns flows into what is printed. It belongs to the goroutine of its
// Printer.
type writer struct {
	*Printer
	out    *bufio.Writer
	buf    []byte
	failed bool // Out took no more; it is said once

	// said are the bodies whose messages were printed as they passed.
	said map[saidBody]bool
	// asked is the flow of a message that Wanted was asked about last, and its answer.
	asked  *flow.Flow
	wanted bool
}

// saidBody is one side of a flow.
type saidBody struct {
	id   flow.ID
	side flow.Side
}

// mostSaid bounds the bodies that are remembered; the content of others is printed
// once more at their end.
const mostSaid = 4096

// drain prints what is queued. While it prints, the queue fills again, so that
// at most two queues are in memory.
func (w *writer) drain() {
	for {
		all, lost, unsaid := w.take()
		if len(all) == 0 && lost == 0 && unsaid == 0 {
			return
		}
		width := w.cfg.Width()
		for i, e := range all {
			if e.message != nil {
				w.message(e.message, width)
			} else {
				w.flow(e.flow, width)
			}
			all[i] = entry{}
		}
		if unsaid > 0 {
			w.note(strconv.FormatInt(unsaid, 10) + " messages not printed: the output takes less than there is to print")
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
		w.buf = append(appendJSON(w.buf[:0], f), '\n')
		_, _ = w.out.Write(w.buf) // flush reports it
		return
	}
	detail := w.cfg.Detail()
	if detail <= Nothing {
		return
	}
	line := Line{Palette: w.cfg.Palette, Host: w.cfg.Host()}
	if detail == OneLine {
		line.Width = width
	}
	w.buf = line.Append(w.buf[:0], f, time.Now())
	if detail >= Heads && !f.Live() {
		w.buf = appendHeads(w.buf, w.cfg.Palette, f)
	}
	_, _ = w.out.Write(w.buf)
	if detail >= Cut && !f.Live() && !w.failed {
		c := contentPrinter{out: w.out, source: w.cfg.Content, palette: w.cfg.Palette, schema: w.cfg.Schema, name: w.cfg.View()}
		if w.cfg.Others != nil {
			c.others = w.cfg.Others()
		}
		if detail == Cut {
			c.most = w.cfg.Lines()
		}
		w.content(&c, f, flow.ToServer, ">> ")
		w.content(&c, f, flow.ToClient, "<< ")
	}
}

// content prints a body, unless its messages were printed as they passed.
func (w *writer) content(c *contentPrinter, f *flow.Flow, side flow.Side, mark string) {
	key := saidBody{f.ID, side}
	if w.said[key] {
		delete(w.said, key)
		return
	}
	c.print(f, side, mark)
}

// message prints a message that has passed:
//
//	14 << +1.2s 60b event: delta  data: {"text":"word"}
func (w *writer) message(m *message.Passed, width int) {
	if w.failed {
		return
	}
	if w.cfg.Wanted != nil {
		if w.asked != m.Flow {
			w.asked, w.wanted = m.Flow, w.cfg.Wanted(m.Flow)
		}
		if !w.wanted {
			return
		}
	}
	if w.said == nil || len(w.said) >= mostSaid {
		w.said = make(map[saidBody]bool)
	}
	w.said[saidBody{m.Flow.ID, m.Side}] = true
	mark := " >> "
	if m.Side == flow.ToClient {
		mark = " << "
	}
	text := "+" + Span(m.Mark.Time.Sub(m.Flow.Start)) + " " + Size(m.Mark.Length) + " " + Safe(w.cfg.Message(m))
	number := strconv.FormatUint(m.Flow.Number, 10)
	if width > 0 {
		text = Shorten(text, max(least, width-len(number)-len(mark)))
	}
	p := w.cfg.Palette
	w.buf = p.paint(w.buf[:0], dim, number)
	w.buf = p.paint(w.buf, dim, mark)
	_, _ = w.out.Write(append(append(w.buf, text...), '\n'))
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
	w.note(strconv.Itoa(n) + " flows not shown: the output takes less than there is to print")
}

func (w *writer) note(text string) {
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
