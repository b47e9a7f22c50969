package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"midstream/flow"
	"midstream/internal/api"
	"midstream/internal/view"
)

// mostLines is how many lines of a view are asked for at once.
const mostLines = 1000

// Lines shows a window of a body by a view, also by one that a script declares. There
// may be less lines than the window has.
func (c *Client) Lines(ctx context.Context, number uint64, side flow.Side, name string, w view.Window) (*api.Lines, error) {
	n := int64(mostLines)
	if w.Count > 0 && w.Count < n {
		n = w.Count
	}
	q := url.Values{"as": {name}, "from": {strconv.FormatInt(w.From, 10)}, "n": {strconv.FormatInt(n, 10)}}
	var lines api.Lines
	err := c.call(ctx, http.MethodGet, fmt.Sprintf("/flows/%d/%s/view?%s", number, side, q.Encode()), nil, &lines)
	return &lines, err
}
