package sse

import (
	"bytes"
	"errors"
	"strings"

	"midstream/hook"
)

// ErrLineBreak refuses an event, id or retry that would be two lines.
var ErrLineBreak = errors.New("the event, id and retry of a server-sent event must not have line breaks")

// check tells whether e can be written.
func check(e *hook.SSE) error {
	if strings.ContainsAny(e.Event, "\r\n") || strings.ContainsAny(e.ID, "\r\n") || strings.ContainsAny(e.Retry, "\r\n") {
		return ErrLineBreak
	}
	return nil
}

// Append appends e as a block with lines that end in ending. An event without
// any field is an empty line and appends nothing.
func Append(dst []byte, e *hook.SSE, ending string) ([]byte, error) {
	if err := check(e); err != nil {
		return dst, err
	}
	n := len(dst)
	if e.HasComment || e.Comment != "" {
		dst = appendLines(dst, "", e.Comment, ending)
	}
	if e.Event != "" {
		dst = appendLines(dst, "event", e.Event, ending)
	}
	if e.HasID || e.ID != "" {
		dst = appendLines(dst, "id", e.ID, ending)
	}
	if e.Retry != "" {
		dst = appendLines(dst, "retry", e.Retry, ending)
	}
	if e.HasData || e.Data != "" {
		dst = appendLines(dst, "data", e.Data, ending)
	}
	if len(dst) > n {
		dst = append(dst, ending...)
	}
	return dst, nil
}

// appendLines appends a field for each line of value.
func appendLines(dst []byte, name, value, ending string) []byte {
	for {
		i := strings.IndexAny(value, "\r\n")
		text := value
		if i >= 0 {
			text = value[:i]
		}
		dst = append(append(dst, name...), ':')
		if text != "" {
			dst = append(append(dst, ' '), text...)
		}
		dst = append(dst, ending...)
		if i < 0 {
			return dst
		}
		if strings.HasPrefix(value[i:], "\r\n") {
			i++
		}
		value = value[i+1:]
	}
}

// Ending is how the lines of a block end: as the first of them does, LF for
// none.
func Ending(block []byte) string {
	if _, ending, _ := line(block); len(ending) > 0 {
		return string(ending)
	}
	return "\n"
}

// Patch appends block, which Parse read as old, as it must be to be read as e.
// Lines of fields that are the same, and of those that the standard does not
// know, stay as they came; changed fields stand where the first of their lines
// stood, new ones behind the others.
func Patch(dst, block []byte, old, e *hook.SSE) ([]byte, error) {
	if err := check(e); err != nil {
		return dst, err
	}
	ending := Ending(block)
	fields := []patched{
		{name: "", changed: old.Comment != e.Comment || has(old.HasComment, old.Comment) != has(e.HasComment, e.Comment), there: has(e.HasComment, e.Comment), value: e.Comment},
		{name: "event", changed: old.Event != e.Event, there: e.Event != "", value: e.Event},
		{name: "id", changed: old.ID != e.ID || has(old.HasID, old.ID) != has(e.HasID, e.ID), there: has(e.HasID, e.ID), value: e.ID},
		{name: "retry", changed: old.Retry != e.Retry, there: e.Retry != "", value: e.Retry},
		{name: "data", changed: old.Data != e.Data || has(old.HasData, old.Data) != has(e.HasData, e.Data), there: has(e.HasData, e.Data), value: e.Data},
	}
	n := len(dst)
	for len(block) > 0 {
		before := block
		var text, end []byte
		if text, end, block = line(block); len(text) == 0 {
			continue
		}
		name, _ := field(text)
		if f := find(fields, name); f != nil && f.changed {
			dst = f.append(dst, ending)
			continue
		}
		dst = append(dst, before[:len(text)+len(end)]...)
		if len(end) == 0 {
			dst = append(dst, ending...)
		}
	}
	for i := range fields {
		if fields[i].changed {
			dst = fields[i].append(dst, ending)
		}
	}
	if len(dst) > n {
		dst = append(dst, ending...)
	}
	return dst, nil
}

func has(flag bool, value string) bool { return flag || value != "" }

// patched is what becomes of one field.
type patched struct {
	name, value    string
	changed, there bool
	done           bool
}

func find(fields []patched, name []byte) *patched {
	for i := range fields {
		if bytes.Equal(name, []byte(fields[i].name)) {
			return &fields[i]
		}
	}
	return nil
}

// append writes the field the first time.
func (f *patched) append(dst []byte, ending string) []byte {
	if f.done || !f.there {
		return dst
	}
	f.done = true
	return appendLines(dst, f.name, f.value, ending)
}
