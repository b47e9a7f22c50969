// Package api is the control API of one running midstream: HTTP and JSON under
// /api/v1, as docs/openapi.yaml has it, and the change feed.
//
//	browser, curl ──web address──► Guard (token, Host, Origin) ─┐
//	commands ──────unix socket────────────────────────────────┴► routes ─► instance.Control, store.Reader
//	engine ──Watch──► Hub ──every 50 ms──► views ──batch, encoded once──► readers of the feed
//
// Watch only notes a picture and returns: nothing on the data path waits for a
// reader. A reader that is too slow loses what it has not read and is told to ask
// again. Views hold numbers and sort keys, never flows; rows are read from the
// session when they are asked for.
//
// What a flow looks like is left to flowview, what a filter means to query. All
// may be called at once.
package api
