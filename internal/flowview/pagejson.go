package flowview

import (
	"bytes"
	"encoding/json"
	"io"

	"midstream/flow"
	"midstream/internal/dump"
)

// PageJSON writes what Page does, as one JSON object: the one of `dump --json`,
// with the certificates of both connections.
func PageJSON(w io.Writer, f *flow.Flow) error {
	var b bytes.Buffer
	if err := json.Indent(&b, dump.Object{Certificates: true}.Append(nil, f), "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}
