package dump

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"strconv"

	"midstream/flow"
	"midstream/internal/view"
)

// Content gives what was recorded of bodies.
type Content interface {
	// Content opens what is recorded of one side of a flow, transfer coding
	// removed and content coding left. size is how many octets there are.
	Content(number uint64, side flow.Side) (r io.ReadCloser, size int64, err error)
}

// contentPrinter writes bodies to out as they are read, so that none is ever in
// memory as a whole.
type contentPrinter struct {
	out     *bufio.Writer
	source  Content
	palette Palette
	// most is how many lines of one body are printed; 0 prints all.
	most   int
	schema *view.Schema
	others view.Others
	name   string // of the view
}

// print writes the content of one side of f, where there is any.
func (c *contentPrinter) print(f *flow.Flow, side flow.Side, mark string) {
	body := f.RequestBody
	if side == flow.ToClient {
		body = f.ResponseBody
	}
	if body.Disposition == flow.NoBody || body.Sent == 0 && body.Received == 0 {
		return
	}
	if body.Record == flow.Unrecorded || c.source == nil {
		c.note(mark, "("+side.String()+" content is not recorded)")
		return
	}
	r, _, err := c.source.Content(f.Number, side)
	if err != nil {
		c.note(mark, "("+side.String()+" content cannot be read: "+err.Error()+")")
		return
	}
	defer r.Close()
	c.view(r, f, side, mark)
	if body.Record == flow.Cut {
		c.note(mark, fmt.Sprintf("(the record was cut after %d bytes: %s)", body.Recorded, body.CutReason))
	}
}

// view writes r as the view that fits it has it.
func (c *contentPrinter) view(r io.Reader, f *flow.Flow, side flow.Side, mark string) {
	in := view.InputOf(f, side)
	in.Body, in.Schema, in.Others, in.Limit = r, c.schema, c.others, math.MaxInt64
	var line []byte
	var failed error
	shown, err := view.Print(context.Background(), in, c.name, view.Window{Count: int64(c.most)}, func(text string) bool {
		line = append(line[:0], indent...)
		line = c.palette.paint(line, dim, mark)
		line = append(appendTabbed(line, []byte(text)), '\n')
		_, failed = c.out.Write(line)
		return failed == nil // when nobody reads any more, the printer finds out itself
	})
	switch {
	case failed != nil:
	case err != nil:
		c.note(mark, "(content ends here: "+err.Error()+")")
	case shown.More:
		c.note(mark, "(cut after "+strconv.Itoa(c.most)+" lines; flow_detail 4 prints all)")
	}
	if err == nil {
		for _, note := range shown.Notes {
			c.note(mark, "("+note+")")
		}
	}
}

// appendTabbed appends a line of text, in which a tab is a tab.
func appendTabbed(dst, text []byte) []byte {
	for {
		before, after, tab := bytes.Cut(text, []byte{'\t'})
		dst = AppendSafe(dst, string(before))
		if !tab {
			return dst
		}
		dst = append(dst, '\t')
		text = after
	}
}

func (c *contentPrinter) note(mark, text string) {
	_, _ = c.out.Write(appendRow(nil, c.palette, dim, mark, text))
}
