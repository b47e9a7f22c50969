package api

import "net/http"

// Rule is one rule of the list in force.
type Rule struct {
	Name   string            `json:"name"`
	On     bool              `json:"on"`
	When   string            `json:"when"`
	Do     string            `json:"do"`
	Params map[string]string `json:"params"`
	// From is where it stands: a place in a file, or an option.
	From string `json:"from"`
	// Hits is how many messages it has changed.
	Hits int64 `json:"hits"`
}

// getRules is GET /rules.
func (s *Server) getRules(w http.ResponseWriter, _ *http.Request) error {
	list := []Rule{}
	for _, r := range s.cfg.Instance.Rules() {
		list = append(list, Rule{r.Name, !r.Off, r.When, r.Do, r.Params, r.From, r.Hits()})
	}
	writeJSON(w, http.StatusOK, map[string]any{"rules": list})
	return nil
}
