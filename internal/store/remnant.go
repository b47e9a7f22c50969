package store

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"midstream/flow"
)

// remnant is what the index still has of a flow whose heads are gone.
func (r *Reader) remnant(ctx context.Context, number uint64) (*flow.Flow, error) {
	rows, err := r.db.QueryContext(ctx, selectRow+"WHERE f.number = ?", int64(number))
	if err != nil {
		return nil, fmt.Errorf("read index: %w", err)
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return nil, fmt.Errorf("read index: %w", err)
		}
		return nil, fmt.Errorf("flow %d: %w in this session", number, ErrNotFound)
	}
	s, _, err := scanRow(rows)
	if err != nil {
		return nil, err
	}
	f := &flow.Flow{
		ID: s.ID, Number: s.Number, Kind: s.Kind, Start: s.Start, Outcome: s.Outcome, Marker: s.Marker,
		RequestBody: s.Request.remnant(), ResponseBody: s.Response.remnant(),
		Findings: []flow.Finding{{Code: "heads-removed", Text: "its heads were " + ErrEvicted.Error() + "; this is what the index still has"}},
	}
	if s.Duration > 0 {
		f.End = f.Start.Add(s.Duration)
	}
	if s.Method != "" {
		f.Request = &flow.Request{Method: s.Method, Scheme: s.Scheme, Authority: s.Host, Path: s.Path}
		f.Request.Host, f.Request.Port = splitHost(s.Scheme, s.Host)
		if s.Method == "CONNECT" && s.Path == "" {
			f.Request.Form, f.Request.Path = flow.AuthorityForm, ""
		}
	} else if s.Host != "" {
		f.Server = &flow.Conn{Address: s.Host}
	}
	if s.Status != 0 {
		f.Response = &flow.Response{Status: s.Status}
		if s.Type != "" {
			f.Response.Fields = flow.Fields{{Name: "Content-Type", Value: s.Type}}
		}
	}
	return f, nil
}

// remnant is a body whose octets cannot be found any more.
func (s BodySummary) remnant() flow.Body {
	b := flow.Body{Disposition: s.Disposition, Declared: -1, Received: s.Size, Sent: s.Size, Record: s.Record}
	if s.Record != flow.Unrecorded && s.Size > 0 {
		b.Record, b.Removed, b.CutReason = flow.Cut, s.Size, ErrEvicted.Error()
	}
	return b
}

func splitHost(scheme, host string) (string, uint16) {
	name, port, err := net.SplitHostPort(host)
	if n, perr := strconv.ParseUint(port, 10, 16); err == nil && perr == nil {
		return name, uint16(n)
	}
	if scheme == "https" {
		return host, 443
	}
	return host, 80
}
