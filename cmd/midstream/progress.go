package main

import (
	"fmt"
	"time"

	"midstream/internal/flowview"
	"midstream/internal/query"
	"midstream/internal/store"
)

// patience is how long a search goes on before it says how far it is.
const patience = time.Second

// progress tells a person on a terminal how far a long search is; nil where
// there is no terminal, or nothing is searched for. What is found goes to
// standard output, which may be the same terminal, so each word of it is a line.
func (c *flowsCommand) progress(filter *query.Filter) func(store.Progress) {
	if filter == nil || terminal(c.env.stderr) == nil {
		return nil
	}
	next := time.Now().Add(patience)
	return func(p store.Progress) {
		if now := time.Now(); now.After(next) && p.Seen < p.Of {
			next = now.Add(5 * patience)
			fmt.Fprintf(c.env.stderr, "searched %d of %s, found %d\n", p.Seen, flowview.Count(p.Of, "flow"), p.Found)
		}
	}
}
