package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"midstream/internal/api"
)

// Duplicate records copies of flows that have ended; Numbers of what it returns are
// the copies.
func (c *Client) Duplicate(ctx context.Context, which api.Which) (api.Done, error) {
	return c.do(ctx, "duplicate", which)
}

// Revert takes edited copies away again; Numbers of what it returns are the flows
// that they were made of.
func (c *Client) Revert(ctx context.Context, which api.Which) (api.Done, error) {
	return c.do(ctx, "revert", which)
}

// Replay sends requests of flows again, as they were.
func (c *Client) Replay(ctx context.Context, which api.Which) (api.Done, error) {
	return c.do(ctx, "replay", which)
}

// Edit records a copy of a flow that is other than it as draft says.
func (c *Client) Edit(ctx context.Context, number uint64, draft api.Draft) (m api.Made, err error) {
	err = c.call(ctx, http.MethodPost, fmt.Sprintf("/flows/%d/edit", number), draft, &m)
	return m, err
}

// Resend sends the request of a flow again, changed as draft says, and returns when
// it has begun.
func (c *Client) Resend(ctx context.Context, number uint64, draft api.Draft) (m api.Made, err error) {
	err = c.call(ctx, http.MethodPost, fmt.Sprintf("/flows/%d/resend", number), draft, &m)
	return m, err
}

// Drop keeps a held message from being sent; of a held request or response it ends
// the flow.
func (c *Client) Drop(ctx context.Context, number uint64) error {
	return c.call(ctx, http.MethodPost, fmt.Sprintf("/intercept/%d/drop", number), nil, nil)
}

// Answer answers a held request, or puts another response in the place of a held
// one.
func (c *Client) Answer(ctx context.Context, number uint64, answer api.Answer) error {
	return c.call(ctx, http.MethodPost, fmt.Sprintf("/intercept/%d/answer", number), answer, nil)
}

// Export is what sends the request of a flow again; kind is as in package code.
func (c *Client) Export(ctx context.Context, number uint64, kind string) (string, error) {
	p, err := c.octets(ctx, fmt.Sprintf("/flows/%d/export?%s", number, url.Values{"as": {kind}}.Encode()))
	return string(p), err
}

// octets asks for what is no JSON.
func (c *Client) octets(ctx context.Context, path string) ([]byte, error) {
	resp, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("ask process %d: %w", c.pid, err)
	}
	if resp.StatusCode >= 300 {
		return nil, c.failure(resp, p)
	}
	return p, nil
}

// Save writes flows to a file or a session on the machine of midstream.
func (c *Client) Save(ctx context.Context, wish api.SaveWish) (s api.Saved, err error) {
	err = c.call(ctx, http.MethodPost, "/save", wish, &s)
	return s, err
}

// Open adds the flows of a file or a session on the machine of midstream.
func (c *Client) Open(ctx context.Context, place api.Place) (l api.Loaded, err error) {
	err = c.call(ctx, http.MethodPost, "/open", place, &l)
	return l, err
}

// Keymap is which key does what.
func (c *Client) Keymap(ctx context.Context) (m api.Keymap, err error) {
	err = c.call(ctx, http.MethodGet, "/keymap", nil, &m)
	return m, err
}

// Scripts are those that run, and what went wrong in them.
func (c *Client) Scripts(ctx context.Context) ([]api.ScriptState, error) {
	var out struct{ Scripts []api.ScriptState }
	err := c.call(ctx, http.MethodGet, "/scripts", nil, &out)
	return out.Scripts, err
}

// Commands are those that scripts declare.
func (c *Client) Commands(ctx context.Context) ([]api.Command, error) {
	var out struct{ Commands []api.Command }
	err := c.call(ctx, http.MethodGet, "/commands", nil, &out)
	return out.Commands, err
}

// RunCommand runs a command of a script and returns what it answers.
func (c *Client) RunCommand(ctx context.Context, name string, args []string) (any, error) {
	var out struct{ Value any }
	err := c.call(ctx, http.MethodPost, "/commands/"+url.PathEscape(name), map[string][]string{"args": args}, &out)
	return out.Value, err
}

// Log is the lines of the log that are kept behind seq after.
func (c *Client) Log(ctx context.Context, after uint64) ([]api.LogEntry, error) {
	var out struct{ Entries []api.LogEntry }
	err := c.call(ctx, http.MethodGet, fmt.Sprint("/log?after=", after), nil, &out)
	return out.Entries, err
}

// SavedOptions is what SaveOptions has written.
type SavedOptions struct {
	Path             string
	Written, Secrets []string // Secrets were left out
}

// SaveOptions writes options to config.yaml, nil for all that were changed while it
// runs; secrets never.
func (c *Client) SaveOptions(ctx context.Context, names []string) (s SavedOptions, err error) {
	err = c.call(ctx, http.MethodPost, "/options/save", map[string][]string{"names": names}, &s)
	return s, err
}
