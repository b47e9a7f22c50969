package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"midstream/internal/api"
	"midstream/internal/store"
)

// ErrNoControl says that a midstream has no control socket.
var ErrNoControl = errors.New("it has no control socket: its log says why")

// Client speaks to one midstream.
type Client struct {
	http *http.Client
	tr   *http.Transport
	pid  int
}

// New makes a client for a midstream that runs; it connects when something is
// asked for. It fails with ErrNoControl.
func New(live store.Live) (*Client, error) {
	if live.Control == "" {
		return nil, fmt.Errorf("process %d: %w", live.PID, ErrNoControl)
	}
	tr := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			d := net.Dialer{Timeout: 5 * time.Second}
			return d.DialContext(ctx, "unix", live.Control)
		},
		MaxIdleConns: 2, IdleConnTimeout: 30 * time.Second,
	}
	return &Client{http: &http.Client{Transport: tr}, tr: tr, pid: live.PID}, nil
}

// Close lets go of its connections.
func (c *Client) Close() { c.tr.CloseIdleConnections() }

// maxAnswer bounds an answer that is read whole, in octets.
const maxAnswer = 64 << 20

// call sends in as JSON, nil for nothing, and reads the answer into out, nil for
// none.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		p, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("ask process %d: %w", c.pid, err)
		}
		body = bytes.NewReader(p)
	}
	resp, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("ask process %d: %w", c.pid, err)
	}
	if resp.StatusCode >= 300 {
		return c.failure(resp, p)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(p, out); err != nil {
		return fmt.Errorf("ask process %d: %w", c.pid, err)
	}
	return nil
}

// send sends a request; the answer's body is to be closed.
func (c *Client) send(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://midstream/api/v1"+path, body)
	if err != nil {
		return nil, fmt.Errorf("ask process %d: %w", c.pid, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask process %d: %w", c.pid, errors.Unwrap(err))
	}
	return resp, nil
}

// failure reads an answer that is no success.
func (c *Client) failure(resp *http.Response, p []byte) error {
	var said struct{ Error *api.Error }
	if json.Unmarshal(p, &said) != nil || said.Error == nil {
		return fmt.Errorf("ask process %d: it answered %s", c.pid, resp.Status)
	}
	said.Error.Status = resp.StatusCode
	return said.Error
}

// Mark gives flows a marker, "" for none; those that run get it when they have
// ended.
func (c *Client) Mark(ctx context.Context, which api.Which, marker string) (api.Done, error) {
	return c.do(ctx, "mark", struct {
		api.Which
		Marker string `json:"marker"`
	}{which, marker})
}

// Comment gives flows a comment, as Mark does.
func (c *Client) Comment(ctx context.Context, which api.Which, comment string) (api.Done, error) {
	return c.do(ctx, "comment", struct {
		api.Which
		Comment string `json:"comment"`
	}{which, comment})
}

// Delete removes flows that have ended.
func (c *Client) Delete(ctx context.Context, which api.Which) (api.Done, error) {
	return c.do(ctx, "delete", which)
}

// Kill ends flows that run.
func (c *Client) Kill(ctx context.Context, which api.Which) (api.Done, error) {
	return c.do(ctx, "kill", which)
}

// Resume lets held flows go on; the others stay as they are.
func (c *Client) Resume(ctx context.Context, which api.Which) (api.Done, error) {
	return c.do(ctx, "resume", which)
}

func (c *Client) do(ctx context.Context, what string, in any) (d api.Done, err error) {
	err = c.call(ctx, http.MethodPost, "/flows/"+what, in, &d)
	return d, err
}
