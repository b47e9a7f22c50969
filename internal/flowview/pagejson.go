package flowview

import (
	"bytes"
	"encoding/json"
	"io"

	"midstream/flow"
	"midstream/internal/dump"
	"midstream/internal/llm"
)

// PageJSON writes what Page does, as one JSON object: the one of `dump --json`,
// with the certificates of both connections, and what a language model has answered as
// llm; nil is left out.
func PageJSON(w io.Writer, f *flow.Flow, answer *llm.Result) error {
	object := dump.Object{Certificates: true}.Append(nil, f)
	var err error
	if answer != nil {
		if object, err = appendAnswer(object, answer); err != nil {
			return err
		}
	}
	var b bytes.Buffer
	if err := json.Indent(&b, object, "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err = w.Write(b.Bytes())
	return err
}
