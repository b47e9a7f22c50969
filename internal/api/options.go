package api

import (
	"math"
	"net/http"
	"path/filepath"
	"slices"

	"midstream/internal/option"
)

// optionViews returns the options of those names; all where there are none.
func (s *Server) optionViews(names []string) []option.View {
	list := []option.View{}
	for _, v := range s.control.Options().Views() {
		if names == nil || slices.Contains(names, v.Name) {
			list = append(list, v)
		}
	}
	return list
}

// getOptions is GET /options.
func (s *Server) getOptions(w http.ResponseWriter, r *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]any{"schema": option.Schema, "options": s.optionViews(nil)})
	return nil
}

// getOption is GET /options/{name}.
func (s *Server) getOption(w http.ResponseWriter, r *http.Request) error {
	o, err := s.control.Options().Find(r.PathValue("name"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, s.optionViews([]string{o.Name})[0])
	return nil
}

// patchOptions is PATCH /options: all of them are changed, or none.
func (s *Server) patchOptions(w http.ResponseWriter, r *http.Request) error {
	var in map[string]any
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	names := []string{}
	for name, value := range in {
		o, err := s.control.Options().Find(name)
		if err != nil {
			return err
		}
		names = append(names, o.Name)
		if n, ok := value.(float64); ok {
			if n != math.Trunc(n) || math.Abs(n) > 1<<53 {
				return &Error{Status: http.StatusBadRequest, Code: "option", Option: name, Text: "option " + name + ": numbers are whole ones"}
			}
			in[name] = int64(n)
		}
		if list, ok := value.([]any); ok {
			texts := make([]string, 0, len(list))
			for _, e := range list {
				t, ok := e.(string)
				if !ok {
					return &Error{Status: http.StatusBadRequest, Code: "option", Option: name, Text: "option " + name + ": a list has texts"}
				}
				texts = append(texts, t)
			}
			in[name] = texts
		}
	}
	if err := s.control.Options().Update(in); err != nil {
		if e := asError(err); e.Code != "internal" {
			return e
		}
		return fault(http.StatusBadRequest, "option", "%s", asError(err).Text) // a subscriber has refused
	}
	writeJSON(w, http.StatusOK, map[string]any{"options": s.optionViews(names)})
	return nil
}

// saveOptions is POST /options/save.
func (s *Server) saveOptions(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Names []string `json:"names"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	reg := s.control.Options()
	path := filepath.Join(reg.Path("confdir"), option.FileName)
	written, secrets, err := reg.Save(path, in.Names)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"path": path, "written": written, "secrets": secrets})
	return nil
}
