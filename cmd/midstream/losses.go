package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// The bounds of what is listed.
const (
	maxLosses   = 50 // different things
	maxExamples = 5  // flows that one of them is named for
)

// losses are things that could not be carried, with the flows that had them.
type losses struct {
	order []string
	flows map[string]*lossOf
}

type lossOf struct {
	count    int
	examples []string
}

func (l *losses) add(flow int, what []string) {
	for _, w := range what {
		of := l.flows[w]
		if of == nil {
			if len(l.order) >= maxLosses {
				w = "more of other kinds"
			}
			if of = l.flows[w]; of == nil {
				of = &lossOf{}
				if l.flows == nil {
					l.flows = map[string]*lossOf{}
				}
				l.flows[w] = of
				l.order = append(l.order, w)
			}
		}
		of.count++
		if len(of.examples) < maxExamples {
			of.examples = append(of.examples, fmt.Sprint(flow))
		}
	}
}

// lines say what was lost, in the order in which it was met first.
func (l *losses) lines() []string {
	var lines []string
	for _, w := range l.order {
		of := l.flows[w]
		where := strings.Join(of.examples, ", ")
		if of.count > len(of.examples) {
			where += ", ..."
		}
		noun := "flow"
		if of.count > 1 {
			noun = "flows"
		}
		lines = append(lines, fmt.Sprintf("not carried: %s (%s %s)", w, noun, where))
	}
	return lines
}

// progress is a line on a terminal that says how far a long command is.
type progress struct {
	out  io.Writer
	next time.Time
	on   bool
}

// newProgress shows nothing where stderr is no terminal, nor in the first second.
func newProgress(e *env) *progress {
	p := &progress{next: time.Now().Add(time.Second)}
	if terminal(e.stderr) != nil {
		p.out = e.stderr
	}
	return p
}

func (p *progress) show(at func() (done, of int64)) {
	if p.out == nil || time.Now().Before(p.next) {
		return
	}
	p.next = time.Now().Add(200 * time.Millisecond)
	p.on = true
	done, of := at()
	if of > 0 {
		fmt.Fprintf(p.out, "\r%3d%%", done*100/of)
	} else {
		fmt.Fprintf(p.out, "\r%d", done)
	}
}

// done takes the line away.
func (p *progress) done() {
	if p.on {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.on = false
	}
}
