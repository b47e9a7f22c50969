package view

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// request is one operation (GraphQL over HTTP, section 5).
type request struct {
	OperationName string          `json:"operationName"`
	Query         string          `json:"query"`
	Variables     json.RawMessage `json:"variables"`
	Extensions    json.RawMessage `json:"extensions"`
}

// showGraphQL prints operations with their query as text, one or a batch.
func showGraphQL(s *source, p *page) error {
	body := bytes.TrimSpace(s.all())
	if s.in.media() == "application/graphql" {
		query(p, string(body))
		return nil
	}
	var batch []request
	var err error
	if len(body) > 0 && body[0] == '[' {
		err = json.Unmarshal(body, &batch)
	} else {
		batch = make([]request, 1)
		err = json.Unmarshal(body, &batch[0])
	}
	if err != nil {
		return fmt.Errorf("it is no operation: %w", err)
	}
	for i, r := range batch {
		if r.Query == "" && r.Extensions == nil {
			return errors.New("it has no query")
		}
		if i > 0 {
			p.row("---")
		}
		if r.OperationName != "" {
			p.row("# operation %s", r.OperationName)
		}
		query(p, r.Query)
		for _, part := range []struct {
			name string
			text json.RawMessage
		}{{"variables", r.Variables}, {"extensions", r.Extensions}} {
			if len(part.text) > 0 && string(part.text) != "null" {
				p.row("# %s", part.name)
				_ = indented(p, 0, part.text) // it was read already
			}
		}
	}
	return nil
}

// query prints a query, indented anew when it is in one line.
func query(p *page, text string) {
	if bytes.IndexByte([]byte(text), '\n') >= 0 {
		lines(p, 0, []byte(text))
		return
	}
	c := &coder{r: bufio.NewReader(bytes.NewReader([]byte(text))), p: p, blank: true}
	c.run()
	p.finish()
}
