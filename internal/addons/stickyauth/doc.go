// Package stickyauth remembers the Authorization of each host and adds it to
// requests that have none.
//
//	request with Authorization ──► kept by host and port ──► request without one
//
// It keeps at most 1000 hosts, the oldest go first. An Addon may be used from
// several goroutines at once.
package stickyauth
