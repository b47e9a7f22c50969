// Package instance is one running midstream: it reads the options and puts the
// parts together.
//
//	option.Registry ─► Start ─► CA, session (store), scripts ─► engine ─► proxy
//	                              ▲                                │
//	   Subscribe: live options ───┘        Watchers, hook.Set ◄────┘
//
// The command line and the Go library both stand on it. It has no logic of its
// own: what an option means is with the part that it steers. Its methods may be
// called at once, in the order Start, Serve, Close.
package instance
