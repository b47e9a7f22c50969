package api

import (
	"net/http"
	"path/filepath"

	"midstream/internal/keymap"
)

// Keymap is which key does what.
type Keymap struct {
	// Path is the file that gives verbs other keys, whether it is there or not; Error
	// is why it counts for nothing.
	Path  string        `json:"path"`
	Error string        `json:"error,omitempty"`
	Verbs []keymap.Verb `json:"verbs"`
}

// getKeymap is GET /keymap.
func (s *Server) getKeymap(w http.ResponseWriter, _ *http.Request) error {
	out := Keymap{Path: filepath.Join(s.control.Options().Path("confdir"), keymap.FileName)}
	var err error
	if out.Verbs, err = keymap.Load(out.Path); err != nil {
		out.Error = asError(err).Text
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}
