package client

import (
	"context"
	"net/http"
	"net/url"

	"midstream/internal/api"
)

// Rules are those in force, with how often each has changed something.
func (c *Client) Rules(ctx context.Context) (l api.Rules, err error) {
	err = c.call(ctx, http.MethodGet, "/rules", nil, &l)
	return l, err
}

// AddRule puts a rule into the file of rules, and in force.
func (c *Client) AddRule(ctx context.Context, r api.NewRule) (l api.Rules, err error) {
	err = c.call(ctx, http.MethodPost, "/rules", r, &l)
	return l, err
}

// ChangeRule changes what of a rule of the file is not nil in w.
func (c *Client) ChangeRule(ctx context.Context, name string, w api.RuleWish) (l api.Rules, err error) {
	err = c.call(ctx, http.MethodPatch, "/rules/"+url.PathEscape(name), w, &l)
	return l, err
}
