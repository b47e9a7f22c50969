// Package midstream is the intercepting proxy as a Go library.
//
//	p, err := midstream.New(midstream.Config{Addons: []any{myAddon{}}})
//	err = p.Start(ctx)          // CA, session, listeners
//	p.Addresses()               // where it listens
//	err = p.Wait()              // until ctx ends; then it has drained and closed
//
// An addon is any value with one or more of the event methods of package hook;
// what it sees are hook.Exchange values, and what has passed is flow.Flow. The
// options are those of the command line, by the same names.
//
// A Proxy belongs to one goroutine until Start has returned; Addresses and Wait
// may be called at once afterwards.
package midstream
