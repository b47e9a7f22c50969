package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"midstream/internal/addons/intercept"
	"midstream/internal/engine"
	"midstream/internal/flowview"
	"midstream/internal/option"
	"midstream/internal/query"
	"midstream/internal/store"
)

// Error is an answer that says what is wrong.
type Error struct {
	Status int    `json:"-"`
	Code   string `json:"code"`
	Text   string `json:"text"`
	Offset *int   `json:"offset,omitempty"` // of a filter: the octet where it is wrong
	Option string `json:"option,omitempty"`
	Rule   string `json:"rule,omitempty"`  // of a rule: its name
	Param  string `json:"param,omitempty"` // of a rule: what of it is wrong, "when", "do" or a parameter
	Place  string `json:"place,omitempty"` // of a file: where
}

func (e *Error) Error() string { return e.Text }

func fault(status int, code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Text: fmt.Sprintf(format, args...)}
}

func badRequest(format string, args ...any) *Error {
	return fault(http.StatusBadRequest, "bad-request", format, args...)
}

func notFound(format string, args ...any) *Error {
	return fault(http.StatusNotFound, "not-found", format, args...)
}

func conflict(format string, args ...any) *Error {
	return fault(http.StatusConflict, "conflict", format, args...)
}

// asError finds the answer for an error of the packages below.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	if e, ok := ruleError(err); ok {
		return e
	}
	if e, ok := errors.AsType[*query.Error](err); ok {
		return &Error{Status: http.StatusBadRequest, Code: "filter", Text: text, Offset: &e.Offset}
	}
	if e, ok := errors.AsType[*option.ValueError](err); ok {
		return &Error{Status: http.StatusBadRequest, Code: "option", Text: text, Option: e.Option}
	}
	if e, ok := errors.AsType[*option.UnknownError](err); ok {
		return &Error{Status: http.StatusNotFound, Code: "option", Text: text, Option: e.Name}
	}
	if _, ok := errors.AsType[*flowview.NameError](err); ok {
		return badRequest("%s", text)
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault(http.StatusRequestEntityTooLarge, "too-large", "the request has more than %d octets", e.Limit)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return notFound("%s", text)
	case errors.Is(err, store.ErrEvicted):
		return fault(http.StatusGone, "evicted", "%s", text)
	case errors.Is(err, store.ErrRunning), errors.Is(err, engine.ErrNotLive), errors.Is(err, intercept.ErrNotHeld):
		return conflict("%s", text)
	}
	return fault(http.StatusInternalServerError, "internal", "%s", text)
}

// writeError answers with an error.
func writeError(w http.ResponseWriter, err error) {
	e := asError(err)
	writeJSON(w, e.Status, map[string]*Error{"error": e})
}

// writeJSON answers with v.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the client has left
}

// maxInput bounds a request of JSON, in octets: an edited body is in it.
const maxInput = 16 << 20

// readJSON reads the request into v. Keys that are not known are an error: they
// would be misspelt ones.
func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxInput))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return err
		}
		return badRequest("read the request as JSON: %v", err)
	}
	return nil
}
