package view

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"midstream/flow"
)

// LongLine is the octets of the longest line: one that has more goes on in the next,
// which may begin up to three octets earlier, where a character would be cut.
const LongLine = 4 << 10

// The bounds of one view.
const (
	// maxRead is how much of a body is looked at, in each layer of its coding.
	maxRead = 64 << 20
	// maxWhole is how much is looked at by the views that need it in one piece.
	maxWhole = 4 << 20
	// maxLine is where a line is broken.
	maxLine = LongLine
	// maxWindow is how large the lines of a window are together.
	maxWindow = 2 << 20
	// DefaultCount is how many lines a Window without a count has.
	DefaultCount = 512
	maxCount     = 100_000
)

// Auto is the name that lets the view be chosen.
const Auto = "auto"

// Input is a body and what its message says of it.
type Input struct {
	// Body is the octets as they were sent; nil is none. Where it is an io.Seeker at
	// its start, lines of hex far behind are found without reading what is before.
	Body io.Reader
	// Fields are those of the message; Content-Type, Content-Encoding and a few
	// others say how to read the body.
	Fields flow.Fields
	Side   flow.Side
	// Authority and Path are of the request, Path with its query. Request is its
	// fields, where Fields are the response's.
	Authority, Path string
	Request         flow.Fields
	// Schema names fields of protobuf; nil guesses.
	Schema *Schema
	// Flow is the flow that the body is of; zero for none. Others are asked with it.
	Flow flow.ID
	// Others are views that this package does not have; nil has none.
	Others Others
	// Own is the view of this package that "auto" takes where none of Others fits better.
	Own string
	// Marks makes a window deep inside of JSON cheap that follows one that was shown;
	// nil keeps nothing.
	Marks *Marks
	// Limit is how many octets are looked at, in each layer of the coding; 0 is
	// 64 MiB. What needs the body in one piece looks at 4 MiB whatever it is.
	Limit int64
}

// Window is the lines that are wanted: Count of them from line From on, which is
// counted from 0. A Count of 0 is DefaultCount.
type Window struct {
	From, Count int64
}

// Result is a window of lines.
type Result struct {
	// View is the view that was taken, Syntax what its lines look like: "json",
	// "xml", "css", "javascript", "yaml", or "" for nothing in particular.
	View   string   `json:"view"`
	Syntax string   `json:"syntax,omitempty"`
	From   int64    `json:"from"`
	Lines  []string `json:"lines"`
	// More tells that lines follow. There may be less than Count before them: a
	// window is at most 2 MiB.
	More bool `json:"more"`
	// Notes say what is wrong with the body or was left out, for a person.
	Notes []string `json:"notes,omitempty"`
	// Editable tells that Edit reads what this view shows.
	Editable bool `json:"editable,omitempty"`
}

// UnknownError is a name that no view has. Others are those of scripts.
type UnknownError struct {
	Name   string
	Others []string
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("there is no view %q: give auto or one of %s", e.Name, strings.Join(append(Names(), e.Others...), ", "))
}

type view struct {
	name, syntax string
	// show prints the body. An error says that it is not what the view is for, or
	// where it stops being that.
	show func(s *source, p *page) error
	// edit makes a body of what show has printed and a person has changed.
	edit func(text string) ([]byte, error)
}

func views() []view {
	return []view{
		{"raw", "", showRaw, nil},
		{"hex", "", showHex, editHex},
		{"json", "json", showJSON, editJSON},
		{"xml", "xml", showXML, nil},
		{"css", "css", showCSS, nil},
		{"javascript", "javascript", showJavaScript, nil},
		{"form", "yaml", showForm, editForm},
		{"multipart", "yaml", showMultipart, nil},
		{"query", "yaml", showQuery, nil},
		{"cookies", "yaml", showCookies, nil},
		{"jwt", "json", showJWT, nil},
		{"image", "yaml", showImage, nil},
		{"graphql", "", showGraphQL, nil},
		{"protobuf", "yaml", showProtobuf, nil},
		{"grpc", "yaml", showGRPC, nil},
		{"msgpack", "yaml", showMsgpack, nil},
		{"sse", "yaml", showEvents, nil},
		{"ndjson", "json", showNDJSON, nil},
		{"llm", "yaml", showLLM, nil},
	}
}

func find(name string) (view, error) {
	for _, v := range views() {
		if v.name == name {
			return v, nil
		}
	}
	return view{}, &UnknownError{Name: name}
}

// Names are the names of the views, without "auto".
func Names() []string {
	var names []string
	for _, v := range views() {
		names = append(names, v.name)
	}
	return names
}

// Known tells whether name is a view's or "auto".
func Known(name string) bool { return name == Auto || slices.Contains(Names(), name) }

// Show shows a window of a body by the view name, or by the one that fits with
// "auto". It fails with *UnknownError, when the body cannot be read, and with the
// cause of ctx; what is wrong with the body is a note.
func Show(ctx context.Context, in Input, name string, w Window) (*Result, error) {
	var lines []string
	octets := 0
	r, err := Print(ctx, in, name, Window{w.From, min(cmp.Or(w.Count, DefaultCount), maxCount)}, func(line string) bool {
		lines = append(lines, line)
		octets += len(line) + 16
		return octets <= maxWindow
	})
	if r != nil && lines != nil {
		r.Lines = lines
	}
	return r, err
}

// Print is Show that hands each line to take as it is made, so that none is kept.
// A Count of 0 is all lines. When take returns false, the line it was given is the
// last.
func Print(ctx context.Context, in Input, name string, w Window, take func(line string) bool) (*Result, error) {
	if w.From < 0 || w.Count < 0 {
		return nil, fmt.Errorf("lines %d, %d of them: give numbers from 0 on", w.From, w.Count)
	}
	auto := name == "" || name == Auto
	if !auto && !knows(in.Others, name) {
		unknown := &UnknownError{Name: name}
		if in.Others != nil {
			unknown.Others = in.Others.Names()
		}
		return nil, unknown
	}
	s := open(ctx, &in)
	defer s.close()
	v, err := s.chosen(ctx, name, auto)
	if err != nil {
		return nil, err
	}
	p := &page{from: w.From, upTo: math.MaxInt64, take: take}
	if w.Count > 0 && w.From <= math.MaxInt64-w.Count {
		p.upTo = w.From + w.Count
	}
	err = v.show(s, p)
	if failed := s.failed(); failed != nil {
		return nil, fmt.Errorf("read the body: %w", failed)
	}
	if err != nil && !errors.Is(err, errCut) && auto && p.empty() && s.again() {
		s.note("not shown as %s: %v", v.name, err)
		if v, err = fallback(s); err != nil {
			return nil, err
		}
		err = v.show(s, p)
	}
	if err != nil && !p.full && !errors.Is(err, errCut) {
		s.note("%v", err)
	}
	p.finish()
	if !p.full {
		s.last()
	}
	r := &Result{View: v.name, Syntax: v.syntax, From: w.From, Lines: []string{}, More: p.full, Editable: v.edit != nil, Notes: s.notes}
	return r, s.failed()
}

// Edit makes a body of the text of a view that is Editable, lines joined with LF.
// The content coding is not applied. The error says what cannot be read.
func Edit(name, text string) ([]byte, error) {
	v, err := find(name)
	if err != nil {
		return nil, err
	}
	if v.edit == nil {
		return nil, fmt.Errorf("what the view %s shows cannot be changed: edit it as raw text, json, form or hex", name)
	}
	p, err := v.edit(text)
	if err != nil {
		return nil, fmt.Errorf("read the text as %s: %w", name, err)
	}
	return p, nil
}
