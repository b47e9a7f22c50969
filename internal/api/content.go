package api

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"

	"midstream/flow"
	body "midstream/internal/view"
)

// maxContent bounds a content that is set out to be edited, and the text that is
// made of it, in octets.
const (
	maxContent     = 2 << 20
	maxContentText = 16 << 20
)

// readContent reads the octets of a request.
func readContent(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	p, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, fault(http.StatusRequestEntityTooLarge, "too-large", "it has more than %d octets", most)
	}
	if err != nil {
		return nil, badRequest("read the content: %v", err)
	}
	return p, nil
}

// ContentText is a content as text that can be edited.
type ContentText struct {
	View string `json:"view"`
	Text string `json:"text"`
}

// postContentText is POST /content/text: octets as text that postContentOctets reads
// again. It changes nothing.
func (s *Server) postContentText(w http.ResponseWriter, r *http.Request) error {
	name := r.URL.Query().Get("as")
	p, err := readContent(w, r, maxContent)
	if err != nil {
		return err
	}
	in := body.Input{Body: bytes.NewReader(p), Fields: flow.Fields{}, Others: s.control.Views()}
	if kind := r.URL.Query().Get("type"); kind != "" {
		in.Fields.Add("Content-Type", kind)
	}
	var text bytes.Buffer
	long := false
	result, err := body.Print(r.Context(), in, name, body.Window{}, func(line string) bool {
		if text.Len() > 0 {
			text.WriteByte('\n')
		}
		text.WriteString(line)
		long = long || len(line) > body.LongLine-4
		return text.Len() <= maxContentText
	})
	if unknown, ok := errors.AsType[*body.UnknownError](err); ok {
		return badRequest("%v", unknown)
	}
	if err != nil {
		return conflict("%v", err)
	}
	switch {
	case !result.Editable:
		return conflict("what the view %s shows cannot be changed", result.View)
	case len(result.Notes) > 0:
		return conflict("it cannot be edited as %s: %s", result.View, oneLine(result.Notes[0]))
	case long || text.Len() > maxContentText:
		return conflict("it cannot be edited as %s: a line or the whole of it is too long", result.View)
	}
	writeJSON(w, http.StatusOK, ContentText{result.View, text.String()})
	return nil
}

// postContentOctets is POST /content/octets: the octets of what a person has edited.
// It changes nothing.
func (s *Server) postContentOctets(w http.ResponseWriter, r *http.Request) error {
	text, err := readContent(w, r, maxContentText)
	if err != nil {
		return err
	}
	as := r.URL.Query().Get("as")
	var p []byte
	if others := s.control.Views(); others != nil && slices.Contains(others.Names(), as) {
		p, err = others.Encode(r.Context(), as, string(text))
	} else {
		p, err = body.Edit(as, string(text))
	}
	if err != nil {
		return badRequest("%s", oneLine(err.Error()))
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Security-Policy", sandbox)
	_, _ = w.Write(p) // the client has left
	return nil
}
