package api

import (
	"errors"
	"net/http"
	"time"

	"midstream/internal/pyhost"
)

// ScriptState is a script and what went wrong in it.
type ScriptState struct {
	Path   string     `json:"path"`
	Loaded bool       `json:"loaded"`
	Error  string     `json:"error"`
	At     *time.Time `json:"at,omitempty"`
}

// getScripts is GET /scripts.
func (s *Server) getScripts(w http.ResponseWriter, r *http.Request) error {
	list := []ScriptState{}
	for _, one := range s.control.Scripts() {
		st := ScriptState{Path: one.Path, Loaded: one.Loaded, Error: one.Fault}
		if at := one.At.UTC(); !one.At.IsZero() {
			st.At = &at
		}
		list = append(list, st)
	}
	writeJSON(w, http.StatusOK, map[string][]ScriptState{"scripts": list})
	return nil
}

// Command is one that a script declares.
type Command struct {
	Name string `json:"name"`
	Help string `json:"help"`
	// Args are name and type of each argument.
	Args [][]string `json:"args"`
}

// getCommands is GET /commands.
func (s *Server) getCommands(w http.ResponseWriter, _ *http.Request) error {
	list := []Command{}
	for _, c := range s.control.Commands() {
		if c.Args == nil {
			c.Args = [][]string{}
		}
		list = append(list, Command(c))
	}
	writeJSON(w, http.StatusOK, map[string][]Command{"commands": list})
	return nil
}

// postCommand is POST /commands/{name}.
func (s *Server) postCommand(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Args []string `json:"args"`
	}
	if err := readJSON(w, r, &in); err != nil && r.ContentLength != 0 {
		return err
	}
	value, err := s.control.Run(r.Context(), r.PathValue("name"), in.Args)
	if errors.Is(err, pyhost.ErrNoCommand) {
		return notFound("%v", err)
	}
	if err != nil {
		return conflict("%s", asError(err).Text)
	}
	writeJSON(w, http.StatusOK, map[string]any{"value": value})
	return nil
}
