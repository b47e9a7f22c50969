package redaction

// events goes through server-sent events (WHATWG HTML section 9.2): what their data
// says is JSON, or passes as it is.
type events struct {
	out  sink
	json *jsonText

	state eventState
	name  []byte // of the field, as far as it may be data
	blank bool   // nothing of the line has come
	cr    bool   // the last octet was a CR that ended a line
}

type eventState uint8

const (
	fieldName eventState = iota
	fieldGap             // behind the colon of data: one space may come
	fieldData
	fieldOther
)

const dataField = "data"

func newEvents(h *hand, out sink) *events {
	return &events{out: out, json: newJSON(h, out), blank: true}
}

func (e *events) write(p []byte) {
	from := 0
	give := func(to int) {
		if from < to {
			e.out(p[from:to])
		}
		from = to
	}
	for i := 0; i < len(p); i++ {
		c := p[i]
		if c == '\n' && e.cr {
			e.cr = false
			continue // it belongs to the end before
		}
		e.cr = c == '\r'
		if c == '\r' || c == '\n' {
			if e.state == fieldData {
				e.json.write(p[from:i])
				from = i
			}
			if e.blank {
				give(i)
				e.rest()
			}
			e.state, e.name, e.blank = fieldName, e.name[:0], true
			continue
		}
		e.blank = false
		switch e.state {
		case fieldName:
			switch {
			case c == ':' && string(e.name) == dataField:
				e.state = fieldGap
			case len(e.name) < len(dataField) && c == dataField[len(e.name)]:
				e.name = append(e.name, c)
			default:
				e.state = fieldOther
			}
		case fieldGap:
			e.state = fieldData
			if c == ' ' {
				give(i + 1)
				continue
			}
			give(i)
		}
	}
	if e.state == fieldData {
		e.json.write(p[from:])
		return
	}
	give(len(p))
}

// rest ends the data of an event. What stands for a value that is not whole gets a
// line of its own.
func (e *events) rest() {
	cut := e.json.state >= cutString
	if cut {
		e.out([]byte("data: "))
	}
	e.json.restart()
	if cut {
		e.out([]byte("\n"))
	}
}

func (e *events) end(whole bool) { e.json.end(whole) }
