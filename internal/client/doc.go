// Package client makes a program of this machine a client of the proxy: the
// variables that steer it there and let it trust the CA, and the process itself.
//
//	Setting{proxy, bundle, files} ─► Variables ─┬─► Environ ─► Command.Run ─► exit code
//	                                            └─► Script(shell), for eval
//
// What a variable means is decided by the programs that read it; the table in
// variables.go says which those are. The package opens no socket and knows
// nothing of proxies but their address: package ca writes the bundle, Prepare the
// other files.
//
// Everything here may be called at once; a Command runs once.
package client
