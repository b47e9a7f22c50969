// Package client speaks to the control API of a midstream that runs.
//
//	store.Live ──New──► Client ──unix socket──► api.Server
//	                      │
//	        Mark, Kill, Rules, ...  ──► the shapes of package api
//
// Errors are *api.Error where the API has answered with one. A Client may be used
// from several goroutines at once and must be closed.
package client
