package pyhost

import (
	"encoding/json"
	"fmt"
)

// message is the head of any frame that comes from Python.
type message struct {
	Kind   string `json:"k"`
	Call   uint64 `json:"c"`
	Number uint64 `json:"r"` // of a question
	Method string `json:"m"`
	Flow   string `json:"f"`
	Side   string `json:"d"`

	// log
	Level  int    `json:"lv"`
	Text   string `json:"tx"`
	Logger string `json:"lg"`

	// hello
	Python     string `json:"py"`
	Executable string `json:"exe"`
	Other      string `json:"other"`

	// option, set, coding
	Name    string          `json:"name"`
	Type    string          `json:"type"`
	Default json.RawMessage `json:"default"`
	Help    string          `json:"help"`
	Choices []string        `json:"choices"`
	Value   json.RawMessage `json:"value"`
	Action  string          `json:"action"`

	// note, inject
	What   string          `json:"w"`
	Noted  json.RawMessage `json:"v"`
	To     json.RawMessage `json:"to"`
	IsText json.RawMessage `json:"text"`

	ret
}

// ret is what comes at the end of a call.
type ret struct {
	Error  string     `json:"er"`
	Errors []failed   `json:"ers"`
	Pieces []int      `json:"p"`
	Groups [][]string `json:"groups"`
	// Required tells which groups have a guard, Names what they consist of.
	Required []bool            `json:"required"`
	Names    []string          `json:"names"`
	Commands []Command         `json:"commands"`
	Views    []string          `json:"views"`
	View     string            `json:"vw"` // what a body was shown by; the text is in the octets
	Syntax   string            `json:"sy"`
	Editable bool              `json:"ed"`
	Result   json.RawMessage   `json:"cv"` // what a command answers
	Request  *requestHead      `json:"q"`
	Response *responseHead     `json:"s"`
	New      int               `json:"sn"` // the response is another one
	NoAnswer int               `json:"s0"` // there is none any more
	ReqBody  *int              `json:"qb"`
	RespBody *int              `json:"sb"`
	Streams  map[string]int    `json:"st"`
	Marker   *string           `json:"mk"`
	Comment  *string           `json:"co"`
	Metadata map[string]any    `json:"md"`
	Kill     int               `json:"kill"`
	Via      json.RawMessage   `json:"via"`
	Address  []json.RawMessage `json:"addr"`
	// ServerName is what the server is to be told of its name.
	ServerName *string    `json:"sni"`
	Ignore     int        `json:"ign"`   // the connection is to be passed on
	Valid      *bool      `json:"valid"` // the credentials are taken
	Drop       int        `json:"drop"`
	Content    *int       `json:"mb"`
	Injected   []injected `json:"inj"`
}

// A Command is one that a script declares.
type Command struct {
	Name string     `json:"name"`
	Help string     `json:"help"`
	Args [][]string `json:"args"` // name and type
}

// failed is an exception: [addon, text, required, place], place as file:line, ""
// where it is not known.
type failed struct {
	addon, text string
	required    bool
	place       string
}

// UnmarshalJSON reads the list.
func (f *failed) UnmarshalJSON(p []byte) error {
	return list(p, &f.addon, &f.text, &f.required, &f.place)
}

// said is it for a person.
func (f *failed) said(event string) string {
	text := fmt.Sprintf("%s in %s: %s", f.addon, event, f.text)
	if f.place != "" {
		text = f.place + ": " + text
	}
	return text
}

type requestHead struct {
	method, scheme, host   string
	port                   int
	authority, path, proto string
	fields, trailers       int
}

// UnmarshalJSON reads the list.
func (h *requestHead) UnmarshalJSON(p []byte) error {
	return list(p, &h.method, &h.scheme, &h.host, &h.port, &h.authority, &h.path, &h.proto, &h.fields, &h.trailers)
}

type responseHead struct {
	status           int
	reason, proto    string
	fields, trailers int
}

// UnmarshalJSON reads the list.
func (h *responseHead) UnmarshalJSON(p []byte) error {
	return list(p, &h.status, &h.reason, &h.proto, &h.fields, &h.trailers)
}

type injected struct {
	toClient, text bool
	size           int
}

// UnmarshalJSON reads the list.
func (i *injected) UnmarshalJSON(p []byte) error { return list(p, &i.toClient, &i.text, &i.size) }

func list(p []byte, into ...any) error {
	var items []json.RawMessage
	if err := json.Unmarshal(p, &items); err != nil {
		return err
	}
	if len(items) != len(into) {
		return errFrame
	}
	for i, item := range items {
		if err := json.Unmarshal(item, into[i]); err != nil {
			return err
		}
	}
	return nil
}
